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

export interface LayerCache {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly stateBytes: number;
}

/** Families whose sliding windows llama.cpp applies. In other families such layers attend to every token and cache it. */
const windowFamilies =
  /^(gemma2|gemma3|gemma3n|gemma4|gemma\d\w*_text|gpt_oss|gpt-oss|cohere2|llama4|olmo2|olmo3|exaone4|exaone_moe|smallthinker|mimo2|mimo_v2|mimo_v2_flash|step3p5|step35|step3p7|afmoe|plamo3)/;

function appliesWindow(family: string): boolean {
  return windowFamilies.test(family);
}

export function cacheCells(spec: ModelSpec, options: CacheOptions): CacheCells {
  const { rules, flashAttention } = options;
  const streams = options.unified || !rules.streams ? 1 : options.sequences;
  const full = padded(Math.ceil(options.contextTokens / streams), rules.cellPadding(flashAttention));
  const window = windowOf(spec);
  if (window === null) return { full, window: 0, streams };
  if (!rules.separateWindowCache || options.fullWindow) return { full, window: full, streams };
  const sharing = streams === 1 ? options.sequences : 1;
  const needed = window * sharing + options.microBatchTokens;
  const padding = rules.windowPadding(flashAttention);
  return { full, window: Math.min(full, padded(needed, padding)), streams };
}

/** Tokens of the sliding window, or null for models without one. */
function windowOf(spec: ModelSpec): number | null {
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
  const width = rowWidths(spec, layer, options);
  const slides = layer.attention.kind === 'sliding' || layer.attention.kind === 'chunked';
  const rows = (slides && cells.window > 0 ? cells.window : cells.full) * cells.streams;
  return {
    keyBytes: rowBytes(options.keyType, width.key, rows),
    valueBytes: rowBytes(options.valueType, width.value, rows),
    stateBytes: stateElements(layer) * 4 * options.sequences * (1 + options.rollbackStates),
  };
}

function rowBytes(type: string, elements: number, rows: number): number {
  return elements === 0 ? 0 : ggmlTensorBytes(ggmlTypeNamed(type), [rows, elements]);
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
