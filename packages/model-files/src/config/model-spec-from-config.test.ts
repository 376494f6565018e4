/** Rules of the reader itself: defaults of the code, windows, context, errors. */
import { PlimsollError } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import type { ModelSpec } from '../model-spec.ts';
import { describeLayers } from './describe-layers.test-data.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';

const sizes = {
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  vocab_size: 1000,
  max_position_embeddings: 4096,
};

function read(config: object): ModelSpec {
  return modelSpecFromConfig({ ...sizes, ...config });
}

function refusal(config: unknown, options = {}): object {
  try {
    modelSpecFromConfig(config, options);
  } catch (error) {
    if (error instanceof PlimsollError) return error.toJSON();
    throw error;
  }
  throw new Error('the config was not refused');
}

describe('defaults of the code', () => {
  test('heads, head dimension and tying', () => {
    expect(describeLayers(read({ model_type: 'llama' }))).toEqual(['6 x full 4/4 heads of 64 | dense 512']);
    expect(read({ model_type: 'llama' }).tiedEmbeddings).toBe(false);
    expect(read({ model_type: 'gemma2' }).tiedEmbeddings).toBe(true);
    expect(read({ model_type: 'gemma2' }).tensors.some(({ role }) => role === 'lm-head')).toBe(false);
  });

  test('a nested config takes defaults from the code, and tying from the outer config', () => {
    const nested = { model_type: 'llava', text_config: { model_type: 'mistral', vocab_size: 32064 } };
    expect(describeLayers(modelSpecFromConfig(nested))).toEqual([
      '32 x sliding 4096 32/8 heads of 128 | dense 14336',
    ]);
    const tied = modelSpecFromConfig({ ...nested, tie_word_embeddings: true });
    expect(tied.tiedEmbeddings).toBe(true);
  });

  test('element types', () => {
    expect(read({ model_type: 'llama', torch_dtype: 'float16' }).elementType).toBe('fp16');
    expect(read({ model_type: 'llama', dtype: 'torch.float32' }).elementType).toBe('fp32');
    expect(read({ model_type: 'llama' }).elementType).toBe('bf16');
  });
});

describe('windows', () => {
  const kinds = (config: object): readonly string[] =>
    read(config).layers.map(({ attention }) => {
      if (attention.kind === 'sliding') return `${attention.window}`;
      return attention.kind === 'chunked' ? `chunk ${attention.chunk}` : attention.kind;
    });
  const full = Array<string>(6).fill('full');

  test('Mistral: an absent key means the default window, null means no window', () => {
    expect(kinds({ model_type: 'mistral' })).toEqual(Array(6).fill('4096'));
    expect(kinds({ model_type: 'mistral', sliding_window: null })).toEqual(full);
    expect(kinds({ model_type: 'phi3' })).toEqual(full);
    expect(kinds({ model_type: 'phi3', sliding_window: 2047 })).toEqual(Array(6).fill('2047'));
  });

  test('Qwen: no window unless switched on, then from a given layer on', () => {
    const stated = { model_type: 'qwen2', sliding_window: 1024, max_window_layers: 4 };
    expect(kinds(stated)).toEqual(full);
    expect(kinds({ ...stated, use_sliding_window: true })).toEqual([...full.slice(0, 4), '1024', '1024']);
  });

  test('alternating patterns, and the list that overrides them', () => {
    expect(kinds({ model_type: 'gemma2', sliding_window: 8 })).toEqual([
      '8',
      'full',
      '8',
      'full',
      '8',
      'full',
    ]);
    expect(kinds({ model_type: 'gemma3_text', sliding_window: 8 })).toEqual([
      '8',
      '8',
      '8',
      '8',
      '8',
      'full',
    ]);
    expect(kinds({ model_type: 'cohere2', sliding_window: 8 })).toEqual(['8', '8', '8', 'full', '8', '8']);
    const types = ['full_attention', ...Array<string>(5).fill('sliding_attention')];
    expect(kinds({ model_type: 'gemma2', sliding_window: 8, layer_types: types })).toEqual([
      'full',
      ...Array(5).fill('8'),
    ]);
  });

  test('Llama 4: chunks except in every fourth layer, or as listed', () => {
    const llama4 = { model_type: 'llama4_text', num_local_experts: 4, attention_chunk_size: 512 };
    expect(kinds(llama4)).toEqual(['chunk 512', 'chunk 512', 'chunk 512', 'full', 'chunk 512', 'chunk 512']);
    expect(kinds({ ...llama4, no_rope_layers: [0, 1, 1, 1, 1, 1] })).toEqual([
      'full',
      ...Array(5).fill('chunk 512'),
    ]);
  });

  test('a layer that shares a cache names the last owner of its kind', () => {
    const spec = read({
      model_type: 'gemma4_text',
      head_dim: 64,
      global_head_dim: 64,
      num_key_value_heads: 2,
      sliding_window: 8,
      num_kv_shared_layers: 2,
      layer_types: ['sliding', 'full', 'sliding', 'full', 'sliding', 'full'].map(
        (type) => `${type}_attention`,
      ),
    });
    expect(describeLayers(spec)).toEqual([
      '2 x sliding 8 4/2 heads of 64 | dense 512',
      '2 x full 4/2 heads of 64 | dense 512',
      '1 x sliding 8 4/2 heads of 64, cache of layer 2 | dense 512',
      '1 x full 4/2 heads of 64, cache of layer 3 | dense 512',
    ]);
  });
});

describe('context length', () => {
  const context = (config: object): number => read({ model_type: 'llama', ...config }).contextLength;

  test('YaRN multiplies the original length, even if the file states the product', () => {
    const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32768 };
    expect(context({ max_position_embeddings: 32768, rope_scaling: yarn })).toBe(131072);
    expect(context({ max_position_embeddings: 131072, rope_scaling: yarn })).toBe(131072);
    expect(context({ max_position_embeddings: 163840, rope_scaling: { type: 'yarn', factor: 40 } })).toBe(
      163840,
    );
  });

  test('linear scaling multiplies the stated length, Llama 3 and LongRoPE do not', () => {
    expect(context({ rope_scaling: { type: 'linear', factor: 4 } })).toBe(16384);
    const llama3 = { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 1024 };
    expect(context({ rope_scaling: llama3 })).toBe(4096);
    expect(context({ rope_scaling: { type: 'longrope', factor: 8 } })).toBe(4096);
    expect(context({ model_type: 'gemma3_text', rope_scaling: { rope_type: 'linear', factor: 8 } })).toBe(
      4096,
    );
  });

  test('other spellings of the key, and no key', () => {
    expect(context({ max_position_embeddings: null, n_positions: 1024 })).toBe(1024);
    expect(context({ model_max_length: 131072 })).toBe(131072);
    expect(context({ max_position_embeddings: null })).toBe(2048);
  });
});

describe('refusals', () => {
  test('the error of an unknown family lists the unknown keys; --assume reads it', () => {
    const config = { ...sizes, model_type: 'gyrocopter', rotor_count: 3, rms_norm_eps: 1e-6 };
    expect(refusal(config)).toMatchInlineSnapshot(`
      {
        "code": "unsupported-family",
        "hint": "add --assume llama to plan it as a Llama with these sizes, or name another known family",
        "limit": "a known family, such as llama, qwen3_moe or deepseek_v3",
        "message": "model family "gyrocopter" is not modelled; keys not understood: rotor_count",
        "value": "gyrocopter",
      }
    `);
    const assumed = modelSpecFromConfig(config, { assume: 'llama' });
    expect(assumed.family).toBe('gyrocopter');
    expect(assumed.notModelled).toEqual(['rotor_count']);
    expect(refusal(config, { assume: 'autogyro' })).toMatchObject({
      code: 'unsupported-family',
      value: 'autogyro',
    });
    expect(refusal({ ...sizes })).toMatchObject({ code: 'unsupported-family', value: 'no model_type' });
    expect(refusal({ ...sizes, model_type: '__proto__' })).toMatchObject({ code: 'unsupported-family' });
  });

  test('errors name the key, the value seen and the values allowed', () => {
    expect(refusal({ model_type: 'llama' })).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "hidden_size or n_embd or d_model must be a whole number from 1 to 10000000",
        "limit": "a whole number from 1 to 10000000",
        "message": "the config lacks hidden_size or n_embd or d_model",
        "value": "missing",
      }
    `);
    expect(refusal({ ...sizes, model_type: 'llama', hidden_size: '256' })).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "hidden_size must be a whole number from 1 to 10000000",
        "limit": "a whole number from 1 to 10000000",
        "message": "hidden_size is "256"",
        "value": ""256"",
      }
    `);
    expect(refusal({ ...sizes, model_type: 'llama', num_attention_heads: 3 })).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "head_dim must be given, because 3 heads do not divide 256",
        "limit": "given, because 3 heads do not divide 256",
        "message": "the config lacks head_dim",
        "value": "missing",
      }
    `);
    expect(
      refusal({ ...sizes, model_type: 'gemma2', sliding_window: 4, layer_types: ['full_attention'] }),
    ).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "layer_types must be a list of 6, one entry per layer",
        "limit": "a list of 6, one entry per layer",
        "message": "layer_types is a list of 1",
        "value": "a list of 1",
      }
    `);
    expect(
      refusal({
        model_type: 'llava',
        text_config: { model_type: 'llama', num_attention_heads: null, vocab_size: {} },
      }),
    ).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "text_config.vocab_size must be a whole number from 1 to 10000000",
        "limit": "a whole number from 1 to 10000000",
        "message": "text_config.vocab_size is an object",
        "value": "an object",
      }
    `);
    expect(refusal([])).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "config.json must be an object",
        "limit": "an object",
        "message": "config.json is a list of 0",
        "value": "a list of 0",
      }
    `);
  });

  test('sizes beyond any model are refused before any work', () => {
    expect(refusal({ ...sizes, model_type: 'llama', num_hidden_layers: 1e9 })).toMatchInlineSnapshot(`
      {
        "code": "bad-config",
        "hint": "num_hidden_layers must be a whole number from 1 to 10000",
        "limit": "a whole number from 1 to 10000",
        "message": "num_hidden_layers is 1000000000",
        "value": "1000000000",
      }
    `);
    expect(
      refusal({
        ...sizes,
        model_type: 'llama',
        hidden_size: 1e6,
        intermediate_size: 1e7,
        num_hidden_layers: 100,
      }),
    ).toMatchInlineSnapshot(`
      {
        "code": "bad-geometry",
        "hint": "the file is damaged, or its parts belong to different models: download or convert it again",
        "limit": "a whole number from 1 to 65536",
        "message": "head_dim is 250000 in layer 0; it must be a whole number from 1 to 65536",
        "value": 250000,
      }
    `);
  });
});
