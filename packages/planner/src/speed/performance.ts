/**
 * First-order speed: how long one prefill and one decode step take, from bytes that must be moved and operations that
 * must be done. Grown from the two-phase model of mlsysim's ServingModel, with these differences:
 *
 * - matrix multiplication and attention are two phases, each bound by its own reads or its own operations;
 * - weights and KV cache have their own precision, reads and operations their own efficiency;
 * - a mixture of experts computes with the experts a token is routed to and reads the experts a batch touches;
 * - the input embedding is looked up, not multiplied, and the head runs on the last prompt token only;
 * - prefill attention is causal (half the square), stops at a layer's window, and expands latents (MLA) into heads;
 * - head_dim is the model's own; tensor parallelism pays two all-reduces a layer, each with a latency and a size;
 * - a step has host work of its own, and a little per sequence.
 *
 * Not modelled: contention between overlapping steps, kernel choice by shape, clocks under a power limit.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRates } from '@plimsoll/registry';
import type { CacheGroup } from '../bytes/kv-cache.ts';
import type { Parallelism } from '../bytes/parallelism.ts';
import type { ComputeFormat, WeightFormat } from '../bytes/weight-format.ts';
import {
  attentionWork,
  cachingLayers,
  type MatrixWork,
  matrixWork,
  prefillAttentionOperations,
  touchedShare,
} from './performance-work.ts';

/** What speed depends on in a device. Rates are dense operations per second. */
export interface DeviceSpeed {
  readonly bandwidthBytesPerSecond: number;
  readonly rates: HardwareRates;
  /** Bytes per second in one direction to the other devices of the replica. */
  readonly linkBytesPerSecond: number;
  readonly dispatchSeconds: number;
}

/**
 * How far real kernels stay below the data sheet. Values and their sources live in the registry. Absent fields take the
 * value that leaves their term out, so that the first five alone are mlsysim's assumptions.
 */
export interface SpeedAssumptions {
  /** Share of the matrix units' rate that matrix multiplication reaches. */
  readonly computeEfficiency: number;
  /** Share of the memory bandwidth that reading weights reaches. */
  readonly bandwidthEfficiency: number;
  /** Time of a layer that neither bytes nor operations explain: small kernels, their launches and gaps. */
  readonly layerSeconds: number;
  /** Latency of one all-reduce, whatever its size. */
  readonly collectiveSeconds: number;
  /** What the processor reads weights at that did not fit on a device. */
  readonly hostBandwidthBytesPerSecond: number;
  /** Share of the 16-bit rate that attention reaches; that of matrix multiplication when absent. */
  readonly attentionEfficiency?: number;
  /** Share of the bandwidth that reading cached keys and values reaches; that of weights when absent. */
  readonly cacheEfficiency?: number;
  /** Factor on the compute efficiency of narrow operand types: their rates are harder to reach. */
  readonly formatEfficiency?: Partial<Record<ComputeFormat, number>>;
  /** Factor on both efficiencies of grouped expert multiplications. */
  readonly expertEfficiency?: number;
  /** Share of the link bandwidth that an all-reduce reaches. */
  readonly linkEfficiency?: number;
  /** Host work of one step: scheduling, input preparation. */
  readonly stepSeconds?: number;
  /**
   * Share of the shorter of reading and computing that hides behind the longer one; all of it (1) when absent, as an ideal
   * roofline has it.
   */
  readonly overlap?: number;
  /** Tokens of one prefill step: the stages of a pipeline work on as many of them at once. A whole prompt when absent. */
  readonly chunkTokens?: number;
  /** Work that each sequence adds to a step outside the layers: sampling, detokenising, block tables. */
  readonly sequenceSeconds?: number;
}

/** Everything about a model on a device that does not depend on users or context. */
export interface SpeedModel {
  /**
   * Seconds until the first token of one prompt on an idle replica; of the last of `prompts` alike when they run as one
   * batch. `cachedTokens` were found in a prefix cache.
   */
  prefillSeconds(promptTokens: number, cachedTokens?: number, prompts?: number): number;
  /** Seconds of one decode step in which every user gets one token, with `context` tokens cached for each. */
  decodeSeconds(users: number, context: number): number;
  /** What bounds a decode step: the larger sum of its reads and its operations. */
  decodeBound(users: number, context: number): 'memory' | 'compute';
}

export interface SpeedInput {
  readonly spec: ModelSpec;
  readonly format: WeightFormat;
  readonly groups: readonly CacheGroup[];
  readonly parallelism: Parallelism;
  readonly device: DeviceSpeed;
  readonly assumptions: SpeedAssumptions;
  /** Share of the weight bytes that lie in host memory and are read from there. */
  readonly hostShare?: number;
}

/** Coefficients of a step: seconds per unit of what varies. Made once, so that a step is a few multiplications. */
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

export function speedModel(input: SpeedInput): SpeedModel {
  const { spec, groups, parallelism, device } = input;
  const work = matrixWork(spec, input.format, parallelism);
  const terms = coefficients(input, work);
  const { routedShare } = work;
  const attention = attentionWork(spec, parallelism.tensor);
  const decodeOperations = piecewiseLinear(
    0,
    attention.map((part) => part.decodeOperationsPerKey / part.tokensPerKey),
    attention.map((part) => part.keysMax),
  );
  const cacheBytes = cacheReader(groups, cachingLayers(spec));
  const { data, pipeline } = parallelism;
  const prefillFixed = terms.fixedSeconds + device.dispatchSeconds;

  // The stages of a pipeline work on as many microbatches at once; a user's token passes through all of them.
  const inFlight = (users: number): number => (users > pipeline ? users / pipeline : 1);
  const exposed = 1 - (input.assumptions.overlap ?? 1);
  const roofline = (first: number, second: number): number =>
    first > second ? first + exposed * second : second + exposed * first;
  const pipelined = pipelineShare(pipeline, input.assumptions.chunkTokens ?? Number.POSITIVE_INFINITY);
  const readSeconds = (tokens: number): number =>
    routedShare === 0
      ? terms.denseReadSeconds
      : terms.denseReadSeconds + terms.expertReadSeconds * touchedShare(routedShare, tokens);
  const matrixSeconds = (users: number): number =>
    (users / data) * (terms.denseTokenSeconds + terms.expertTokenSeconds + terms.headTokenSeconds);
  const cacheSeconds = (users: number, context: number): number =>
    (users / data) * cacheBytes(context) * terms.cacheSecondsPerByte;
  const attentionSeconds = (users: number, context: number): number =>
    (users / data) * decodeOperations(context) * terms.attentionSecondsPerOperation;
  return {
    decodeSeconds(allUsers, context) {
      const users = inFlight(allUsers);
      const matrix = roofline(readSeconds(users), matrixSeconds(users));
      const attend = roofline(cacheSeconds(users, context), attentionSeconds(users, context));
      return (
        matrix +
        attend +
        terms.fixedSeconds +
        (users / data) * terms.reducedTokenSeconds +
        users * terms.sequenceSeconds
      );
    },
    decodeBound(allUsers, context) {
      const users = inFlight(allUsers);
      const reads = readSeconds(users) + cacheSeconds(users, context);
      return reads >= matrixSeconds(users) + attentionSeconds(users, context) ? 'memory' : 'compute';
    },
    prefillSeconds(promptTokens, cachedTokens = 0, prompts = 1) {
      // A prompt stays in one data group; experts of all groups work on it.
      const inGroup = prompts > data ? prompts / data : 1;
      const tokens = Math.max(1, promptTokens - cachedTokens);
      let operations = 0;
      for (const work of attention)
        operations += prefillAttentionOperations(work, promptTokens, cachedTokens);
      const multiply =
        inGroup * (tokens * terms.denseTokenSeconds + terms.headTokenSeconds) +
        (prompts / data) * tokens * terms.expertTokenSeconds;
      return (
        pipelined(inGroup * tokens) *
          (roofline(multiply, readSeconds(prompts * tokens)) +
            inGroup * operations * terms.attentionSecondsPerOperation +
            inGroup * tokens * terms.reducedTokenSeconds) +
        prefillFixed +
        prompts * terms.sequenceSeconds
      );
    },
  };
}

/** Share of a prompt's whole way that it takes: n chunks pass p stages in n + p - 1 turns of a p-th of a chunk's way. */
function pipelineShare(stages: number, chunkTokens: number): (tokens: number) => number {
  if (stages === 1) return () => 1;
  return (tokens) => {
    const chunks = Math.ceil(tokens / chunkTokens);
    return (chunks + stages - 1) / (chunks * stages);
  };
}

function coefficients(input: SpeedInput, work: MatrixWork): Coefficients {
  const { spec, format, parallelism, device, assumptions } = input;
  const expert = assumptions.expertEfficiency ?? 1;
  const efficiency = assumptions.computeEfficiency * (assumptions.formatEfficiency?.[format.compute] ?? 1);
  const secondsPerOperation = 1 / (operationRate(device, format.compute) * efficiency);
  const bandwidth = device.bandwidthBytesPerSecond;
  const hostShare = input.hostShare ?? 0;
  const secondsPerWeightByte =
    (1 - hostShare) / (bandwidth * assumptions.bandwidthEfficiency) +
    hostShare / assumptions.hostBandwidthBytesPerSecond;
  const attentionEfficiency = assumptions.attentionEfficiency ?? assumptions.computeEfficiency;
  const cacheEfficiency = assumptions.cacheEfficiency ?? assumptions.bandwidthEfficiency;
  return {
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
      (assumptions.stepSeconds ?? 0) +
      collectiveLatency(spec, parallelism, assumptions),
    reducedTokenSeconds:
      collectiveBytesPerToken(spec, parallelism) /
      (device.linkBytesPerSecond * (assumptions.linkEfficiency ?? 1)),
    sequenceSeconds: assumptions.sequenceSeconds ?? 0,
  };
}

/** Cached bytes one sequence makes a step read, over all stages of a pipeline; `groups` may be those of one stage. */
function cacheReader(groups: readonly CacheGroup[], layers: number): (context: number) => number {
  let grouped = 0;
  for (const group of groups) grouped += group.layers;
  const scale = grouped === 0 ? 0 : Math.max(1, layers / grouped);
  let stateBytes = 0;
  const bytesPerToken: number[] = [];
  const tokensMax: number[] = [];
  for (const group of groups) {
    // Recurrent state is read and written back in every step.
    stateBytes += 2 * scale * group.layers * group.stateBytes;
    const bytes = (scale * group.layers * group.entryBytes) / group.tokensPerEntry;
    if (bytes === 0) continue;
    bytesPerToken.push(bytes);
    tokensMax.push(group.tokensMax);
  }
  return piecewiseLinear(stateBytes, bytesPerToken, tokensMax);
}

/** start + sum of slope x min(x, limit), over typed arrays: sweeps ask for it millions of times a second. */
function piecewiseLinear(
  start: number,
  slopes: readonly number[],
  limits: readonly number[],
): (x: number) => number {
  const [slope = 0] = slopes;
  const [limit = 0] = limits;
  if (slopes.length <= 1) return (x) => start + slope * Math.min(x, limit);
  const slopeOf = Float64Array.from(slopes);
  const limitOf = Float64Array.from(limits);
  return (x) => {
    let sum = start;
    for (let index = 0; index < slopeOf.length; index++) {
      sum += (slopeOf[index] ?? 0) * Math.min(x, limitOf[index] ?? 0);
    }
    return sum;
  };
}

/** Rate of the matrix units for a format, falling back to the next wider type the device has. */
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
      // Without fp4 units the weights are unpacked and multiplied in 16 bits.
      return rates.fp4 ?? half;
    default:
      return compute satisfies never;
  }
}

/**
 * Bytes a token sends: a ring all-reduce after attention and after the MLP of each layer, 2 (n-1)/n of the hidden vector;
 * with data groups, the hidden vector to the group of each routed expert (8 bits) and back (16 bits).
 */
function collectiveBytesPerToken(spec: ModelSpec, { tensor, data }: Parallelism): number {
  let bytes = 2 * spec.layers.length * spec.hiddenSize * 2 * ((2 * (tensor - 1)) / tensor);
  for (const { mlp } of spec.layers) {
    if (mlp.kind === 'moe') bytes += (mlp.expertsPerToken * spec.hiddenSize * 3 * (data - 1)) / data;
  }
  return bytes;
}

function collectiveLatency(spec: ModelSpec, parallelism: Parallelism, assumptions: SpeedAssumptions): number {
  const perLayer = parallelism.tensor > 1 || parallelism.data > 1 ? 2 * spec.layers.length : 0;
  return (perLayer + (parallelism.pipeline - 1)) * assumptions.collectiveSeconds;
}
