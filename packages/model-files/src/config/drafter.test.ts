/** Drafters of speculative decoding: every record of the registry, and the ways in which configs state a drafter. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { elementCount, type ModelSpec } from '../model-spec.ts';
import { modelSpecFromConfig } from './model-spec-from-config.ts';
import { modelSpecFromRecord } from './model-spec-from-record.ts';

const folder = new URL('../../../registry/data/drafters/', import.meta.url);
const records = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));

/** Parameters without embedding and, where the drafter reads the model's head, without head. */
function ownParameters(spec: ModelSpec): number {
  const readsHead = spec.drafter?.kind === 'dflash' || spec.drafter?.kind === 'dspark';
  const tensors = [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)];
  return tensors
    .filter(({ role }) => !(readsHead && (role === 'token-embedding' || role === 'lm-head')))
    .filter(({ role }) => spec.drafter?.kind === 'assistant' || role !== 'token-embedding')
    .reduce((sum, tensor) => sum + elementCount(tensor), 0);
}

test('every record reads completely', () => {
  const lines = records.map((record) => {
    const spec = modelSpecFromRecord(record);
    const { drafter } = spec;
    expect(spec.notModelled, spec.id).toEqual([]);
    const millions = (ownParameters(spec) / 1e6).toFixed(1);
    return `${spec.id}: ${drafter?.kind} of ${drafter?.tokens ?? 'any'} tokens, ${spec.layers.length} layers, ${millions} M`;
  });
  expect(lines).toMatchInlineSnapshot(`
    [
      "AngelSlim/Qwen3-32B_eagle3: eagle3 of any tokens, 1 layers, 782.5 M",
      "AngelSlim/Qwen3-8B_eagle3: eagle3 of any tokens, 1 layers, 399.5 M",
      "deepseek-ai/dspark_qwen3_4b_block7: dspark of 7 tokens, 5 layers, 615.2 M",
      "deepseek-ai/dspark_qwen3_8b_block7: dspark of 7 tokens, 5 layers, 1126.4 M",
      "google/gemma-4-31B-it-assistant: assistant of any tokens, 4 layers, 469.5 M",
      "lmsys/EAGLE3-gpt-oss-120b-bf16: eagle3 of any tokens, 1 layers, 307.6 M",
      "lmsys/SGLang-EAGLE3-Llama-3.1-8B-Instruct-SpecForge: eagle3 of any tokens, 1 layers, 424.7 M",
      "lmsys/SGLang-EAGLE3-Llama-3.3-70B-Instruct-SpecForge: eagle3 of any tokens, 1 layers, 1403.0 M",
      "lmsys/SGLang-EAGLE3-Qwen3-235B-A22B-Instruct-2507-SpecForge-Meituan: eagle3 of any tokens, 1 layers, 592.5 M",
      "lmsys/SGLang-EAGLE3-Qwen3-30B-A3B-Instruct-2507-SpecForge-Nex: eagle3 of any tokens, 1 layers, 183.0 M",
      "lmsys/SGLang-EAGLE3-Qwen3-Coder-30B-A3B-Instruct-SpecForge: eagle3 of any tokens, 1 layers, 183.0 M",
      "lmsys/SGLang-EAGLE3-Qwen3-Coder-480B-A35B-Instruct-SpecForge-EigenAI: eagle3 of any tokens, 1 layers, 863.5 M",
      "RadixArk/Kimi-K3-DSpark: dspark of 7 tokens, 5 layers, 2249.3 M",
      "yuhuili/EAGLE3-LLaMA3.1-Instruct-8B: eagle3 of any tokens, 1 layers, 424.7 M",
      "z-lab/Qwen3-4B-DFlash-b16: dflash of 16 tokens, 5 layers, 537.4 M",
      "z-lab/Qwen3-8B-DFlash-b16: dflash of 16 tokens, 5 layers, 1048.6 M",
      "z-lab/Qwen3-Coder-30B-A3B-DFlash: dflash of 16 tokens, 8 layers, 474.0 M",
      "z-lab/Qwen3.5-35B-A3B-DFlash: dflash of 16 tokens, 8 layers, 474.0 M",
      "z-lab/Qwen3.6-27B-DFlash: dflash of 16 tokens, 5 layers, 1730.2 M",
      "z-lab/Qwen3.6-35B-A3B-DFlash: dflash of 16 tokens, 8 layers, 474.0 M",
    ]
  `);
});

const layer = {
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 1000,
  max_position_embeddings: 4096,
};

function shapes(config: object): Readonly<Record<string, readonly number[]>> {
  const spec = modelSpecFromConfig(config);
  const named = [
    ...spec.tensors,
    ...spec.layers.flatMap((item, index) =>
      item.tensors.map((tensor) => ({ ...tensor, name: `${index}.${tensor.name}` })),
    ),
  ];
  return Object.fromEntries(named.map(({ name, shape }) => [name, shape]));
}

describe('EAGLE3', () => {
  const config = {
    ...layer,
    model_type: 'llama',
    architectures: ['LlamaForCausalLMEagle3'],
    draft_vocab_size: 100,
  };

  test('reads token and hidden state side by side in its first layer, and three layers of the model', () => {
    const found = shapes({ ...config, target_hidden_size: 320 });
    expect(found['0.self_attn.q_proj.weight']).toEqual([256, 512]);
    expect(found['0.self_attn.k_proj.weight']).toEqual([128, 512]);
    expect(found['1.self_attn.q_proj.weight']).toEqual([256, 256]);
    expect(found['fc.weight']).toEqual([256, 3 * 320]);
    expect(found['lm_head.weight']).toEqual([100, 256]);
  });

  test('reads the layers that its config lists, and has no projection without them', () => {
    const listed = {
      ...config,
      eagle_config: { eagle_aux_hidden_state_layer_ids: [1, 2], use_aux_hidden_state: true },
    };
    expect(shapes(listed)['fc.weight']).toEqual([256, 2 * 256]);
    expect(shapes({ ...config, eagle_config: { use_aux_hidden_state: false } })['fc.weight']).toBeUndefined();
  });

  test('reads every list of layers that a config has for its engines', () => {
    const spec = modelSpecFromConfig({
      ...config,
      eagle_aux_hidden_state_layer_ids: [2, 3],
      eagle_config: { eagle_aux_hidden_state_layer_ids: [1, 2], use_aux_hidden_state: true },
    });
    expect(spec.notModelled).toEqual([]);
    expect(spec.tensors.find(({ name }) => name === 'fc.weight')?.shape).toEqual([256, 2 * 256]);
  });

  test('is also a speculators checkpoint, which nests its layers and states its tokens', () => {
    const spec = modelSpecFromConfig({
      architectures: ['Eagle3DraftModel'],
      speculators_model_type: 'eagle3',
      draft_vocab_size: 100,
      norm_before_fc: true,
      speculators_config: {
        algorithm: 'eagle3',
        default_proposal_method: 'greedy',
        proposal_methods: [{ proposal_type: 'greedy', speculative_tokens: 5 }],
        verifier: { name_or_path: 'example/target', architectures: ['LlamaForCausalLM'] },
      },
      transformer_layer_config: { ...layer, model_type: 'llama' },
    });
    expect(spec.drafter).toEqual({ kind: 'eagle3', tokens: 5, capturedLayers: 3 });
    expect(spec.family).toBe('llama');
    expect(spec.tensors.find(({ name }) => name === 'input_norm.weight')?.shape).toEqual([3 * 256]);
    expect(spec.notModelled).toEqual([]);
  });

  test('is a drafter where only the vocabulary says so', () => {
    const { architectures: _architectures, ...rest } = config;
    expect(modelSpecFromConfig(rest).drafter?.kind).toBe('eagle3');
    expect(modelSpecFromConfig({ ...layer, model_type: 'llama' }).drafter).toBeUndefined();
  });
});

test('the first EAGLE joins embedding and hidden state by a projection', () => {
  const found = shapes({ model_type: 'eagle', model: { ...layer, model_type: 'llama' } });
  expect(found['fc.weight']).toEqual([256, 512]);
  expect(found['0.self_attn.q_proj.weight']).toEqual([256, 256]);
});

test('DFlash with a window of its own section slides in every layer', () => {
  const spec = modelSpecFromConfig({
    ...layer,
    model_type: 'qwen3',
    dflash_config: { target_layer_ids: [1, 2, 3, 4], use_swa: true, swa_window_size: 512 },
  });
  expect(spec.layers.map(({ attention }) => attention.kind)).toEqual(['sliding', 'sliding']);
  expect(spec.tensors.find(({ name }) => name === 'fc.weight')?.shape).toEqual([256, 4 * 256]);
});

test('sizes that no drafter has are refused', () => {
  const config = { ...layer, model_type: 'llama', draft_vocab_size: 100 };
  expect(() => modelSpecFromConfig({ ...config, draft_vocab_size: -1 })).toThrow(/draft_vocab_size/);
  expect(() => modelSpecFromConfig({ ...config, target_hidden_size: 'wide' })).toThrow(/target_hidden_size/);
  expect(() => modelSpecFromConfig({ model_type: 'gemma4_assistant', text_config: layer })).toThrow(
    /backbone_hidden_size/,
  );
});
