import { type ModelSpec, modelSpecFromConfig } from '@plimsoll/model-files';
import { textParameterCount } from '@plimsoll/model-files/spec';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cacheGroups } from '../bytes/kv-cache.ts';
import { type Parallelism, singleDevice } from '../bytes/parallelism.ts';
import { weightFormat } from '../bytes/weight-format.ts';
import { prepareWithoutEngine } from '../engines/none/profile.ts';
import { type SpeedAssumptions, speedAssumptions } from './assumptions.ts';
import { type SpeedModel, speedModel } from './speed-model.ts';
import type { DeviceSpeed } from './step-time.ts';

function specOf(name: string): ModelSpec {
  const record = resolveModel(name);
  return modelSpecFromConfig(record.config, { id: record.id });
}

const GB = 1e9;

/** mlsysim 0.3.0: Hardware.Cloud.H100. */
const mlsysimH100: DeviceSpeed = {
  bandwidthBytesPerSecond: 3.35e12,
  rates: { fp16: 989e12 },
  linkBytesPerSecond: 1,
  dispatchSeconds: 1e-5,
};
const rate = 989e12 * 0.5;
const mlsysimAssumptions: SpeedAssumptions = {
  computeEfficiency: 0.5,
  bandwidthEfficiency: 1,
  layerSeconds: 1e-5,
  collectiveSeconds: 0,
  hostBandwidthBytesPerSecond: 6e10,
};

interface Vector {
  readonly model: string;
  /** Parameters as mlsysim rounds them. */
  readonly parameters: number;
  readonly context: number;
  readonly batch: number;
  readonly cached?: number;
  readonly chunk?: number;
  readonly ttftMs: number;
  readonly itlMs: number;
  readonly kvGB: number;
  readonly utilization: number;
}

const llama8B = { model: 'meta-llama/Llama-3.1-8B', parameters: 8.03e9 };
const vectors: readonly Vector[] = [
  {
    ...llama8B,
    context: 2048,
    batch: 1,
    ttftMs: 70.97037,
    itlMs: 5.19416,
    kvGB: 0.268435,
    utilization: 0.190088,
  },
  {
    ...llama8B,
    context: 2048,
    batch: 32,
    ttftMs: 2270.7419,
    itlMs: 7.678189,
    kvGB: 8.589935,
    utilization: 0.286963,
  },
  {
    ...llama8B,
    context: 4096,
    batch: 32,
    ttftMs: 4826.0794,
    itlMs: 10.242349,
    kvGB: 17.179869,
    utilization: 0.386963,
  },
  {
    ...llama8B,
    context: 131072,
    batch: 1,
    ttftMs: 22471.629,
    itlMs: 10.242349,
    kvGB: 17.179869,
    utilization: 0.386963,
  },
  {
    ...llama8B,
    context: 131072,
    batch: 8,
    ttftMs: 179772.96,
    itlMs: 46.140583,
    kvGB: 137.438953,
    utilization: 1.786963,
  },
  {
    ...llama8B,
    context: 2048,
    batch: 1,
    cached: 1024,
    ttftMs: 35.490185,
    itlMs: 5.19416,
    kvGB: 0.268435,
    utilization: 0.190088,
  },
  {
    ...llama8B,
    context: 2048,
    batch: 1,
    chunk: 512,
    ttftMs: 71.000371,
    itlMs: 5.19416,
    kvGB: 0.268435,
    utilization: 0.190088,
  },
  {
    model: 'meta-llama/Llama-3.1-70B',
    parameters: 70.6e9,
    context: 2048,
    batch: 1,
    ttftMs: 607.03268,
    itlMs: 43.149579,
    kvGB: 0.671089,
    utilization: 1.651597,
  },
];

describe('reference vectors of mlsysim ServingModel, with our deliberate differences added back', () => {
  test.each(vectors)('$model, context $context, batch $batch, cached $cached, chunk $chunk', (vector) => {
    const spec = specOf(vector.model);
    const format = weightFormat(spec, { format: 'fp16' });
    const layers: readonly [number, number] = [0, spec.layers.length];
    const groups = cacheGroups(spec, {
      ...{ kvFormat: 'fp16', tensor: 1, layers, recurrentElementBytes: 4, convolutionElementBytes: 2 },
    });
    const speed = speedModel({
      ...{ spec, format, groups, parallelism: singleDevice },
      ...{ device: mlsysimH100, assumptions: mlsysimAssumptions },
    });
    const { context, batch, parameters, cached = 0 } = vector;
    const layerCount = spec.layers.length;
    const embedding = spec.vocabSize * spec.hiddenSize;
    const exact = textParameterCount(spec);

    const kvBytes = groups.reduce((sum, group) => sum + group.layers * group.entryBytes * context * batch, 0);
    expect(kvBytes / GB).toBeCloseTo(vector.kvGB, 6);
    expect((2 * parameters + kvBytes) / (80 * 1024 ** 3)).toBeCloseTo(vector.utilization, 6);

    // mlsysim reads the whole input embedding, of which a step needs one row per sequence, and rounds the parameters.
    const embeddingRead = (2 * (parameters - (exact - embedding))) / mlsysimH100.bandwidthBytesPerSecond;
    const itl = speed.decodeSeconds(batch, context) + embeddingRead;
    expect(itl * 1e3).toBeCloseTo(vector.itlMs, 5);

    const tokens = (context - cached) * batch;
    // The input embedding is looked up, not multiplied, and the head runs for the last token of each prompt only.
    const embeddingAndHead = 2 * (parameters - (exact - 2 * embedding)) * tokens - 2 * embedding * batch;
    // A token attends to the tokens before it: half of the square that mlsysim counts.
    const everyPair = 4 * layerCount * spec.hiddenSize * batch * (context - cached) * context;
    const causal = 4 * layerCount * spec.hiddenSize * batch * ((context ** 2 - cached ** 2) / 2);
    // Our prefill pays the layer time that a decode step pays; mlsysim's does not, and dispatches once per chunk.
    const layerTime = layerCount * mlsysimAssumptions.layerSeconds;
    const chunks = vector.chunk === undefined ? 1 : Math.ceil(context / vector.chunk);
    const ttft =
      speed.prefillSeconds(context, cached, batch) +
      (embeddingAndHead + everyPair - causal) / rate -
      layerTime +
      (chunks - 1) * mlsysimH100.dispatchSeconds;
    expect(ttft * 1e3).toBeCloseTo(vector.ttftMs, vector.ttftMs > 1e4 ? 1 : 3);
  });

  test('decode has a compute term: a batch beyond the ridge is bound by operations', () => {
    const spec = specOf('meta-llama/Llama-3.1-8B');
    const speed = speedModel({
      ...{ spec, format: weightFormat(spec), groups: [], parallelism: singleDevice },
      ...{ device: mlsysimH100, assumptions: mlsysimAssumptions },
    });
    expect(speed.decodeBound(100, 1)).toBe('memory');
    expect(speed.decodeBound(200, 1)).toBe('compute');
    expect(speed.decodeSeconds(4096, 1) / speed.decodeSeconds(2048, 1)).toBeCloseTo(2, 1);
  });

  test('a mixture of experts computes with the routed experts and reads the touched experts', () => {
    const spec = specOf('Qwen/Qwen3-30B-A3B');
    const speed = speedModel({
      ...{ spec, format: weightFormat(spec), groups: [], parallelism: singleDevice },
      ...{ device: mlsysimH100, assumptions: { ...mlsysimAssumptions, layerSeconds: 0 } },
    });
    const everything = (2 * textParameterCount(spec)) / mlsysimH100.bandwidthBytesPerSecond;
    // 3.3 of 30.5 billion parameters are active: one token reads little more than a tenth, a large batch nearly all.
    expect(speed.decodeSeconds(1, 1) / everything).toBeCloseTo(0.1, 2);
    expect(speed.decodeSeconds(64, 1) / everything).toBeCloseTo(0.97, 1);
    const allMultiplied = (2 * textParameterCount(spec) * 8192) / rate;
    expect(speed.prefillSeconds(8192) / allMultiplied).toBeLessThan(0.2);
  });

  test('latent attention expands the latent for a prompt and works on it in decode', () => {
    const spec = specOf('deepseek-ai/DeepSeek-V3');
    const speed = speedModel({
      ...{ spec, format: weightFormat(spec), groups: [], parallelism: singleDevice },
      ...{ device: mlsysimH100, assumptions: mlsysimAssumptions },
    });
    const perKey = (context: number): number =>
      (speed.decodeSeconds(1024, 2 * context) - speed.decodeSeconds(1024, context)) / context;
    // 61 layers, 128 heads: scores over 512 + 64, values over 512, two operations each.
    expect(perKey(100_000)).toBeCloseTo((1024 * 61 * 128 * 2 * (2 * 512 + 64)) / rate, 12);
    const pairs = (tokens: number): number =>
      speed.prefillSeconds(2 * tokens) - 2 * speed.prefillSeconds(tokens);
    // The half square of 2 x `tokens` minus two half squares of `tokens` is `tokens` squared; keys of 128 + 64, values
    // of 128.
    const expected = (61 * 128 * 2 * (128 + 64 + 128) * 100_000 ** 2) / rate;
    expect(pairs(100_000) / expected).toBeCloseTo(1, 2);
  });
});

const models = [
  'meta-llama/Llama-3.1-8B',
  'Qwen/Qwen3-30B-A3B',
  'google/gemma-3-27b-it',
  'deepseek-ai/DeepSeek-V3',
  'openai/gpt-oss-20b',
  'Qwen/Qwen3-Next-80B-A3B-Instruct',
].map(specOf);
const devices = [
  'H100',
  'A100 PCIe 80GB',
  'RTX 4090',
  'MI300X',
  'B200',
  'Apple M2 Ultra',
  'DGX Spark (GB10)',
].map((name) => resolveHardware(name));

const anyModel = fc.constantFrom(...models);
const anyDevice = fc.constantFrom(...devices);
const anyEngine = fc.constantFrom('vllm', 'llama.cpp', 'TensorRT-LLM');
const anyTokens = fc.integer({ min: 1, max: 200_000 });
const anyUsers = fc.integer({ min: 1, max: 4096 });
const anyParallelism = fc.constantFrom<Parallelism>(
  singleDevice,
  { ...singleDevice, tensor: 2 },
  { ...singleDevice, tensor: 8 },
  { ...singleDevice, pipeline: 4 },
  { ...singleDevice, data: 4, expertParallel: true },
);
const anySetup = fc.record({
  spec: anyModel,
  hardware: anyDevice,
  engine: anyEngine,
  parallelism: anyParallelism,
});
type Setup = typeof anySetup extends fc.Arbitrary<infer Value> ? Value : never;

function speedOf({ spec, hardware, engine, parallelism }: Setup, faster = 1): SpeedModel {
  const memory = {
    ...hardware.memory,
    bandwidthBytesPerSecond: faster * hardware.memory.bandwidthBytesPerSecond,
  };
  return prepareWithoutEngine({
    ...{ spec, parallelism, hardware: { ...hardware, memory } },
    ...{ format: weightFormat(spec), kvFormat: 'bf16' },
    assumptions: speedAssumptions({ hardware, engine }),
  }).speed;
}

/** Sums in a different order may differ in the last digits. */
const slack = 1 + 1e-9;

describe('properties', () => {
  test('a decode step never gets shorter with users or context', () => {
    fc.assert(
      fc.property(
        anySetup,
        fc.tuple(anyUsers, anyUsers),
        fc.tuple(anyTokens, anyTokens),
        (setup, [users, more], [context, longer]) => {
          const speed = speedOf(setup);
          const seconds = speed.decodeSeconds(users, context);
          expect(seconds).toBeGreaterThan(0);
          expect(speed.decodeSeconds(users + more, context) * slack).toBeGreaterThanOrEqual(seconds);
          expect(speed.decodeSeconds(users, context + longer) * slack).toBeGreaterThanOrEqual(seconds);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a first token never comes earlier after a longer prompt, nor later after a longer cached prefix', () => {
    fc.assert(
      fc.property(anySetup, anyTokens, anyTokens, (setup, prompt, more) => {
        // More chunks overlap better in a pipeline, so this property holds only for one stage.
        const speed = speedOf({ ...setup, parallelism: { ...setup.parallelism, pipeline: 1 } });
        const seconds = speed.prefillSeconds(prompt);
        expect(speed.prefillSeconds(prompt + more) * slack).toBeGreaterThanOrEqual(seconds);
        expect(speed.prefillSeconds(prompt + more, more)).toBeLessThanOrEqual(
          speed.prefillSeconds(prompt + more) * slack,
        );
      }),
      { numRuns: 200 },
    );
  });

  test('more bandwidth never slows a step', () => {
    fc.assert(
      fc.property(
        anySetup,
        anyUsers,
        anyTokens,
        fc.double({ min: 1, max: 10, noNaN: true }),
        (setup, users, context, faster) => {
          const speed = speedOf(setup);
          const quick = speedOf(setup, faster);
          expect(quick.decodeSeconds(users, context)).toBeLessThanOrEqual(
            speed.decodeSeconds(users, context) * slack,
          );
          expect(quick.prefillSeconds(context)).toBeLessThanOrEqual(speed.prefillSeconds(context) * slack);
        },
      ),
      { numRuns: 100 },
    );
  });

  test('tensor parallelism divides the work and adds collectives', () => {
    const spec = specOf('meta-llama/Llama-3.1-70B');
    const nvlink = resolveHardware('H100');
    const cards = { ...nvlink, links: nvlink.links.filter(({ kind }) => kind === 'pcie') };
    const at = (hardware: typeof nvlink, tensor: number): SpeedModel =>
      speedOf({ spec, hardware, engine: 'vllm', parallelism: { ...singleDevice, tensor } });
    const gain = (hardware: typeof nvlink, seconds: (speed: SpeedModel) => number): number =>
      seconds(at(hardware, 1)) / seconds(at(hardware, 8));
    const decode = (speed: SpeedModel): number => speed.decodeSeconds(8, 2048);
    const prefill = (speed: SpeedModel): number => speed.prefillSeconds(8192);
    expect(gain(nvlink, decode)).toBeGreaterThan(3);
    expect(gain(nvlink, decode)).toBeLessThan(8);
    expect(gain(nvlink, prefill)).toBeLessThan(8);
    // Over PCIe every all-reduce takes longer; a prefill sends the most bytes and loses the most.
    expect(gain(cards, decode)).toBeLessThan(gain(nvlink, decode));
    expect(gain(cards, prefill)).toBeLessThan(gain(nvlink, prefill) / 1.5);
  });

  test('a pipeline keeps the time of a token and multiplies throughput', () => {
    const spec = specOf('meta-llama/Llama-3.1-70B');
    const at = (pipeline: number): SpeedModel =>
      speedOf({
        ...{ spec, engine: 'vllm', hardware: resolveHardware('H100') },
        parallelism: { ...singleDevice, pipeline },
      });
    expect(at(4).decodeSeconds(1, 1000) / at(1).decodeSeconds(1, 1000)).toBeCloseTo(1, 2);
    expect(at(4).decodeSeconds(256, 1000)).toBeCloseTo(at(1).decodeSeconds(64, 1000), 4);
  });
});
