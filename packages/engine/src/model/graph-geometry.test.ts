/** Files with one changed size: openModel refuses each, and names the size as the file does. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import {
  type GgufTensorData,
  ggufArray,
  ggufScalar,
  ggufString,
  ggufUint32,
} from '@plimsoll/model-files/writing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModel } from '../load/open-model.ts';
import { fixturesDirectory, smallOptions } from '../loop/fixture-engine.test-data.ts';
import { createEngine } from '../start/create-engine.ts';
import { type ModelChanges, writeChangedModel } from './changed-model.test-data.ts';
import { checkGraph } from './graph-geometry.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'geometry-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** The error message for a file. */
async function refusalOf(path: string): Promise<string> {
  try {
    await openModel(path);
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'opened';
}

async function refusalOfChanged(fixture: string, changes: ModelChanges): Promise<string> {
  const path = join(directory, 'changed.gguf');
  await writeChangedModel(path, fixture, changes);
  return refusalOf(path);
}

function float(value: number) {
  return ggufScalar('float32', value);
}

const llama = 'llama-3/f32.gguf';
const mixtral = 'mixtral/f16.gguf';

const metadataChanges = [
  [mixtral, 'llama.expert_used_count', ggufUint32(256)],
  [mixtral, 'llama.expert_used_count', ggufUint32(0)],
  [llama, 'llama.attention.head_count', ggufUint32(1)],
  [llama, 'llama.attention.head_count', ggufUint32(3)],
  [llama, 'llama.context_length', ggufUint32(0)],
  [llama, 'llama.block_count', ggufUint32(0)],
  [llama, 'llama.embedding_length', ggufUint32(0)],
  [llama, 'llama.rope.dimension_count', ggufUint32(5)],
  [llama, 'llama.rope.dimension_count', ggufUint32(0)],
  [llama, 'llama.rope.dimension_count', ggufUint32(64)],
  [llama, 'llama.rope.freq_base', float(0)],
  [llama, 'llama.rope.freq_base', float(-10_000)],
  [llama, 'llama.attention.layer_norm_rms_epsilon', float(0)],
  [llama, 'llama.attention.layer_norm_rms_epsilon', float(-1)],
  [llama, 'llama.attention.value_length', ggufUint32(8)],
  ['gemma2/f32.gguf', 'gemma2.attn_logit_softcapping', float(0)],
  ['gemma2/f32.gguf', 'gemma2.final_logit_softcapping', float(-30)],
  ['gemma2/f32.gguf', 'gemma2.attention.sliding_window', ggufUint32(2 ** 31)],
  ['phi3-longrope/f32.gguf', 'phi3.rope.scaling.attn_factor', float(-1)],
] as const;

test('metadata', async () => {
  const refusals: string[] = [];
  for (const [fixture, key, value] of metadataChanges) {
    refusals.push(await refusalOfChanged(fixture, { metadata: { [key]: value } }));
  }
  expect(refusals).toMatchInlineSnapshot(`
    [
      "bad-geometry: llama.expert_used_count is 256 in layer 0; it must be a whole number from 1 to 4",
      "bad-geometry: llama.expert_used_count is 0 in layer 0; it must be a whole number from 1 to 4",
      "bad-geometry: llama.attention.head_count_kv is 2 in layer 0; it must be a whole number from 1 to 1",
      "bad-geometry: llama.attention.head_count_kv is 2 in layer 0; it must be a divisor of the 3 heads",
      "bad-geometry: llama.context_length is 0; it must be a whole number from 1 to 1000000000",
      "gguf-shape-mismatch: GGUF: tensor "blk.0.attn_norm.weight" belongs to a layer beyond the 0 that block_count states",
      "gguf-shape-mismatch: GGUF: tensor "token_embd.weight" has rows of 64, embedding_length states 0",
      "bad-geometry: llama.rope.dimension_count is 5; it must be an even number from 2 to 32",
      "bad-geometry: llama.rope.dimension_count is 0; it must be an even number from 2 to 32",
      "bad-geometry: llama.rope.dimension_count is 64; it must be an even number from 2 to 32",
      "bad-geometry: llama.rope.freq_base is 0; it must be a number above 1",
      "bad-geometry: llama.rope.freq_base is -10000; it must be a number above 1",
      "bad-geometry: llama.attention.layer_norm_rms_epsilon is 0; it must be a number above 0 and below 1",
      "bad-geometry: llama.attention.layer_norm_rms_epsilon is -1; it must be a number above 0 and below 1",
      "gguf-shape-mismatch: GGUF: tensor "blk.0.attn_v.weight" has 64 rows, the metadata implies 16",
      "bad-geometry: gemma2.attn_logit_softcapping is 0 in layer 0; it must be a number above 0",
      "bad-geometry: gemma2.final_logit_softcapping is -30; it must be a number above 0",
      "bad-geometry: gemma2.attention.sliding_window is 2147483648 in layer 0; it must be a whole number from 1 to 1000000000",
      "bad-geometry: phi3.rope.scaling.attn_factor is -1; it must be a number above 0",
    ]
  `);
});

/** Tensors with shapes that differ from the graph; their data has the length of the shape. */
function reshaped(name: string, shape: readonly number[]): ModelChanges {
  return {
    tensor: (tensor): GgufTensorData => {
      if (tensor.name !== name) return tensor;
      const rowBytes = tensor.data.byteLength / tensor.shape.reduce((left, right) => left * right, 1);
      const count = shape.reduce((left, right) => left * right, 1);
      return { ...tensor, shape, data: new Uint8Array(rowBytes * count) };
    },
  };
}

const shapeChanges = [
  [llama, 'token_embd.weight', [1, 64]],
  [llama, 'token_embd.weight', [0, 64]],
  [llama, 'output_norm.weight', [1]],
  [llama, 'blk.0.attn_norm.weight', [32]],
  [llama, 'blk.0.attn_norm.weight', [1, 64]],
  [llama, 'blk.1.attn_output.weight', [64, 0]],
  [llama, 'blk.1.attn_output.weight', [8, 64]],
  [llama, 'blk.1.attn_q.weight', [8, 64]],
  [llama, 'blk.1.attn_q.weight', [64, 8]],
  [llama, 'blk.1.attn_k.weight', [8, 64]],
  [llama, 'blk.1.ffn_gate.weight', [8, 64]],
  [llama, 'blk.1.ffn_down.weight', [64, 8]],
  [mixtral, 'blk.0.ffn_gate_inp.weight', [2, 64]],
  [mixtral, 'blk.0.ffn_up_exps.weight', [2, 64, 64]],
  [mixtral, 'blk.0.ffn_down_exps.weight', [8, 64, 64]],
  ['phi3-longrope/f32.gguf', 'rope_factors_long.weight', [3]],
  ['phi3/f32.gguf', 'blk.0.attn_qkv.weight', [64, 64]],
  ['qwen3/f16.gguf', 'blk.0.attn_q_norm.weight', [8]],
] as const;

test('shapes of tensors', async () => {
  const refusals: string[] = [];
  for (const [fixture, name, shape] of shapeChanges) {
    refusals.push(await refusalOfChanged(fixture, reshaped(name, shape)));
  }
  expect(refusals).toMatchInlineSnapshot(`
    [
      "bad-geometry: tokenizer.ggml.tokens is a list of 320; it must be at most 1 long, for a vocabulary of 1",
      "bad-geometry: llama.vocab_size is 0; it must be a whole number from 1 to 10000000",
      "bad-geometry: the shape of output_norm.weight is [1]; it must be [64]",
      "bad-geometry: the shape of attn_norm.weight is [32] in layer 0; it must be [64]",
      "bad-geometry: the shape of attn_norm.weight is [1, 64] in layer 0; it must be [64]",
      "bad-geometry: the shape of attn_output.weight is [64, 0] in layer 1; it must be whole numbers above 0",
      "bad-geometry: the shape of attn_output.weight is [8, 64] in layer 1; it must be [64, 128]",
      "bad-geometry: the shape of attn_q.weight is [8, 64] in layer 1; it must be [128, 64]",
      "bad-geometry: the shape of attn_q.weight is [64, 8] in layer 1; it must be [128, 64]",
      "gguf-shape-mismatch: GGUF: tensor "blk.1.attn_k.weight" has 8 rows, the metadata implies 64",
      "bad-geometry: the shape of ffn_gate.weight is [8, 64] in layer 1; it must be [96, 64]",
      "bad-geometry: the shape of ffn_gate.weight is [96, 64] in layer 1; it must be [8, 64]",
      "bad-geometry: the shape of ffn_gate_inp.weight is [2, 64] in layer 0; it must be [4, 64]",
      "bad-geometry: the shape of ffn_up_exps.weight is [2, 64, 64] in layer 0; it must be [4, 64, 64]",
      "bad-geometry: the shape of ffn_gate_inp.weight is [4, 64] in layer 0; it must be [8, 64]",
      "bad-geometry: rope_factors_long.weight is a list of 3; it must be a list of 12, one factor per rotated pair",
      "bad-geometry: the shape of attn_qkv.weight is [64, 64] in layer 0; it must be [128, 64]",
      "bad-geometry: the shape of attn_q_norm.weight is [8] in layer 0; it must be [32]",
    ]
  `);
});

test('experts of all layers together', async () => {
  const { spec, graph, parameters, names } = await openModel(join(fixturesDirectory, mixtral));
  const wide = graph.layers.map((layer) => {
    const { feedForward } = layer;
    return feedForward.kind === 'experts'
      ? { ...layer, feedForward: { ...feedForward, experts: 4096 } }
      : layer;
  });
  const layers = Array.from({ length: 10 }, () => wide).flat();
  expect(() => checkGraph({ spec, graph: { ...graph, layers }, parameters, names })).toThrow(
    'llama.expert_count, as matrices of 30 layers, is 368640; it must be at most 262144',
  );
});

test('vocabulary lists are no longer than the embedding', async () => {
  const tokens = Array.from({ length: 3000 }, (_, index) => `token ${index}`);
  const refusals = [
    await refusalOfChanged(llama, { metadata: { 'tokenizer.ggml.tokens': ggufArray('string', tokens) } }),
    await refusalOfChanged(llama, {
      metadata: { 'tokenizer.ggml.merges': ggufArray('string', [...tokens, ...tokens, ...tokens]) },
    }),
  ];
  expect(refusals).toMatchInlineSnapshot(`
    [
      "bad-geometry: tokenizer.ggml.tokens is a list of 3000; it must be at most 320 long, for a vocabulary of 320",
      "bad-geometry: tokenizer.ggml.merges is a list of 9000; it must be at most 6656 long, for a vocabulary of 320",
    ]
  `);
});

test('limits the size of a header by the memory, and of tokenizer.json by the vocabulary', async () => {
  const path = join(directory, 'header.gguf');
  const filler = 'x'.repeat(2 ** 20);
  await writeChangedModel(path, llama, { metadata: { filler: ggufString(filler) } });
  await expect(openModel(path, { memoryBytes: 2 ** 22 })).rejects.toMatchObject({ limit: 2 ** 20 });
  expect((await openModel(path, { memoryBytes: 2 ** 23 })).spec.hiddenSize).toBe(64);
  const copy = join(directory, 'long-tokenizer');
  await cp(join(fixturesDirectory, 'llama-3/checkpoint'), copy, { recursive: true });
  await writeFile(join(copy, 'tokenizer.json'), `[${'[],'.repeat(90_000)}1]`);
  await expect((await openModel(copy)).loadTokenizer()).rejects.toMatchObject({ code: 'json-too-large' });
  await writeFile(join(copy, 'tokenizer.json'), JSON.stringify(filler + filler));
  await expect((await openModel(copy)).loadTokenizer()).rejects.toMatchObject({ code: 'file-too-large' });
});

/** Writes a Hub checkpoint with other values in its config.json. */
async function refusalOfConfig(fixture: string, changes: Readonly<Record<string, unknown>>): Promise<string> {
  const copy = join(directory, 'checkpoint');
  await cp(join(fixturesDirectory, fixture, 'checkpoint'), copy, { recursive: true });
  const path = join(copy, 'config.json');
  const config: object = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...config, ...changes }));
  return refusalOf(copy);
}

test('config.json', async () => {
  const refusals: string[] = [];
  const changes: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['mixtral', { num_experts_per_tok: 5 }],
    ['llama-3', { rms_norm_eps: 0 }],
    ['llama-3', { rms_norm_eps: 1e-60 }],
    ['llama-3', { rope_theta: 1, rope_parameters: null }],
    ['llama-3', { partial_rotary_factor: 2 }],
    ['llama-3', { num_key_value_heads: 3 }],
    ['gemma2', { query_pre_attn_scalar: -1 }],
    ['phi3-longrope', { rope_scaling: { type: 'longrope', long_factor: [1], short_factor: [1] } }],
    ['llama-3', { rope_scaling: { rope_type: 'linear', factor: 0 } }],
  ];
  for (const [fixture, change] of changes) refusals.push(await refusalOfConfig(fixture, change));
  expect(refusals).toMatchInlineSnapshot(`
    [
      "bad-geometry: num_experts_per_tok is 5 in layer 0; it must be a whole number from 1 to 4",
      "bad-geometry: rms_norm_eps is 0; it must be a number above 0 and below 1",
      "bad-geometry: rms_norm_eps is 1e-60; it must be a number above 0 and below 1",
      "bad-geometry: rope_theta is 1; it must be a number above 1",
      "bad-geometry: partial_rotary_factor is 64; it must be a whole number from 1 to 32",
      "bad-geometry: num_key_value_heads is 3 in layer 0; it must be a divisor of the 4 heads",
      "bad-geometry: query_pre_attn_scalar is -1 in layer 0; it must be a number above 0",
      "bad-geometry: rope_scaling.long_factor is a list of 1; it must be a list of 12, one factor per rotated pair",
      "bad-geometry: rope_scaling.factor is 0; it must be a number above 0",
    ]
  `);
});

test('a Gemma 3 with only full layers, or only sliding layers, has room for its rotary tables', async () => {
  for (const pattern of [1, 2 ** 20]) {
    const path = join(directory, `gemma-${pattern}.gguf`);
    const metadata = { 'gemma3.attention.sliding_window_pattern': ggufUint32(pattern) };
    await writeChangedModel(path, 'gemma3/bf16.gguf', { metadata });
    const model = await openModel(path);
    expect(new Set(model.graph.layers.map(({ attention }) => attention.rotation))).toEqual(new Set([0]));
    const engine = await createEngine({
      model,
      memoryBytes: 2 ** 29,
      tokenizer: null,
      options: smallOptions,
      kernels: 'reference',
    });
    await engine.close();
  }
});
