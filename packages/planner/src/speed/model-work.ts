/**
 * The work of one step on one device, independent of the speed of the device: weight bytes to read, matrix operations
 * per token, attention operations per cached key. The counts come from the tensors and the attention layout of the
 * ModelSpec, at the tensor- and expert-parallel share of a device, summed over all stages of a pipeline.
 */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files/spec';
import type { CacheGroup } from '../bytes/kv-cache.ts';
import { createMemo, remember } from '../bytes/memo.ts';
import type { Parallelism } from '../bytes/parallelism.ts';
import type { WeightFormat } from '../bytes/weight-format.ts';
import { deviceWeights } from '../bytes/weights.ts';

/** Matrix work of a step: two operations per weight and token. */
export interface MatrixWork {
  /**
   * Bytes read in every step: all weights but the routed experts, and the input embedding, of which a token reads one
   * row.
   */
  readonly denseReadBytes: number;
  /** Bytes of all routed experts; a step reads the share that its tokens touch. */
  readonly expertReadBytes: number;
  /** Share of the experts that one token is routed to. */
  readonly routedShare: number;
  /** Operations per token. */
  readonly denseOperations: number;
  /** Operations per token. */
  readonly expertOperations: number;
  /** Operations per row of logits: the head runs for the last token of a prompt and for every decoded token. */
  readonly headOperations: number;
}

/** Attention summed over layers of one kind. A token attends to min(context, keysMax) / tokensPerKey keys. */
interface AttentionWork {
  /** Operations per query token and key in decode; latent attention works on the latent itself. */
  readonly decodeOperationsPerKey: number;
  /** Operations per query token and key in prefill; latent attention first expands the latent into heads. */
  readonly prefillOperationsPerKey: number;
  /** As `prefillOperationsPerKey`, for prompts of more than `keysMax` tokens. */
  readonly longPromptOperationsPerKey: number;
  readonly keysMax: number;
  readonly tokensPerKey: number;
}

/** Sums the whole model at its tensor-parallel share: a token passes the stages of a pipeline one after another. */
function matrixWork(spec: ModelSpec, format: WeightFormat, parallelism: Parallelism): MatrixWork {
  const { byTag } = deviceWeights(spec, format, { ...parallelism, pipeline: 1 });
  const nothing = { bytes: 0, elements: 0 };
  const experts = byTag.get('experts') ?? nothing;
  const head = byTag.get(spec.tiedEmbeddings ? 'embeddings' : 'head') ?? nothing;
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
    denseOperations: 2 * elements,
    // A device holds 1 / (tensor x data) of the experts and serves the tokens of all data groups with them.
    expertOperations: 2 * experts.elements * parallelism.data * routedShare,
    headOperations: 2 * head.elements,
  };
}

/** Returns the share of the routed experts that process a token; 0 for a model without experts. */
export function expertShare(spec: ModelSpec): number {
  for (const layer of spec.layers) {
    if (layer.mlp.kind === 'moe') return layer.mlp.expertsPerToken / layer.mlp.experts;
  }
  return 0;
}

/**
 * Returns the expected share of experts that process at least one of `tokens` tokens, if routing is uniform and
 * independent.
 */
export function touchedShare(routedShare: number, tokens: number): number {
  return 1 - (1 - routedShare) ** tokens;
}

/**
 * Returns one entry per distinct window and compression, so that a step sums two or three entries instead of all
 * layers.
 */
function attentionWork(spec: ModelSpec, split: HeadSplit): readonly AttentionWork[] {
  return remember(workMemo, spec, `${split.tensor}/${split.sparseHeads}`, () => sumAttention(spec, split));
}

/** How the heads of a layer are divided among devices. */
interface HeadSplit {
  readonly tensor: number;
  /** A kernel of sparse latent attention computes a multiple of this number of heads; the missing ones are padding. */
  readonly sparseHeads: number;
}

const workMemo = createMemo<readonly AttentionWork[]>();

function sumAttention(spec: ModelSpec, split: HeadSplit): readonly AttentionWork[] {
  const layersOf = new Map<AttentionSpec, number>();
  for (const { attention } of spec.layers) layersOf.set(attention, (layersOf.get(attention) ?? 0) + 1);
  const sums = new Map<string, AttentionWork>();
  for (const [attention, layers] of layersOf) {
    const share = layers / split.tensor;
    for (const work of layerAttention(attention, split)) {
      const key = `${work.keysMax}/${work.tokensPerKey}`;
      const known = sums.get(key);
      sums.set(key, {
        ...work,
        decodeOperationsPerKey: share * work.decodeOperationsPerKey + (known?.decodeOperationsPerKey ?? 0),
        prefillOperationsPerKey: share * work.prefillOperationsPerKey + (known?.prefillOperationsPerKey ?? 0),
        longPromptOperationsPerKey:
          share * work.longPromptOperationsPerKey + (known?.longPromptOperationsPerKey ?? 0),
      });
    }
  }
  return [...sums.values()];
}

const unlimited = Number.POSITIVE_INFINITY;

/**
 * Counts two operations per multiply-add, once for scores (query x key) and once for the weighted sum of values. The
 * devices of a tensor-parallel group divide the result, so work that each of them repeats counts `tensor` times.
 */
function layerAttention(attention: AttentionSpec, split: HeadSplit): readonly AttentionWork[] {
  switch (attention.kind) {
    case 'full':
    case 'sliding':
    case 'chunked': {
      const perKey = 2 * attention.queryHeads * (attention.keyHeadDim + attention.valueHeadDim);
      const keysMax =
        attention.kind === 'full'
          ? (attention.indexer?.topK ?? unlimited)
          : attention.kind === 'sliding'
            ? attention.window
            : attention.chunk;
      return [plainWork(perKey, perKey, keysMax), ...indexerWork(attention.indexer, split)];
    }
    case 'mla': {
      const latentWidth = 2 * attention.kvLoraRank + attention.ropeHeadDim;
      const headWidth = attention.nopeHeadDim + attention.ropeHeadDim + attention.valueHeadDim;
      const decode = 2 * attention.queryHeads * latentWidth;
      const prefill = 2 * attention.queryHeads * headWidth;
      const indexer = attention.indexer;
      if (indexer === undefined) return [plainWork(decode, prefill, unlimited)];
      // Sparse attention gathers latents, so it cannot expand them. A prompt of at most topK tokens attends to all.
      const gathered = (decode / attention.queryHeads) * paddedHeads(attention.queryHeads, split);
      const sparse = plainWork(gathered, prefill, indexer.topK);
      return [{ ...sparse, longPromptOperationsPerKey: gathered }, ...indexerWork(indexer, split)];
    }
    case 'compressed': {
      const perKey = 4 * attention.queryHeads * attention.latentDim;
      const window = plainWork(perKey, perKey, attention.window);
      if (attention.ratio === 0) return [window];
      const keysMax = attention.indexer?.topK ?? unlimited;
      const compressed = {
        ...plainWork(perKey, perKey, keysMax * attention.ratio),
        tokensPerKey: attention.ratio,
      };
      return [window, compressed, ...indexerWork(attention.indexer, split, attention.ratio)];
    }
    case 'linear':
    case 'ssm':
    case 'none':
      return [];
    default:
      return attention satisfies never;
  }
}

function plainWork(decode: number, prefill: number, keysMax: number): AttentionWork {
  return {
    decodeOperationsPerKey: decode,
    prefillOperationsPerKey: prefill,
    longPromptOperationsPerKey: prefill,
    keysMax,
    tokensPerKey: 1,
  };
}

/** Heads of all devices, if each rounds its own up to what the kernel computes. */
function paddedHeads(heads: number, { tensor, sparseHeads }: HeadSplit): number {
  return tensor * sparseHeads * Math.ceil(heads / tensor / sparseHeads);
}

/** The indexer of sparse attention scores every key with its own small heads. Every device of a group has all of them. */
function indexerWork(
  indexer: { readonly heads: number; readonly headDim: number } | undefined,
  { tensor }: HeadSplit,
  tokensPerKey = 1,
): readonly AttentionWork[] {
  if (indexer === undefined) return [];
  const perKey = 2 * indexer.heads * indexer.headDim * tensor;
  return [{ ...plainWork(perKey, perKey, unlimited), tokensPerKey }];
}

/**
 * Counts causal attention over a prompt: token i attends to min(i, window) keys. Cached tokens are keys, not queries.
 */
function prefillAttentionOperations(work: AttentionWork, promptTokens: number, cachedTokens: number): number {
  const keys = keysBefore(promptTokens, work.keysMax) - keysBefore(cachedTokens, work.keysMax);
  const perKey = promptTokens > work.keysMax ? work.longPromptOperationsPerKey : work.prefillOperationsPerKey;
  return (perKey * keys) / work.tokensPerKey;
}

/** Integrates min(i, window) from 0 to `position`. */
function keysBefore(position: number, window: number): number {
  if (position <= window) return (position * position) / 2;
  return (window * window) / 2 + (position - window) * window;
}

/**
 * Counts the layers, and compressed halves of layers, that cache something: those that `cacheGroups` lists for a whole
 * model.
 */
function cachingLayers(spec: ModelSpec): number {
  return remember(layerMemo, spec, '', () => countCachingLayers(spec));
}

const layerMemo = createMemo<number>();

function countCachingLayers(spec: ModelSpec): number {
  let count = 0;
  for (const { attention } of spec.layers) {
    if (attention.kind === 'none') continue;
    if ('sharesKvWithLayer' in attention && attention.sharesKvWithLayer !== undefined) continue;
    count += attention.kind === 'compressed' && attention.ratio > 0 ? 2 : 1;
  }
  return count;
}

/**
 * Returns the function from a sequence's context in tokens to the cached bytes that a step reads for it, over all
 * stages of a pipeline. `groups` may be the groups of one stage.
 */
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

/**
 * Returns x -> start + sum of slope x min(x, limit). Uses typed arrays, because sweeps call it millions of times a
 * second.
 */
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

/** The work of steps of one model under one split, with its cache; `StepLoad` sums its terms. */
export interface ModelWork {
  readonly matrix: MatrixWork;
  /** Cached bytes that a token with `context` tokens before it reads. */
  cacheBytes(context: number): number;
  /** Attention operations of that token. */
  decodeOperations(context: number): number;
  /** Attention operations of the prompt tokens [cachedTokens, promptTokens). */
  prefillOperations(promptTokens: number, cachedTokens: number): number;
}

/**
 * Counts the work of a model; `groups` are the cache groups of one pipeline stage or of the whole model. `sparseHeads`:
 * see `HeadSplit`.
 */
export function modelWork(
  spec: ModelSpec,
  format: WeightFormat,
  parallelism: Parallelism,
  {
    groups,
    sparseHeads = 1,
  }: { readonly groups: readonly CacheGroup[]; readonly sparseHeads?: number | undefined },
): ModelWork {
  const attention = attentionWork(spec, { tensor: parallelism.tensor, sparseHeads });
  return {
    matrix: matrixWork(spec, format, parallelism),
    cacheBytes: cacheReader(groups, cachingLayers(spec)),
    decodeOperations: piecewiseLinear(
      0,
      attention.map((part) => part.decodeOperationsPerKey / part.tokensPerKey),
      attention.map((part) => part.keysMax),
    ),
    prefillOperations(promptTokens, cachedTokens) {
      let operations = 0;
      for (const part of attention)
        operations += prefillAttentionOperations(part, promptTokens, cachedTokens);
      return operations;
    },
  };
}
