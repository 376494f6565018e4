/**
 * Sizes caches: the number of cells, and their bytes per layer (llama-kv-cache.cpp, llama-kv-cache-iswa.cpp, llama-memory-recurrent.cpp,
 * llama-model.cpp create_memory; llama-hparams.cpp n_embd_r, n_embd_s).
 */
import {
  type AttentionSpec,
  ggmlTensorBytes,
  ggmlTypeNamed,
  type LayerSpec,
  type ModelSpec,
} from '@plimsoll/model-files/spec';
import type { EngineRules } from './engine-rules.ts';

export interface CacheOptions {
  readonly contextTokens: number;
  readonly microBatchTokens: number;
  readonly sequences: number;
  /** True if all sequences share one cache; false if each sequence has its own part of the context. */
  readonly unified: boolean;
  readonly flashAttention: boolean;
  readonly keyType: string;
  readonly valueType: string;
  /** `--swa-full`: sliding layers keep the whole context. */
  readonly fullWindow: boolean;
  /** Additional states per sequence to which speculative decoding rolls back. */
  readonly rollbackStates: number;
  /** True if the file stores latent attention as absorbed matrices, so that the engine can cache the latent. */
  readonly absorbedMla: boolean;
  readonly rules: EngineRules;
}

/** Cells per stream, and the number of streams. */
export interface CacheCells {
  readonly full: number;
  /** 0 if no layer has a sliding-window cache. */
  readonly window: number;
  readonly streams: number;
}

/** Rows of one kind that a layer caches. */
export interface CachePart {
  readonly tag: string;
  /** Rows over all streams. */
  readonly rows: number;
  readonly keyRowBytes: number;
  readonly valueRowBytes: number;
}

export interface LayerCache {
  readonly parts: readonly CachePart[];
  readonly stateBytes: number;
}

/** Bytes of keys and values. */
export function cachedBytes({ parts }: LayerCache): number {
  return parts.reduce(
    (sum, { rows, keyRowBytes, valueRowBytes }) => sum + rows * (keyRowBytes + valueRowBytes),
    0,
  );
}

/** Families whose sliding windows llama.cpp applies. In other families such layers attend to every token and cache it. */
const windowFamilies =
  /^(gemma2|gemma3|gemma3n|gemma4|gemma\d\w*_text|gpt_oss|gpt-oss|cohere2|llama4|olmo2|olmo3|exaone4|exaone_moe|smallthinker|mimo2|mimo_v2|mimo_v2_flash|step3p5|step35|step3p7|afmoe|plamo3)/;

function appliesWindow(family: string): boolean {
  return windowFamilies.test(family);
}

export function cacheCells(spec: ModelSpec, options: CacheOptions): CacheCells {
  const { rules, flashAttention } = options;
  const shared = options.unified || !rules.streams ? 1 : options.sequences;
  const full = padded(Math.ceil(options.contextTokens / shared), rules.cellPadding(flashAttention));
  // Compressed layers keep a stream per sequence even in a unified cache, each as long as the context.
  const streams = isCompressed(spec) ? options.sequences : shared;
  const window = windowOf(spec);
  if (window === null) return { full, window: 0, streams };
  if (!rules.separateWindowCache || options.fullWindow) return { full, window: full, streams };
  const sharing = streams === 1 ? options.sequences : 1;
  const needed = window * sharing + options.microBatchTokens;
  const padding = rules.windowPadding(flashAttention);
  return { full, window: Math.min(full, padded(needed, padding)), streams };
}

export function isCompressed(spec: ModelSpec): boolean {
  return spec.layers.some(({ attention }) => attention.kind === 'compressed');
}

/** Cells of the entries that stand for `ratio` tokens each (llama-kv-cache-dsv4.cpp, dsv4_comp_size). */
export function compressedCells(fullCells: number, ratio: number): number {
  return padded(Math.max(1, Math.ceil(fullCells / ratio)), 256);
}

/** Tokens of the sliding window, or null for models without one. */
function windowOf(spec: ModelSpec): number | null {
  for (const { attention } of spec.layers) if (attention.kind === 'compressed') return attention.window;
  if (!appliesWindow(spec.family)) return null;
  for (const { attention } of spec.layers) {
    if (attention.kind === 'sliding') return attention.window;
    if (attention.kind === 'chunked') return attention.chunk;
  }
  return null;
}

function padded(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}

export function layerCache(
  spec: ModelSpec,
  layer: LayerSpec,
  cells: CacheCells,
  options: CacheOptions,
): LayerCache {
  const { attention } = layer;
  const stateBytes = stateElements(layer) * 4 * options.sequences * (1 + options.rollbackStates);
  if (attention.kind === 'compressed')
    return { parts: compressedParts(attention, cells, options), stateBytes };
  const width = rowWidths(spec, layer, options);
  const slides = attention.kind === 'sliding' || attention.kind === 'chunked';
  const isWindow = slides && cells.window > 0;
  const kind = attention.kind === 'mla' ? 'latent attention' : isWindow ? 'sliding-window' : 'full-attention';
  const parts = [
    {
      tag: `${kind} layers`,
      rows: (isWindow ? cells.window : cells.full) * cells.streams,
      keyRowBytes: rowBytes(options.keyType, width.key),
      valueRowBytes: rowBytes(options.valueType, width.value),
    },
    ...indexerParts(attention, cells, options),
  ];
  return { parts: parts.filter((part) => part.keyRowBytes + part.valueRowBytes > 0), stateBytes };
}

/** One more key per token, and no value (llama-kv-cache-dsa.cpp, llama-kv-cache-msa.cpp). */
function indexerParts(
  attention: AttentionSpec,
  cells: CacheCells,
  options: CacheOptions,
): readonly CachePart[] {
  if (!('indexer' in attention) || attention.indexer === undefined || !options.rules.sparseIndexers)
    return [];
  const { headDim } = attention.indexer;
  // MiniMax M3's indexer caches a value row as well: its cache has the head size of values of the model.
  const valueDim = 'valueHeadDim' in attention && attention.kind !== 'mla' ? attention.valueHeadDim : 0;
  return [
    {
      tag: 'indexer keys',
      rows: cells.full * cells.streams,
      keyRowBytes: rowBytes(options.keyType, headDim),
      valueRowBytes: rowBytes(options.valueType, valueDim),
    },
  ];
}

type Compressed = Extract<AttentionSpec, { readonly kind: 'compressed' }>;

/** A window of latents, one entry per `ratio` tokens, and the keys of an indexer over the entries. */
function compressedParts(
  { latentDim, ratio, indexer }: Compressed,
  cells: CacheCells,
  options: CacheOptions,
): readonly CachePart[] {
  const part = (tag: string, rows: number, elements: number): CachePart => ({
    tag,
    rows: rows * cells.streams,
    keyRowBytes: rowBytes(options.keyType, elements),
    valueRowBytes: 0,
  });
  const window = part('window of compressed layers', cells.window, latentDim);
  if (ratio === 0) return [window];
  const entries = compressedCells(cells.full, ratio);
  return [
    window,
    part(`entries compressed ${ratio}x`, entries, latentDim),
    ...(indexer === undefined ? [] : [part('indexer keys', entries, indexer.headDim)]),
  ];
}

function rowBytes(type: string, elements: number): number {
  return elements === 0 ? 0 : ggmlTensorBytes(ggmlTypeNamed(type), [elements]);
}

interface RowWidths {
  readonly key: number;
  readonly value: number;
}

function rowWidths(spec: ModelSpec, { attention }: LayerSpec, options: CacheOptions): RowWidths {
  if (attention.kind === 'mla') return latentWidths(attention, options);
  if (!('kvHeads' in attention) || attention.sharesKvWithLayer !== undefined) return { key: 0, value: 0 };
  const value = attention.kvHeads * attention.valueHeadDim;
  const key = attention.kvHeads * attention.keyHeadDim;
  // The cache pads transposed values to the widest layer.
  if (!options.flashAttention && options.rules.rowIndexInputs && value > 0)
    return { key, value: widestValue(spec) };
  return { key, value };
}

function widestValue(spec: ModelSpec): number {
  return Math.max(
    ...spec.layers.map(({ attention }) =>
      'kvHeads' in attention ? attention.kvHeads * attention.valueHeadDim : 0,
    ),
  );
}

function latentWidths(
  attention: Extract<AttentionSpec, { readonly kind: 'mla' }>,
  { rules, absorbedMla }: CacheOptions,
): RowWidths {
  const { kvLoraRank, ropeHeadDim, nopeHeadDim, valueHeadDim, queryHeads } = attention;
  if (!rules.latentCache || !absorbedMla) {
    return { key: queryHeads * (nopeHeadDim + ropeHeadDim), value: queryHeads * valueHeadDim };
  }
  return { key: kvLoraRank + ropeHeadDim, value: rules.latentValuesShared ? 0 : kvLoraRank };
}

/** F32 elements of one sequence's state in a layer: convolution tail and recurrent state. */
function stateElements({ attention, tensors }: LayerSpec): number {
  if (attention.kind === 'compressed') return compressorElements(attention);
  if (attention.kind === 'linear') {
    const tail = Math.max(0, attention.convTaps - 1) * attention.convChannels;
    return tail + attention.valueHeads * attention.keyHeadDim * attention.valueHeadDim;
  }
  if (attention.kind === 'ssm') {
    const tail = Math.max(0, attention.convTaps - 1) * attention.convChannels;
    return tail + attention.heads * attention.headDim * attention.stateSize;
  }
  const convolution = tensors.find((tensor) => tensor.role === 'linear-conv' && /conv/.test(tensor.name));
  if (convolution === undefined) return 0;
  const taps = convolution.shape.at(-1) ?? 1;
  return (taps - 1) * (convolution.shape[0] ?? 0);
}

/**
 * Tokens that wait to be compressed, with their scores (llama_dsv4_comp_state). At ratio 4 neighbouring groups overlap, so that
 * a row has two halves and twice the ratio of tokens wait.
 */
function compressorElements({ latentDim, ratio, indexer }: Compressed): number {
  if (ratio === 0) return 0;
  const overlap = ratio === overlappingRatio ? 2 : 1;
  const widths = latentDim + (indexer?.headDim ?? 0);
  return 2 * overlap * widths * overlap * ratio;
}

/** The ratio whose groups overlap (DSV4_CSA_RATIO). */
export const overlappingRatio = 4;
