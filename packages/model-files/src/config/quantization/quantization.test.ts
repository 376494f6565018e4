/** The scheme of each tensor under every kind of quantization_config. */
import { describe, expect, test } from 'vitest';
import { describeSchemes } from '../describe-schemes.test-data.ts';
import { modelSpecFromConfig } from '../model-spec-from-config.ts';
import { withQuantization } from './inferred.ts';

const llama = {
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 1000,
  max_position_embeddings: 2048,
};

const deepseek = {
  model_type: 'deepseek_v3',
  hidden_size: 256,
  intermediate_size: 512,
  moe_intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  n_routed_experts: 8,
  n_shared_experts: 1,
  num_experts_per_tok: 2,
  first_k_dense_replace: 1,
  kv_lora_rank: 64,
  q_lora_rank: 96,
  qk_nope_head_dim: 32,
  qk_rope_head_dim: 16,
  v_head_dim: 32,
  num_nextn_predict_layers: 1,
  vocab_size: 1000,
  max_position_embeddings: 2048,
};

function read(base: object, quantization: object): string {
  const spec = modelSpecFromConfig({ ...base, quantization_config: quantization });
  expect(spec.notModelled).toEqual([]);
  return describeSchemes(spec);
}

describe('dense models', () => {
  const dense = (quantization: object): string => read(llama, quantization);

  test('fp8', () => {
    const block = {
      quant_method: 'fp8',
      fmt: 'e4m3',
      activation_scheme: 'dynamic',
      weight_block_size: [128, 128],
    };
    expect(
      dense({ ...block, modules_to_not_convert: ['lm_head', 'model.layers.0.mlp.gate_proj'] }),
    ).toMatchInlineSnapshot(`
      "fp8: fp8
      1 x fp8 128x128 fp32: attention-q attention-k attention-v attention-output mlp-up mlp-down; base: mlp-gate
      3 x fp8 128x128 fp32: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({ quant_method: 'fp8', activation_scheme: 'static', kv_cache_scheme: null }),
    ).toMatchInlineSnapshot(`
      "fp8: fp8
      4 x fp8 tensor fp32: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({ quant_method: 'fbgemm_fp8', activation_scale_ub: 1200, modules_to_not_convert: ['lm_head'] }),
    ).toMatchInlineSnapshot(`
      "fp8: fp8
      4 x fp8 channel fp32: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
  });

  test('GPTQ and AWQ', () => {
    expect(
      dense({ quant_method: 'gptq', bits: 4, group_size: 128, desc_act: true, sym: true }),
    ).toMatchInlineSnapshot(`
      "gptq: int4
      4 x int4 g128 fp16 zeros ordered: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({
        quant_method: 'gptq',
        bits: 8,
        group_size: -1,
        lm_head: true,
        dynamic: { '-:.*\\.k_proj': {}, '+:.*down_proj': { bits: 4, group_size: 32 } },
      }),
    ).toMatchInlineSnapshot(`
      "gptq: int8
      4 x int8 channel fp16 zeros: attention-q attention-v attention-output mlp-gate mlp-up; base: attention-k; int4 g32 fp16 zeros: mlp-down
      model base: token-embedding; int8 channel fp16 zeros: lm-head"
    `);
    expect(
      dense({
        quant_method: 'awq',
        bits: 4,
        group_size: 128,
        zero_point: true,
        version: 'gemm',
        modules_to_not_convert: null,
      }),
    ).toMatchInlineSnapshot(`
      "awq: int4
      4 x int4 g128 fp16 zeros: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
  });

  test('AutoRound', () => {
    expect(
      dense({
        quant_method: 'auto-round',
        bits: 4,
        group_size: 128,
        sym: true,
        packing_format: 'auto_round:auto_gptq',
        block_name_to_quantize: 'model.layers',
        extra_config: {
          'model.layers.3.self_attn.q_proj': { bits: 16, data_type: 'float' },
          '.*o_proj.*': { bits: 8, group_size: 128, sym: true },
        },
      }),
    ).toMatchInlineSnapshot(`
      "auto-round: int4
      3 x int4 g128 fp16 zeros: attention-q attention-k attention-v mlp-gate mlp-up mlp-down; int8 g128 fp16 zeros: attention-output
      1 x base: attention-q; int4 g128 fp16 zeros: attention-k attention-v mlp-gate mlp-up mlp-down; int8 g128 fp16 zeros: attention-output
      model base: token-embedding lm-head"
    `);
  });

  test('bitsandbytes', () => {
    const nested = { bnb_4bit_quant_type: 'nf4', bnb_4bit_use_double_quant: true, load_in_4bit: true };
    expect(
      dense({
        ...nested,
        quant_method: 'bitsandbytes',
        llm_int8_skip_modules: ['lm_head', 'model.layers.1.mlp'],
      }),
    ).toMatchInlineSnapshot(`
      "bitsandbytes: nf4
      3 x nf4 g64 nested: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      1 x nf4 g64 nested: attention-q attention-k attention-v attention-output; base: mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({ load_in_8bit: true, quant_method: 'bitsandbytes', llm_int8_threshold: 6 }),
    ).toMatchInlineSnapshot(`
      "bitsandbytes: int8
      4 x int8 channel fp32: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
  });

  test('compressed-tensors', () => {
    const group = (weights: object): object => ({
      quant_method: 'compressed-tensors',
      config_groups: {
        group_0: { weights, targets: ['Linear'], input_activations: null, output_activations: null },
      },
      ignore: ['lm_head', 're:.*down_proj'],
      quantization_status: 'compressed',
    });
    expect(
      dense({
        ...group({ num_bits: 4, type: 'int', strategy: 'group', group_size: 128, symmetric: false }),
        format: 'pack-quantized',
      }),
    ).toMatchInlineSnapshot(`
      "compressed-tensors: int4
      4 x int4 g128 bf16 zeros: attention-q attention-k attention-v attention-output mlp-gate mlp-up; base: mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({ ...group({ num_bits: 8, type: 'int', strategy: 'channel' }), format: 'int-quantized' }),
    ).toMatchInlineSnapshot(`
      "compressed-tensors: int8
      4 x int8 channel bf16: attention-q attention-k attention-v attention-output mlp-gate mlp-up; base: mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({
        ...group({ num_bits: 8, type: 'float', strategy: 'tensor' }),
        kv_cache_scheme: { num_bits: 8, type: 'float' },
      }),
    ).toMatchInlineSnapshot(`
      "compressed-tensors: fp8, kv fp8
      4 x fp8 tensor bf16: attention-q attention-k attention-v attention-output mlp-gate mlp-up; base: mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense(group({ num_bits: 8, type: 'float', strategy: 'block', block_structure: [128, 128] })),
    ).toMatchInlineSnapshot(`
      "compressed-tensors: fp8
      4 x fp8 128x128 bf16: attention-q attention-k attention-v attention-output mlp-gate mlp-up; base: mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({ ...group({ num_bits: 4, type: 'float', group_size: 16 }), format: 'nvfp4-pack-quantized' }),
    ).toMatchInlineSnapshot(`
      "compressed-tensors: nvfp4
      4 x nvfp4 g16 e4m3: attention-q attention-k attention-v attention-output mlp-gate mlp-up; base: mlp-down
      model base: token-embedding lm-head"
    `);
  });

  test('ModelOpt', () => {
    const list = { exclude_modules: ['lm_head', 'model.layers.0*'] };
    expect(
      dense({
        quant_method: 'modelopt',
        quantization: { quant_algo: 'NVFP4', kv_cache_quant_algo: 'FP8', group_size: 16, ...list },
      }),
    ).toMatchInlineSnapshot(`
      "modelopt: nvfp4, kv fp8
      1 x base: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      3 x nvfp4 g16 e4m3: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
    expect(
      dense({ hf_quant_config: { quant_algo: 'FP8', kv_cache_quant_algo: 'FP8' } }),
    ).toMatchInlineSnapshot(`
      "modelopt: fp8, kv fp8
      4 x fp8 tensor fp32: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down
      model base: token-embedding lm-head"
    `);
  });

  test('Quark, HQQ and torchao', () => {
    expect(
      dense({
        quant_method: 'quark',
        global_quant_config: { weight: { dtype: 'fp4', group_size: 32 } },
        exclude: ['lm_head'],
      }),
    ).toContain('mxfp4 g32 e8m0');
    expect(
      dense({ quant_method: 'hqq', quant_config: { weight_quant_params: { nbits: 4, group_size: 64 } } }),
    ).toContain('int4 g64 fp16 zeros');
    expect(
      dense({ quant_method: 'torchao', quant_type: { default: { _type: 'Int8WeightOnlyConfig' } } }),
    ).toContain('int8 channel');
  });
});

describe('mixtures of experts', () => {
  const mixture = (quantization: object): string => read(deepseek, quantization);

  test('experts in a smaller type than the rest', () => {
    expect(
      mixture({
        quant_method: 'compressed-tensors',
        format: 'pack-quantized',
        config_groups: {
          group_0: {
            weights: { num_bits: 4, type: 'int', group_size: 32, strategy: 'group' },
            targets: ['Linear'],
          },
        },
        ignore: [
          'lm_head',
          're:.*self_attn.*',
          're:.*shared_experts.*',
          're:.*mlp\\.(gate|up|gate_up|down)_proj.*',
        ],
      }),
    ).toMatchInlineSnapshot(`
      "compressed-tensors: int4
      1 x base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output mlp-gate mlp-up mlp-down
      3 x base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output router shared-expert-gate shared-expert-up shared-expert-down; int4 g32 bf16: expert-gate expert-up expert-down
      predicts base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output router shared-expert-gate shared-expert-up shared-expert-down other token-embedding lm-head; int4 g32 bf16: expert-gate expert-up expert-down
      model base: token-embedding lm-head"
    `);
  });

  test('without a list, latent mixtures quantise only their experts', () => {
    expect(mixture({ hf_quant_config: { quant_algo: 'NVFP4', group_size: 16 } })).toMatchInlineSnapshot(`
      "modelopt: nvfp4
      1 x base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output mlp-gate mlp-up mlp-down
      3 x base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output router shared-expert-gate shared-expert-up shared-expert-down; nvfp4 g16 e4m3: expert-gate expert-up expert-down
      predicts base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output router shared-expert-gate shared-expert-up shared-expert-down other token-embedding lm-head; nvfp4 g16 e4m3: expert-gate expert-up expert-down
      model base: token-embedding lm-head"
    `);
  });

  test('mxfp4 is for experts only', () => {
    const spec = {
      ...deepseek,
      model_type: 'gpt_oss',
      num_local_experts: 8,
      num_key_value_heads: 2,
      head_dim: 64,
      first_k_dense_replace: null,
    };
    expect(
      describeSchemes(modelSpecFromConfig({ ...spec, quantization_config: { quant_method: 'mxfp4' } })),
    ).toMatchInlineSnapshot(`
      "mxfp4: mxfp4
      2 x base: attention-q attention-k attention-v attention-output router; mxfp4 g32 e8m0: expert-gate-up expert-down
      2 x base: attention-q attention-k attention-v attention-output router; mxfp4 g32 e8m0: expert-gate-up expert-down
      model base: token-embedding lm-head"
    `);
  });

  test('layer numbers abridged as N', () => {
    expect(
      mixture({
        quant_method: 'modelopt',
        quant_algo: 'NVFP4',
        group_size: 16,
        ignore_patterns: ['lm_head', 'model.layers.N*', 'model.layers.N.self_attn*'],
      }),
    ).toMatchInlineSnapshot(`
      "modelopt: nvfp4
      1 x base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output mlp-gate mlp-up mlp-down
      3 x base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output router; nvfp4 g16 e4m3: expert-gate expert-up expert-down shared-expert-gate shared-expert-up shared-expert-down
      predicts base: mla-q-down mla-q-up mla-kv-down mla-kv-up attention-output router expert-gate expert-up expert-down shared-expert-gate shared-expert-up shared-expert-down other token-embedding lm-head
      model base: token-embedding lm-head"
    `);
  });
});

describe('names', () => {
  const base = modelSpecFromConfig(llama);

  test.each([
    [{ method: 'awq', weights: '4-bit' }, 'int4 g128 fp16 zeros'],
    [{ method: 'gptq' }, 'int4 g128 fp16 zeros'],
    [{ method: 'gptq', weights: 'int4' }, 'int4 g128 fp16 zeros'],
    [{ method: 'auto-round', weights: 'int4' }, 'int4 g128 fp16 zeros'],
    [{ method: 'bitsandbytes', weights: '4-bit' }, 'nf4 g64 nested'],
    [{ method: 'marlin', weights: '4-bit' }, 'int4 g128 fp16'],
    [{ weights: 'fp8' }, 'fp8 channel fp32'],
    [{ weights: 'fp8 block' }, 'fp8 128x128 fp32'],
    [{ weights: 'int8' }, 'int8 channel bf16'],
    [{ weights: 'nvfp4' }, 'nvfp4 g16 e4m3'],
    [{ weights: 'mxfp4' }, 'mxfp4 g32 e8m0'],
  ])('%j', (named, expected) => {
    const spec = withQuantization(base, named);
    const [, layers, model] = describeSchemes(spec).split('\n');
    expect(layers).toBe(
      `4 x ${expected}: attention-q attention-k attention-v attention-output mlp-gate mlp-up mlp-down`,
    );
    expect(model).toBe('model base: token-embedding lm-head');
    expect(spec.quantization?.inferred).toBe(true);
  });

  test('an unknown name is refused', () => {
    expect(() => withQuantization(base, { weights: 'ternary' })).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: quantisation "compressed-tensors ternary" is not modelled]`,
    );
  });
});

describe('refusals', () => {
  const refused = (quantization: unknown) => (): unknown =>
    modelSpecFromConfig({ ...llama, quantization_config: quantization });

  test('errors name the key and the value seen', () => {
    expect(refused({ quant_method: 'aqlm' })).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: quantisation method "aqlm" is not modelled]`,
    );
    expect(refused({ bits: 4 })).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: the config lacks quantization_config.quant_method]`,
    );
    expect(refused({ quant_method: 'gptq', bits: 5 })).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: quantization_config.bits is 5]`,
    );
    expect(refused('fp8')).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: quantization_config is "fp8"]`,
    );
  });

  test('a list of patterns that would take too long is refused', () => {
    const patterns = Array.from({ length: 4000 }, (_, index) => `re:(a|b)*layers.${index}.*(x|y)*z`);
    const start = performance.now();
    expect(refused({ quant_method: 'awq', modules_to_not_convert: patterns })).toThrow('too long');
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  test('patterns that cannot be read are listed', () => {
    const spec = modelSpecFromConfig({
      ...llama,
      quantization_config: { quant_method: 'awq', modules_to_not_convert: ['re:^(?!vision).*'] },
    });
    expect(spec.notModelled).toEqual(['quantization_config: re:^(?!vision).*']);
  });
});
