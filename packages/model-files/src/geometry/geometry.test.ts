/**
 * Specs of every kind of attention with sizes that no model can have: each error names the size as the file names it.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { modelSpecFromConfig } from '../config/model-spec-from-config.ts';
import type { AttentionSpec, LayerSpec, MlpSpec, ModelSpec } from '../model-spec.ts';
import { checkGeometry, geometryLimits } from './geometry.ts';
import { configKeys, ggufKeys } from './size-names.ts';

const heads = { queryHeads: 8, kvHeads: 2, keyHeadDim: 64, valueHeadDim: 64 };
const latent = {
  kind: 'mla',
  queryHeads: 8,
  kvLoraRank: 512,
  ropeHeadDim: 64,
  nopeHeadDim: 128,
  valueHeadDim: 128,
  qLoraRank: null,
} as const;
const dense: MlpSpec = { kind: 'dense', intermediateSize: 512, gated: true };
const experts = {
  kind: 'moe',
  experts: 8,
  expertsPerToken: 2,
  expertIntermediateSize: 64,
  sharedIntermediateSize: 0,
  gated: true,
} as const;

function specOf(layer: Partial<LayerSpec>, changes: Partial<ModelSpec> = {}): ModelSpec {
  const whole: LayerSpec = { attention: { kind: 'full', ...heads }, mlp: dense, tensors: [], ...layer };
  return {
    id: 'sample',
    family: 'llama',
    source: 'gguf',
    hiddenSize: 512,
    vocabSize: 1000,
    contextLength: 4096,
    elementType: 'bf16',
    quantization: null,
    tiedEmbeddings: true,
    layers: [whole],
    tensors: [],
    vision: null,
    predictionLayers: [],
    notModelled: [],
    ...changes,
  };
}

function refusalOf(spec: ModelSpec): string {
  try {
    checkGeometry(spec, ggufKeys('llama'));
    return 'accepted';
  } catch (error) {
    if (error instanceof PlimsollError) return error.message;
    throw error;
  }
}

test('attention', () => {
  const changed: readonly AttentionSpec[] = [
    { kind: 'full', ...heads },
    { kind: 'full', ...heads, kvHeads: 3 },
    { kind: 'full', ...heads, kvHeads: 16 },
    { kind: 'full', ...heads, queryHeads: 0 },
    { kind: 'full', ...heads, keyHeadDim: 0 },
    { kind: 'full', ...heads, valueHeadDim: 2 ** 20 },
    { kind: 'full', ...heads, sharesKvWithLayer: 0 },
    { kind: 'full', ...heads, indexer: { heads: 0, headDim: 64, topK: 8 } },
    { kind: 'sliding', window: 0, ...heads },
    { kind: 'chunked', chunk: 0.5, ...heads },
    latent,
    { ...latent, ropeHeadDim: 3 },
    { ...latent, kvLoraRank: 0 },
    { ...latent, nopeHeadDim: -1 },
    { ...latent, qLoraRank: 0 },
    { kind: 'compressed', queryHeads: 8, latentDim: 64, ropeHeadDim: 128, window: 4, ratio: 4 },
    { kind: 'none' },
  ];
  expect(changed.map((attention) => refusalOf(specOf({ attention })))).toMatchInlineSnapshot(`
    [
      "accepted",
      "llama.attention.head_count_kv is 3 in layer 0; it must be a divisor of the 8 heads",
      "llama.attention.head_count_kv is 16 in layer 0; it must be a whole number from 1 to 8",
      "llama.attention.head_count is 0 in layer 0; it must be a whole number from 1 to 16384",
      "llama.attention.key_length is 0 in layer 0; it must be a whole number from 1 to 65536",
      "llama.attention.value_length is 1048576 in layer 0; it must be a whole number from 1 to 65536",
      "llama.attention.shared_kv_layers is 0 in layer 0; it must be an earlier layer",
      "llama.attention.indexer.head_count is 0 in layer 0; it must be a whole number from 1 to 16384",
      "llama.attention.sliding_window is 0 in layer 0; it must be a whole number from 1 to 1000000000",
      "llama.attention.chunk_size is 0.5 in layer 0; it must be a whole number from 1 to 1000000000",
      "accepted",
      "llama.rope.dimension_count is 3 in layer 0; it must be an even number",
      "llama.attention.kv_lora_rank is 0 in layer 0; it must be a whole number from 1 to 65536",
      "llama.attention.key_length is -1 in layer 0; it must be a whole number from 0 to 65536",
      "llama.attention.q_lora_rank is 0 in layer 0; it must be a whole number from 1 to 1048576",
      "llama.rope.dimension_count is 128 in layer 0; it must be a whole number from 0 to 64",
      "accepted",
    ]
  `);
});

test('experts and widths', () => {
  const changed: readonly MlpSpec[] = [
    experts,
    { ...experts, expertsPerToken: 9 },
    { ...experts, expertsPerToken: 0 },
    { ...experts, experts: geometryLimits.experts + 1 },
    { ...experts, experts: 0 },
    { ...experts, expertIntermediateSize: 0 },
    { ...experts, sharedIntermediateSize: -1 },
    { kind: 'dense', intermediateSize: 0, gated: true },
    { kind: 'none' },
  ];
  expect(changed.map((mlp) => refusalOf(specOf({ mlp })))).toMatchInlineSnapshot(`
    [
      "accepted",
      "llama.expert_used_count is 9 in layer 0; it must be a whole number from 1 to 8",
      "llama.expert_used_count is 0 in layer 0; it must be a whole number from 1 to 8",
      "llama.expert_count is 4097 in layer 0; it must be a whole number from 1 to 4096",
      "llama.expert_count is 0 in layer 0; it must be a whole number from 1 to 4096",
      "llama.expert_feed_forward_length is 0 in layer 0; it must be a whole number from 1 to 67108864",
      "llama.expert_shared_feed_forward_length is -1 in layer 0; it must be a whole number from 0 to 67108864",
      "llama.feed_forward_length is 0 in layer 0; it must be a whole number from 1 to 67108864",
      "accepted",
    ]
  `);
});

test('sizes of the whole model', () => {
  const many = Array.from({ length: 300 }, () => specOf({ mlp: { ...experts, experts: 4096 } }).layers[0]);
  const huge = { name: 'huge', role: 'other', shape: [2 ** 26, 2 ** 25] } as const;
  const empty = { name: 'empty', role: 'other', shape: [4, 0] } as const;
  const table = { dim: 64, positions: 4096, scaling: 'default', factor: 1, originalPositions: null };
  const changed: readonly Partial<ModelSpec>[] = [
    { layers: [] },
    { hiddenSize: 0 },
    { vocabSize: 0 },
    { contextLength: 0 },
    { contextLength: 2 ** 31 },
    { layers: many.filter((layer) => layer !== undefined) },
    { tensors: [huge] },
    { tensors: [empty] },
    { rotary: [{ ...table, dim: 65 }] },
    { rotary: [{ ...table, dim: 63 }] },
    { rotary: [{ ...table, factor: 0 }] },
    { rotary: [{ ...table, factor: Number.NaN }] },
    { rotary: [table] },
  ];
  expect(changed.map((changes) => refusalOf(specOf({}, changes)))).toMatchInlineSnapshot(`
    [
      "llama.block_count is 0; it must be a whole number from 1 to 10000",
      "llama.embedding_length is 0; it must be a whole number from 1 to 1048576",
      "llama.vocab_size is 0; it must be a whole number from 1 to 10000000",
      "llama.context_length is 0; it must be a whole number from 1 to 1000000000",
      "llama.context_length is 2147483648; it must be a whole number from 1 to 1000000000",
      "llama.expert_count, summed over 300 layers, is 1228800; it must be at most 1048576",
      "the number of parameters of all tensors is 2251799813685248; it must be at most 1125899906842624",
      "the shape of empty is [4, 0]; it must be whole numbers above 0",
      "llama.rope.dimension_count is 65; it must be a whole number from 1 to 64",
      "llama.rope.dimension_count is 63; it must be an even number",
      "llama.rope.scaling.factor is 0; it must be a number above 0",
      "llama.rope.scaling.factor is NaN; it must be a number above 0",
      "accepted",
    ]
  `);
});

test('an error of a config.json names its own key, in every section', () => {
  const sizes = { hidden_size: 64, num_hidden_layers: 1, vocab_size: 10, intermediate_size: 64 };
  const text = { ...sizes, num_attention_heads: 4, num_key_value_heads: 3, model_type: 'llama' };
  const refusal = (config: object): unknown => {
    try {
      return modelSpecFromConfig(config);
    } catch (error) {
      return error instanceof PlimsollError ? error.message : error;
    }
  };
  expect(refusal(text)).toMatchInlineSnapshot(
    `"num_key_value_heads is 3 in layer 0; it must be a divisor of the 4 heads"`,
  );
  expect(refusal({ model_type: 'llava', text_config: text })).toMatchInlineSnapshot(
    `"text_config.num_key_value_heads is 3 in layer 0; it must be a divisor of the 4 heads"`,
  );
  const keys = configKeys({ path: '', keys: () => ['n_head', 'moe_topk'] });
  expect([keys('queryHeads'), keys('expertsPerToken'), keys('layers')]).toMatchInlineSnapshot(`
    [
      "n_head",
      "moe_topk",
      "num_hidden_layers",
    ]
  `);
});
