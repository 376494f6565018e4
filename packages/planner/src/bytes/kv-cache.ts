/**
 * The cache of a sequence: keys and values per token, and recurrent state per sequence. The layers of a model fall into
 * a few groups that grow in the same way; every answer about context and users is a sum over these groups.
 */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files/spec';
import { type KvFormat, kvVectorBytes } from './kv-format.ts';
import { createMemo, remember } from './memo.ts';
import { kvHeadsPerDevice } from './parallelism.ts';

/** How a group grows: with every token, up to a window that slides or a chunk that restarts, or not at all. */
export type CacheKind = 'full' | 'sliding' | 'chunked' | 'state';

/** Layers with the same cache on one device. */
export interface CacheGroup {
  readonly kind: CacheKind;
  /** Tag of the ledger entry. */
  readonly tag: string;
  readonly layers: number;
  /** Bytes of one cached entry in one layer on one device. */
  readonly entryBytes: number;
  /** Tokens per cached entry: 1, or the ratio of a compressing layer. */
  readonly tokensPerEntry: number;
  /** Most tokens of a sequence that this group keeps: Infinity, a window, or a chunk. */
  readonly tokensMax: number;
  /** Bytes of recurrent and convolution state per sequence in one layer on one device. */
  readonly stateBytes: number;
  /** The numbers behind `entryBytes` or `stateBytes`, for the derivation. */
  readonly terms: string;
}

export interface CacheOptions {
  readonly kvFormat: KvFormat;
  /** Tensor-parallel devices that share the heads of a layer. */
  readonly tensor: number;
  /** Layers of this device's pipeline stage, half-open [start, end). */
  readonly layers: readonly [number, number];
  /** Bytes of one element of recurrent state and of the convolution tail. */
  readonly recurrentElementBytes: number;
  readonly convolutionElementBytes: number;
  /** Draft tokens of a step: the convolution tail must be able to step back over them. */
  readonly speculativeTokens?: number;
  /**
   * True if the engine keeps every token of windowed layers (vLLM V0, llama.cpp --swa-full, engines without a hybrid
   * cache), false if it keeps only the window.
   */
  readonly keepsWholeWindowedLayers?: boolean;
  /** Layers whose cache has another format; undefined if all layers have the same. */
  readonly otherFormat?: OtherFormat | undefined;
}

export interface OtherFormat {
  readonly kvFormat: KvFormat;
  /** Numbers of the layers. */
  readonly layers: readonly number[];
  /** True if all windowed layers have this format too. */
  readonly windowed: boolean;
}

/** Groups the layers of one pipeline stage by their cache. Layers that read the cache of another layer are left out. */
export function cacheGroups(spec: ModelSpec, options: CacheOptions): readonly CacheGroup[] {
  const key = [
    options.kvFormat,
    options.tensor,
    options.layers,
    options.recurrentElementBytes,
    options.convolutionElementBytes,
    options.speculativeTokens ?? 0,
    options.keepsWholeWindowedLayers === true,
    otherFormatKey(options.otherFormat),
  ].join();
  return remember(groupMemo, spec, key, () => collectGroups(spec, options));
}

const groupMemo = createMemo<readonly CacheGroup[]>();

function collectGroups(spec: ModelSpec, options: CacheOptions): readonly CacheGroup[] {
  const groups = new Map<string, CacheGroup>();
  for (let index = options.layers[0]; index < options.layers[1]; index++) {
    const layer = spec.layers[index];
    if (layer === undefined) continue;
    const kvFormat = formatOfLayer(index, layer.attention, options);
    for (const own of attentionGroups(layer.attention, { ...options, kvFormat })) {
      const group = kvFormat === options.kvFormat ? own : { ...own, tag: `${own.tag}, ${kvFormat}` };
      const key = `${group.tag}|${group.terms}|${group.tokensMax}|${group.tokensPerEntry}`;
      const known = groups.get(key);
      groups.set(key, known === undefined ? group : { ...known, layers: known.layers + 1 });
    }
  }
  return [...groups.values()];
}

function otherFormatKey(other: OtherFormat | undefined): string {
  return other === undefined ? '' : `${other.kvFormat} ${other.layers.join(' ')} ${other.windowed}`;
}

function formatOfLayer(
  index: number,
  { kind }: AttentionSpec,
  { kvFormat, otherFormat }: CacheOptions,
): KvFormat {
  if (otherFormat === undefined) return kvFormat;
  const isOther = otherFormat.layers.includes(index) || (otherFormat.windowed && kind === 'sliding');
  return isOther ? otherFormat.kvFormat : kvFormat;
}

type PerTokenKind = Extract<AttentionSpec, { kvHeads: number }>;

function attentionGroups(attention: AttentionSpec, options: CacheOptions): readonly CacheGroup[] {
  switch (attention.kind) {
    case 'full':
    case 'sliding':
    case 'chunked':
      return attention.sharesKvWithLayer === undefined ? [headGroup(attention, options)] : [];
    case 'mla':
      return [latentGroup(attention, options)];
    case 'compressed':
      return compressedGroups(attention, options);
    case 'linear':
    case 'ssm':
      return [stateGroup(attention, options)];
    case 'none':
      return [];
    default:
      return attention satisfies never;
  }
}

const perTokenDefaults = {
  kind: 'full' as const,
  layers: 1,
  tokensPerEntry: 1,
  tokensMax: Number.POSITIVE_INFINITY,
  stateBytes: 0,
};

function headGroup(attention: PerTokenKind, options: CacheOptions): CacheGroup {
  const heads = kvHeadsPerDevice(attention.kvHeads, options.tensor);
  const keyBytes = kvVectorBytes(attention.keyHeadDim, options.kvFormat);
  const valueBytes = kvVectorBytes(attention.valueHeadDim, options.kvFormat, 'value');
  const window =
    attention.kind === 'sliding'
      ? attention.window
      : attention.kind === 'chunked'
        ? attention.chunk
        : Number.POSITIVE_INFINITY;
  const indexer = indexerBytes(attention.indexer);
  return {
    ...perTokenDefaults,
    kind: options.keepsWholeWindowedLayers === true ? 'full' : attention.kind,
    tag: `${attention.kind} attention`,
    entryBytes: heads * (keyBytes + valueBytes) + indexer,
    tokensMax: options.keepsWholeWindowedLayers === true ? Number.POSITIVE_INFINITY : window,
    terms: withIndexer(`${heads} kv heads x (${keyBytes} + ${valueBytes} B)`, indexer),
  };
}

/** One latent and one rotary key per token. All heads share them, so every tensor-parallel device holds them whole. */
function latentGroup(attention: Extract<AttentionSpec, { kind: 'mla' }>, options: CacheOptions): CacheGroup {
  const latent = kvVectorBytes(attention.kvLoraRank + attention.ropeHeadDim, options.kvFormat);
  const indexer = indexerBytes(attention.indexer);
  return {
    ...perTokenDefaults,
    tag: 'latent attention',
    entryBytes: latent + indexer,
    terms: withIndexer(latentText([attention.kvLoraRank, attention.ropeHeadDim], latent), indexer),
  };
}

/**
 * Formats "(512 + 64) latent x 2 B", or only the bytes if an element with its share of scales is no whole number of
 * bits.
 */
function latentText(dims: readonly number[], latentBytes: number): string {
  const each = latentBytes / dims.reduce((sum, dim) => sum + dim, 0);
  if ((each * 8) % 1 !== 0) return `${latentBytes} B latent`;
  return `${dims.length > 1 ? `(${dims.join(' + ')})` : dims[0]} latent x ${each} B`;
}

function withIndexer(terms: string, indexer: number): string {
  return indexer > 0 ? `(${terms} + ${indexer} B indexer key)` : terms;
}

/** A sparse-attention indexer caches one fp8 key per token with an fp32 scale per 128 elements (DeepSeek V3.2, vLLM). */
function indexerBytes(indexer: { readonly headDim: number } | undefined): number {
  return indexer === undefined ? 0 : indexer.headDim + 4 * Math.ceil(indexer.headDim / 128);
}

function compressedGroups(
  attention: Extract<AttentionSpec, { kind: 'compressed' }>,
  options: CacheOptions,
): readonly CacheGroup[] {
  const latent = kvVectorBytes(attention.latentDim, options.kvFormat);
  const window: CacheGroup = {
    ...perTokenDefaults,
    kind: 'sliding',
    tag: 'sliding latent',
    entryBytes: latent,
    tokensMax: attention.window,
    terms: latentText([attention.latentDim], latent),
  };
  if (attention.ratio === 0) return [window];
  const indexer = indexerBytes(attention.indexer);
  const compressed: CacheGroup = {
    ...perTokenDefaults,
    tag: `latent compressed ${attention.ratio}x`,
    entryBytes: latent + indexer,
    tokensPerEntry: attention.ratio,
    terms: withIndexer(latentText([attention.latentDim], latent), indexer),
  };
  return [window, compressed];
}

function stateGroup(
  attention: Extract<AttentionSpec, { kind: 'linear' | 'ssm' }>,
  options: CacheOptions,
): CacheGroup {
  const recurrent =
    attention.kind === 'linear'
      ? attention.valueHeads * attention.keyHeadDim * attention.valueHeadDim
      : attention.heads * attention.headDim * attention.stateSize;
  const columns = attention.convTaps === 0 ? 0 : attention.convTaps - 1 + (options.speculativeTokens ?? 0);
  const convolution = columns * attention.convChannels;
  const { recurrentElementBytes, convolutionElementBytes } = options;
  const share = (elements: number): string =>
    options.tensor === 1 ? String(elements) : `ceil(${elements} / ${options.tensor})`;
  const stateBytes =
    Math.ceil(recurrent / options.tensor) * recurrentElementBytes +
    Math.ceil(convolution / options.tensor) * convolutionElementBytes;
  return {
    kind: 'state',
    tag: attention.kind === 'linear' ? 'linear-attention state' : 'ssm state',
    layers: 1,
    entryBytes: 0,
    tokensPerEntry: 1,
    tokensMax: 0,
    stateBytes,
    terms: `(${share(recurrent)} recurrent x ${recurrentElementBytes} B + ${share(convolution)} convolution x ${convolutionElementBytes} B)`,
  };
}

/** Returns the bytes of one sequence of `context` tokens in `group`, in whole blocks of `blockTokens` entries. */
export function sequenceBytes(group: CacheGroup, context: number, blockTokens: number): number {
  const kept = Math.min(context, group.tokensMax);
  const entries = Math.ceil(Math.ceil(kept / group.tokensPerEntry) / blockTokens) * blockTokens;
  return group.layers * (entries * group.entryBytes + group.stateBytes);
}

/** Returns the bytes that one more token adds after every window is full. */
export function growthBytesPerToken(groups: readonly CacheGroup[]): number {
  let sum = 0;
  for (const group of groups) {
    if (group.tokensMax === Number.POSITIVE_INFINITY)
      sum += (group.layers * group.entryBytes) / group.tokensPerEntry;
  }
  return sum;
}
