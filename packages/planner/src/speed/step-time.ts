/**
 * The time of one step: a roofline of two phases, matrix products and attention, each bound by its own reads or its own
 * operations. One form serves decode, prefill and mixed steps, so every step reads the weights once.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRates } from '@plimsoll/registry';
import type { Parallelism } from '../bytes/parallelism.ts';
import type { ComputeFormat, WeightFormat } from '../bytes/weight-format.ts';
import type { SpeedAssumptions } from './assumptions.ts';
import { type MatrixWork, type ModelWork, touchedShare } from './model-work.ts';
import type { StepLoad } from './step-load.ts';

/** The facts of a device that determine its speed. Rates are dense operations per second. */
export interface DeviceSpeed {
  readonly bandwidthBytesPerSecond: number;
  readonly rates: HardwareRates;
  /** Bytes per second in one direction to the other devices of the replica. */
  readonly linkBytesPerSecond: number;
  /** Seconds to dispatch a step that has prompt tokens. */
  readonly dispatchSeconds: number;
}

export interface StepTimeInput {
  readonly spec: ModelSpec;
  readonly format: WeightFormat;
  readonly parallelism: Parallelism;
  readonly device: DeviceSpeed;
  readonly assumptions: SpeedAssumptions;
  /** Share of the weight bytes that are read from host memory. Default: 0. */
  readonly hostShare?: number;
}

/** Parts of a step's time, in seconds. Reading and computing overlap as the assumptions say; the other parts add up. */
export interface StepTerms {
  readonly weightReadSeconds: number;
  readonly matrixSeconds: number;
  readonly cacheReadSeconds: number;
  readonly attentionSeconds: number;
  /** Transfer of the bytes of all-reduces, which grow with the tokens. */
  readonly reduceSeconds: number;
  /** Fixed time of layers, latency of collectives, host work of the step, and dispatch if it has prompt tokens. */
  readonly fixedSeconds: number;
  /** Host work that each sequence adds. */
  readonly sequenceSeconds: number;
}

export interface StepTime {
  /** Seconds of one step, through all stages of a pipeline. */
  seconds(load: StepLoad): number;
  /** Seconds of the layers, which the stages of a pipeline divide among them; excludes `overheadSeconds`. */
  layerSeconds(load: StepLoad): number;
  /** Seconds of a step outside its layers. */
  overheadSeconds(load: StepLoad): number;
  /** The bound of a step: `memory` if its reads take at least as long as its operations. */
  bound(load: StepLoad): 'memory' | 'compute';
  terms(load: StepLoad): StepTerms;
}

/** Coefficients in seconds per unit of load, computed once, so that a step costs a few multiplications. */
interface Coefficients {
  readonly denseReadSeconds: number;
  readonly expertReadSeconds: number;
  readonly denseTokenSeconds: number;
  readonly expertTokenSeconds: number;
  readonly headTokenSeconds: number;
  readonly cacheSecondsPerByte: number;
  readonly attentionSecondsPerOperation: number;
  readonly fixedSeconds: number;
  readonly reducedTokenSeconds: number;
  readonly sequenceSeconds: number;
}

/** Prepares the step times of a model on a device. */
export function stepTime(work: ModelWork, input: StepTimeInput): StepTime {
  const { routedShare } = work.matrix;
  const { data } = input.parallelism;
  const terms = coefficients(input, work.matrix);
  const exposed = 1 - (input.assumptions.overlap ?? 1);
  const roofline = (first: number, second: number): number =>
    first > second ? first + exposed * second : second + exposed * first;
  const tokenSeconds = terms.denseTokenSeconds + terms.expertTokenSeconds;
  const sampledSeconds = tokenSeconds + terms.headTokenSeconds;
  const readSeconds = (tokens: number): number =>
    routedShare === 0
      ? terms.denseReadSeconds
      : terms.denseReadSeconds + terms.expertReadSeconds * touchedShare(routedShare, tokens);
  // Sampled tokens, other tokens, and expert work for tokens of other data groups; a sum without tokens is exactly 0.
  const matrixSeconds = ({ tokens, sampledRows, expertTokens }: StepLoad): number =>
    sampledRows * sampledSeconds +
    (tokens - sampledRows) * tokenSeconds +
    (expertTokens / data - tokens) * terms.expertTokenSeconds;
  const layerSeconds = (load: StepLoad): number =>
    roofline(readSeconds(load.expertTokens), matrixSeconds(load)) +
    roofline(
      load.cacheReadBytes * terms.cacheSecondsPerByte,
      load.attentionOperations * terms.attentionSecondsPerOperation,
    );
  const fixedSeconds = ({ prompts }: StepLoad): number =>
    prompts > 0 ? terms.fixedSeconds + input.device.dispatchSeconds : terms.fixedSeconds;
  return {
    seconds: (load) =>
      layerSeconds(load) +
      fixedSeconds(load) +
      load.tokens * terms.reducedTokenSeconds +
      load.sequences * terms.sequenceSeconds,
    layerSeconds: (load) => layerSeconds(load) + load.tokens * terms.reducedTokenSeconds,
    overheadSeconds: (load) => fixedSeconds(load) + load.sequences * terms.sequenceSeconds,
    bound(load) {
      const reads = readSeconds(load.expertTokens) + load.cacheReadBytes * terms.cacheSecondsPerByte;
      const computes = matrixSeconds(load) + load.attentionOperations * terms.attentionSecondsPerOperation;
      return reads >= computes ? 'memory' : 'compute';
    },
    terms: (load) => ({
      weightReadSeconds: readSeconds(load.expertTokens),
      matrixSeconds: matrixSeconds(load),
      cacheReadSeconds: load.cacheReadBytes * terms.cacheSecondsPerByte,
      attentionSeconds: load.attentionOperations * terms.attentionSecondsPerOperation,
      reduceSeconds: load.tokens * terms.reducedTokenSeconds,
      fixedSeconds: fixedSeconds(load),
      sequenceSeconds: load.sequences * terms.sequenceSeconds,
    }),
  };
}

function coefficients(input: StepTimeInput, work: MatrixWork): Coefficients {
  const { spec, format, parallelism, device, assumptions } = input;
  const expert = assumptions.expertEfficiency ?? 1;
  const efficiency = assumptions.computeEfficiency * (assumptions.formatEfficiency?.[format.compute] ?? 1);
  const secondsPerOperation =
    (assumptions.operationsFactor ?? 1) / (operationRate(device, format.compute) * efficiency);
  const bandwidth = device.bandwidthBytesPerSecond;
  const hostShare = input.hostShare ?? 0;
  const secondsPerWeightByte =
    (1 - hostShare) / (bandwidth * assumptions.bandwidthEfficiency) +
    hostShare / assumptions.hostBandwidthBytesPerSecond;
  const attentionEfficiency = assumptions.attentionEfficiency ?? assumptions.computeEfficiency;
  const cacheEfficiency = assumptions.cacheEfficiency ?? assumptions.bandwidthEfficiency;
  const seconds = {
    denseReadSeconds: work.denseReadBytes * secondsPerWeightByte,
    expertReadSeconds: (work.expertReadBytes * secondsPerWeightByte) / expert,
    denseTokenSeconds: work.denseOperations * secondsPerOperation,
    expertTokenSeconds: (work.expertOperations * secondsPerOperation) / expert,
    headTokenSeconds: work.headOperations * secondsPerOperation,
    cacheSecondsPerByte: 1 / (bandwidth * cacheEfficiency),
    attentionSecondsPerOperation:
      1 / (operationRate(device, format.base === 'fp32' ? 'fp32' : 'bf16') * attentionEfficiency),
    fixedSeconds:
      spec.layers.length * assumptions.layerSeconds +
      indexedLayers(spec) * (assumptions.indexerSeconds ?? 0) +
      (assumptions.stepSeconds ?? 0) +
      collectiveLatency(spec, parallelism, assumptions),
    reducedTokenSeconds:
      collectiveBytesPerToken(spec, parallelism) /
      (device.linkBytesPerSecond * (assumptions.linkEfficiency ?? 1)),
    sequenceSeconds: assumptions.sequenceSeconds ?? 0,
  };
  return scaled(seconds, assumptions.stepFactor ?? 1);
}

function scaled(terms: Coefficients, factor: number): Coefficients {
  if (factor === 1) return terms;
  const entries = Object.entries(terms).map(([name, seconds]) => [name, factor * seconds]);
  return Object.fromEntries(entries) as Coefficients;
}

/** Returns the rate of the matrix units for a format, or for the next wider type that the device has. */
function operationRate(device: Pick<DeviceSpeed, 'rates'>, compute: ComputeFormat): number {
  const { rates } = device;
  const half = rates.bf16 ?? rates.fp16 ?? rates.fp32 ?? 1;
  switch (compute) {
    case 'fp32':
      return rates.fp32 ?? half;
    case 'fp16':
      return rates.fp16 ?? half;
    case 'bf16':
      return half;
    case 'fp8':
      return rates.fp8 ?? half;
    case 'int8':
      return rates.int8 ?? half;
    case 'fp4':
      // A device without fp4 units unpacks the weights and multiplies in 16 bits.
      return rates.fp4 ?? half;
    default:
      return compute satisfies never;
  }
}

/**
 * Returns the bytes that a device sends per token: a ring all-reduce after attention and after the MLP of each layer,
 * 2 (n-1)/n of the hidden vector; with data groups, the hidden vector to the group of each routed expert (8 bits) and
 * back (16 bits).
 */
function collectiveBytesPerToken(spec: ModelSpec, { tensor, data }: Parallelism): number {
  let bytes = 2 * spec.layers.length * spec.hiddenSize * 2 * ((2 * (tensor - 1)) / tensor);
  for (const { mlp } of spec.layers) {
    if (mlp.kind === 'moe') bytes += (mlp.expertsPerToken * spec.hiddenSize * 3 * (data - 1)) / data;
  }
  return bytes;
}

/** Layers with an indexer, whose projections, scores and selection are kernels of their own. */
function indexedLayers(spec: ModelSpec): number {
  let layers = 0;
  for (const { attention } of spec.layers) {
    if ('indexer' in attention && attention.indexer !== undefined) layers++;
  }
  return layers;
}

/** Two collectives a layer, whose latency grows with the depth of a tree over the devices, and one hop per stage. */
function collectiveLatency(spec: ModelSpec, parallelism: Parallelism, assumptions: SpeedAssumptions): number {
  const perLayer = 2 * Math.log2(parallelism.tensor * parallelism.data);
  return (spec.layers.length * perLayer + (parallelism.pipeline - 1)) * assumptions.collectiveSeconds;
}
