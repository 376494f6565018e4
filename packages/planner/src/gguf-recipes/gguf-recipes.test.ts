import { modelSpecFromConfig } from '@plimsoll/model-files';
import { textParameterCount } from '@plimsoll/model-files/spec';
import { describe, expect, it } from 'vitest';
import { isGgufMixture, isMixtureOfFiles, mixtures, parseFileType } from './file-type.ts';
import { ggufFileBytes, ggufSpec, storedTensors } from './gguf-spec.ts';

const llama8b = modelSpecFromConfig({
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14336,
  vocab_size: 128256,
  max_position_embeddings: 131072,
});

describe('file types', () => {
  it('are read as logs and file names write them', () => {
    const names = [
      'Q4_K - Medium',
      'Q4_K_M',
      'IQ4_XS - 4.25 bpw',
      'MXFP4 MoE',
      'UD-Q4_K_XL',
      'all F32',
      'BF16',
      'Q5_K - Small',
    ];
    expect(names.map((name) => `${name}: ${parseFileType(name).mixture}`)).toMatchInlineSnapshot(`
      [
        "Q4_K - Medium: Q4_K_M",
        "Q4_K_M: Q4_K_M",
        "IQ4_XS - 4.25 bpw: IQ4_XS",
        "MXFP4 MoE: MXFP4_MOE",
        "UD-Q4_K_XL: Q4_K_M",
        "all F32: F32",
        "BF16: BF16",
        "Q5_K - Small: Q5_K_S",
      ]
    `);
  });

  it('are refused if they are no known mixture', () => {
    expect(isGgufMixture('IQ4_KSS - 4.0 bpw')).toBe(false);
    expect(() => parseFileType('awq')).toThrow(/not a GGUF file type/);
  });
});

describe('Llama 3.1 8B', () => {
  it('has the sizes that llama.cpp prints', () => {
    // GiB as printed by llama.cpp's own quantize documentation and by load logs of this model.
    const printed = {
      Q4_0: 4.33,
      Q4_K_M: 4.58,
      Q8_0: 7.95,
      F16: 14.96,
      Q6_K: 6.14,
      Q5_K_M: 5.33,
      Q3_K_M: 3.74,
      Q2_K: 2.95,
    };
    for (const [mixture, gib] of Object.entries(printed)) {
      expect(Math.abs(ggufFileBytes(llama8b, mixture) / 1024 ** 3 / gib - 1), mixture).toBeLessThan(0.01);
    }
  });

  it('mixes types by layer', () => {
    const types = storedTensors(llama8b, 'Q4_K_M')
      .filter((tensor) => tensor.name.endsWith('ffn_down.weight'))
      .map((tensor) => tensor.type);
    expect(types.join(' ').replaceAll('Q4_K', '4').replaceAll('Q6_K', '6')).toMatchInlineSnapshot(
      `"6 6 6 6 4 4 6 4 4 6 4 4 6 4 4 6 4 4 6 4 4 6 4 4 6 4 4 6 6 6 6 6"`,
    );
  });
});

it('every mixture stores every tensor, in few distinct layers', () => {
  for (const mixture of mixtures) {
    const spec = ggufSpec(llama8b, mixture);
    expect(spec.layers.length).toBe(32);
    expect(new Set(spec.layers).size).toBeLessThanOrEqual(6);
    expect(textParameterCount(spec)).toBe(textParameterCount(llama8b));
    const tensors = [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)];
    expect(tensors.every((tensor) => tensor.stored !== undefined)).toBe(true);
  }
});

it('falls back to smaller blocks if a row is not a whole number of blocks', () => {
  const odd = modelSpecFromConfig({
    model_type: 'qwen2',
    hidden_size: 896,
    num_hidden_layers: 4,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    intermediate_size: 4864,
    vocab_size: 151936,
    tie_word_embeddings: true,
    max_position_embeddings: 32768,
  });
  const types = new Map(storedTensors(odd, 'Q4_K_M').map((tensor) => [tensor.name, tensor.type]));
  expect([
    types.get('token_embd.weight'),
    types.get('blk.1.attn_q.weight'),
    types.get('blk.1.ffn_down.weight'),
  ]).toEqual(['Q8_0', 'Q5_0', 'Q4_K']);
});

it('a spec with stored tensors gives the same file as the original spec', () => {
  const latent = modelSpecFromConfig({
    model_type: 'deepseek_v3',
    hidden_size: 2048,
    num_hidden_layers: 3,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    intermediate_size: 4096,
    moe_intermediate_size: 1024,
    n_routed_experts: 16,
    n_shared_experts: 1,
    num_experts_per_tok: 4,
    first_k_dense_replace: 1,
    kv_lora_rank: 512,
    q_lora_rank: 768,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    vocab_size: 32000,
    max_position_embeddings: 4096,
  });
  for (const spec of [llama8b, latent]) {
    const inFile = (tensors: ReturnType<typeof storedTensors>): readonly string[] =>
      tensors.map(({ name, type, bytes }) => `${name} ${type} ${bytes}`);
    expect(inFile(storedTensors(ggufSpec(spec, 'Q4_K_M'), null))).toEqual(
      inFile(storedTensors(spec, 'Q4_K_M')),
    );
  }
});

it('tells mixtures of GGUF files from formats of checkpoints with like names', () => {
  const formats = ['Q4_K_M', 'UD-Q4_K_XL', 'MXFP4_MOE', 'F16', 'bf16', 'mxfp4', 'fp8', 'awq'];
  expect(formats.filter(isMixtureOfFiles)).toEqual(['Q4_K_M', 'UD-Q4_K_XL', 'MXFP4_MOE', 'F16']);
});
