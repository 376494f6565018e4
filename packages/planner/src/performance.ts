/**
 * First-order speed: how long one prefill and one decode step take at the least, from bytes that must be moved and
 * operations that must be done. Based on the two-phase model of mlsysim's ServingModel, with these differences:
 *
 * - decode has a compute term, so large batches and latent attention can be compute bound;
 * - weights and KV cache have their own precision;
 * - a mixture of experts computes with the experts a token is routed to and reads the experts a batch touches;
 * - the input embedding is looked up, not multiplied, and the head runs on the last prompt token only;
 * - prefill attention is causal (half the square) and stops at a layer's window;
 * - head_dim is the model's own; tensor parallelism pays two all-reduces a layer.
 */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files';
import type { HardwareRates } from '@plimsoll/registry';
import type { CacheGroup } from './kv-cache.ts';
import type { Parallelism } from './parallelism.ts';
import type { ComputeFormat, WeightFormat } from './weight-format.ts';
import { deviceWeights } from './weights.ts';

/** What speed depends on in a device. Rates are dense operations per second. */
export interface DeviceSpeed {
  readonly bandwidthBytesPerSecond: number;
  readonly rates: HardwareRates;
  /** Bytes per second in one direction to the other devices of the replica. */
  readonly linkBytesPerSecond: number;
  readonly dispatchSeconds: number;
}

/** How far real kernels stay below the data sheet. Values and their sources live in the registry. */
export interface SpeedAssumptions {
  readonly computeEfficiency: number;
  readonly bandwidthEfficiency: number;
  readonly layerSeconds: number;
  readonly collectiveSeconds: number;
  /** What the processor reads weights at that did not fit on a device. */
  readonly hostBandwidthBytesPerSecond: number;
}

/** Operations one layer kind spends per query token and cached key on one device. */
interface AttentionCost {
  readonly layers: number;
  readonly operationsPerKey: number;
  readonly keysMax: number;
  readonly tokensPerKey: number;
}

/** Everything about a model on a device that does not depend on users or context. */
export interface SpeedModel {
  /** Seconds until the first token of one prompt on an idle replica. `cachedTokens` were found in a prefix cache. */
  prefillSeconds(promptTokens: number, cachedTokens?: number): number;
  /** Seconds of one decode step in which every user gets one token, with `context` tokens cached for each. */
  decodeSeconds(users: number, context: number): number;
  /** What bounds a decode step: the larger of its two terms. */
  decodeBound(users: number, context: number): 'memory' | 'compute';
}

/** Terms of the step time that scale with users or are constant, all per device. */
interface StepTerms {
  readonly denseReadBytes: number;
  readonly expertReadBytes: number;
  readonly routedShare: number;
  readonly denseOperations: number;
  readonly headOperations: number;
}

export function speedModel(input: {
  readonly spec: ModelSpec;
  readonly format: WeightFormat;
  readonly groups: readonly CacheGroup[];
  readonly parallelism: Parallelism;
  readonly device: DeviceSpeed;
  readonly assumptions: SpeedAssumptions;
  /** Share of the weight bytes that lie in host memory and are read from there. */
  readonly hostShare?: number;
}): SpeedModel {
  const { spec, format, groups, parallelism, device, assumptions } = input;
  const terms = stepTerms(spec, format, parallelism);
  const attention = attentionCosts(spec, parallelism.tensor);
  const rate = operationRate(device, format.compute) * assumptions.computeEfficiency;
  const bandwidth = device.bandwidthBytesPerSecond * assumptions.bandwidthEfficiency;
  const hostShare = input.hostShare ?? 0;
  const secondsPerWeightByte =
    (1 - hostShare) / bandwidth + hostShare / assumptions.hostBandwidthBytesPerSecond;
  const fixedSeconds =
    spec.layers.length * assumptions.layerSeconds + collectiveLatency(spec, parallelism, assumptions);
  const reducedBytesPerToken = collectiveBytesPerToken(spec, parallelism);

  const memorySeconds = (users: number, context: number): number => {
    const perGroup = users / parallelism.data;
    const touched = 1 - (1 - terms.routedShare) ** users;
    let cacheBytes = 0;
    for (const group of groups) {
      const entries = Math.min(context, group.tokensMax) / group.tokensPerEntry;
      // Recurrent state is read and written back in every step.
      cacheBytes += group.layers * (entries * group.entryBytes + 2 * group.stateBytes);
    }
    const weightBytes = terms.denseReadBytes + terms.expertReadBytes * touched;
    return weightBytes * secondsPerWeightByte + (perGroup * cacheBytes) / bandwidth;
  };
  const computeSeconds = (users: number, context: number): number => {
    let operations = terms.denseOperations + terms.headOperations;
    for (const cost of attention) {
      operations += cost.layers * cost.operationsPerKey * Math.min(context / cost.tokensPerKey, cost.keysMax);
    }
    return ((users / parallelism.data) * operations) / rate;
  };
  return {
    decodeSeconds: (users, context) =>
      Math.max(memorySeconds(users, context), computeSeconds(users, context)) +
      fixedSeconds +
      (users * reducedBytesPerToken) / device.linkBytesPerSecond,
    decodeBound: (users, context) =>
      memorySeconds(users, context) >= computeSeconds(users, context) ? 'memory' : 'compute',
    prefillSeconds(promptTokens, cachedTokens = 0) {
      const tokens = Math.max(1, promptTokens - cachedTokens);
      let operations = terms.denseOperations * tokens + terms.headOperations;
      for (const cost of attention) operations += prefillAttention(cost, promptTokens, cachedTokens);
      const touched = 1 - (1 - terms.routedShare) ** tokens;
      const readSeconds = (terms.denseReadBytes + terms.expertReadBytes * touched) * secondsPerWeightByte;
      return (
        Math.max(operations / rate, readSeconds) +
        fixedSeconds +
        (tokens * reducedBytesPerToken) / device.linkBytesPerSecond +
        device.dispatchSeconds
      );
    },
  };
}

/** Rate of the matrix units for a format, falling back to the next wider type the device has. */
export function operationRate(device: DeviceSpeed, compute: ComputeFormat): number {
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
      return rates.fp4 ?? rates.fp8 ?? half;
    default:
      return compute satisfies never;
  }
}

/** The whole model at its tensor-parallel share: pipeline stages run one after another for a token. */
function stepTerms(spec: ModelSpec, format: WeightFormat, parallelism: Parallelism): StepTerms {
  const { byTag } = deviceWeights(spec, format, { ...parallelism, pipeline: 1 });
  const experts = byTag.get('experts') ?? { bytes: 0, elements: 0 };
  const head = byTag.get(spec.tiedEmbeddings ? 'embeddings' : 'head') ?? { bytes: 0, elements: 0 };
  let readBytes = head.bytes;
  let elements = 0;
  for (const [tag, share] of byTag) {
    if (tag === 'embeddings' || tag === 'head' || tag === 'vision' || tag === 'experts') continue;
    readBytes += share.bytes;
    elements += share.elements;
  }
  const routedShare = expertShare(spec);
  return {
    denseReadBytes: readBytes,
    expertReadBytes: experts.bytes,
    routedShare,
    denseOperations: 2 * (elements + experts.elements * parallelism.data * routedShare),
    headOperations: 2 * head.elements,
  };
}

/** Share of the experts that one token is routed to. */
function expertShare(spec: ModelSpec): number {
  for (const layer of spec.layers) {
    if (layer.mlp.kind === 'moe') return layer.mlp.expertsPerToken / layer.mlp.experts;
  }
  return 0;
}

function attentionCosts(spec: ModelSpec, tensor: number): readonly AttentionCost[] {
  const costs = new Map<AttentionSpec, AttentionCost>();
  for (const layer of spec.layers) {
    const known = costs.get(layer.attention);
    const cost = known ?? layerAttentionCost(layer.attention, tensor);
    if (cost !== null) costs.set(layer.attention, { ...cost, layers: (known?.layers ?? 0) + 1 });
  }
  return [...costs.values()];
}

/** Two operations per multiply-add, once for scores (query x key) and once for the weighted sum of values. */
function layerAttentionCost(attention: AttentionSpec, tensor: number): AttentionCost | null {
  const plain = { layers: 0, keysMax: Number.POSITIVE_INFINITY, tokensPerKey: 1 };
  switch (attention.kind) {
    case 'full':
    case 'sliding':
    case 'chunked': {
      const operationsPerKey =
        (2 * attention.queryHeads * (attention.keyHeadDim + attention.valueHeadDim)) / tensor;
      if (attention.kind === 'full') return { ...plain, operationsPerKey };
      return {
        ...plain,
        operationsPerKey,
        keysMax: attention.kind === 'sliding' ? attention.window : attention.chunk,
      };
    }
    case 'mla': {
      // Decode works on the latent itself: scores over rank + rope, values over rank.
      const width = 2 * attention.kvLoraRank + attention.ropeHeadDim;
      const keysMax = attention.indexer?.topK ?? Number.POSITIVE_INFINITY;
      return { ...plain, operationsPerKey: (2 * attention.queryHeads * width) / tensor, keysMax };
    }
    case 'compressed': {
      const operationsPerKey = (4 * attention.queryHeads * attention.latentDim) / tensor;
      return { ...plain, operationsPerKey, tokensPerKey: Math.max(1, attention.ratio) };
    }
    case 'linear':
    case 'ssm':
    case 'none':
      return null;
    default:
      return attention satisfies never;
  }
}

/** Causal attention over a prompt: token i sees min(i, window) keys. Cached tokens are keys, not queries. */
function prefillAttention(cost: AttentionCost, promptTokens: number, cachedTokens: number): number {
  const keysBefore = (position: number): number => {
    const inWindow = Math.min(position, cost.keysMax * cost.tokensPerKey);
    return (inWindow * inWindow) / 2 + (position - inWindow) * inWindow;
  };
  const keys = (keysBefore(promptTokens) - keysBefore(cachedTokens)) / cost.tokensPerKey;
  return cost.layers * cost.operationsPerKey * keys;
}

/** Ring all-reduce after attention and after the MLP of each layer: 2 (n-1)/n of the hidden vector per token. */
function collectiveBytesPerToken(spec: ModelSpec, parallelism: Parallelism): number {
  const ways = parallelism.tensor;
  if (ways === 1) return 0;
  return 2 * spec.layers.length * spec.hiddenSize * 2 * ((2 * (ways - 1)) / ways);
}

function collectiveLatency(spec: ModelSpec, parallelism: Parallelism, assumptions: SpeedAssumptions): number {
  const perLayer = parallelism.tensor > 1 ? 2 * spec.layers.length : 0;
  return (perLayer + (parallelism.pipeline - 1)) * assumptions.collectiveSeconds;
}
