/**
 * Reads the attention kind of each layer of a GGUF file. Tensors decide which parts a layer has, metadata gives their
 * sizes, and metadata or the rule of the architecture gives the layers with a window. If tensors and metadata both
 * state a size, the two must agree: a file that contradicts itself is refused.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { badGeometry } from '../geometry/geometry-error.ts';
import type { AttentionSpec, HeadLayout } from '../model-spec.ts';
import type { ArchitectureRule, SlidingRule } from './architectures.ts';
import { recurrentAttention } from './layer-recurrent.ts';
import type { LayerView } from './layer-view.ts';
import type { MetadataReader } from './metadata-reader.ts';

type Reach = { readonly kind: 'full' } | { readonly kind: 'sliding'; readonly window: number } | ChunkedReach;
type ChunkedReach = { readonly kind: 'chunked'; readonly chunk: number };
type PerLayer = (layer: number) => number;

export type AttentionReader = (layer: LayerView) => AttentionSpec;

export interface AttentionOptions {
  readonly rule: ArchitectureRule;
  readonly hiddenSize: number;
  /** Number of layers including prediction layers; lists in the metadata have an entry for each. */
  readonly blockCount: number;
  /** Number of layers without prediction layers: cache sharing counts back from this number. */
  readonly layerCount: number;
}

export function attentionReader(metadata: MetadataReader, options: AttentionOptions): AttentionReader {
  const { rule, blockCount, layerCount } = options;
  const stated = metadata.perLayer('attention.head_count', blockCount);
  // The key is required only for layers with heads: Mamba models do not state it.
  const query = stated ?? (() => metadata.number('attention.head_count'));
  const heads: Heads = {
    query,
    kv: metadata.perLayer('attention.head_count_kv', blockCount) ?? query,
    dim: headDims(metadata, stated?.(0) ?? 0, options.hiddenSize),
    shared: { from: layerCount - sharedLayers(metadata, options), to: layerCount },
    reachOf: reachRule(metadata, options),
  };
  const ratios = metadata.perLayer('attention.compress_ratios', blockCount);
  return (layer) => {
    if (layer.mixer !== 'attention') return recurrentAttention(layer, metadata, options.hiddenSize, query);
    if (rule.reach === 'encoder') return { kind: 'none' };
    if (layer.has('attn_kv_a_mqa')) return latentAttention(metadata, layer, query(layer.index));
    if (layer.has('attn_kv')) {
      return compressedAttention(metadata, query(layer.index), ratios?.(layer.index) ?? 0);
    }
    if (layer.hasAny(['attn_q', 'attn_qkv']))
      return withBlockIndexer(metadata, layer, groupedAttention(layer, heads));
    return { kind: 'none' };
  };
}

interface Heads {
  readonly query: PerLayer;
  readonly kv: PerLayer;
  readonly dim: (reach: Reach) => { readonly key: number; readonly value: number };
  /** Layers [from, to) read the cache of an earlier layer; the prediction layers after them have their own caches. */
  readonly shared: { readonly from: number; readonly to: number };
  readonly reachOf: (layer: number) => Reach;
}

/**
 * Reads the head sizes; layers with a window may have their own (Gemma 4). An unstated size is an equal share of the
 * hidden size.
 */
function headDims(metadata: MetadataReader, queryHeads: number, hiddenSize: number): Heads['dim'] {
  const share = queryHeads === 0 ? 0 : Math.floor(hiddenSize / queryHeads);
  const key = metadata.optionalNumber('attention.key_length') ?? share;
  const value = metadata.optionalNumber('attention.value_length') ?? share;
  const slidingKey = metadata.optionalNumber('attention.key_length_swa') ?? key;
  const slidingValue = metadata.optionalNumber('attention.value_length_swa') ?? value;
  return (reach) => (reach.kind === 'sliding' ? { key: slidingKey, value: slidingValue } : { key, value });
}

function sharedLayers(metadata: MetadataReader, { rule, layerCount }: AttentionOptions): number {
  const own = rule.reach === 'sliding' ? rule.rule.ownKvLayers : undefined;
  const stated = metadata.optionalNumber('attention.shared_kv_layers');
  return Math.min(layerCount, stated ?? (own === undefined ? 0 : Math.max(0, layerCount - own)));
}

function reachRule(
  metadata: MetadataReader,
  { rule, blockCount }: AttentionOptions,
): (layer: number) => Reach {
  const full: Reach = { kind: 'full' };
  if (rule.reach === 'full' || rule.reach === 'encoder') return () => full;
  const stated = metadata.optionalNumber('attention.sliding_window');
  const pattern = metadata.perLayer('attention.sliding_window_pattern', blockCount);
  if (rule.reach === 'chunked') {
    const chunked: Reach = { kind: 'chunked', chunk: rule.chunk };
    return (layer) => (stated !== 0 && layer % rule.period < rule.period - 1 ? chunked : full);
  }
  if (rule.reach === 'patterned') {
    const sliding = slidingReach(stated);
    if (sliding.kind === 'full' || pattern === undefined) return () => full;
    return (layer) => (pattern(layer) !== 0 ? sliding : full);
  }
  const sliding = slidingReach(windowOf(rule.rule, stated));
  // A list has one flag per layer; a single number is the period.
  if (pattern !== undefined && metadata.isList('attention.sliding_window_pattern')) {
    return (layer) => (pattern(layer) !== 0 ? sliding : full);
  }
  const period = pattern?.(0) ?? rule.rule.period;
  const slides = rule.rule.fullFirst
    ? (layer: number) => layer % period !== 0
    : (layer: number) => layer % period < period - 1;
  return (layer) => (period === 0 || slides(layer) ? sliding : full);
}

function windowOf(rule: SlidingRule, stated: number | undefined): number | undefined {
  if (rule.fixedWindow !== undefined && stated !== undefined && stated > 0) return rule.fixedWindow;
  return stated ?? rule.window;
}

/** A missing window, or a window of 0 tokens, means full attention. */
function slidingReach(window: number | undefined): Reach {
  return window === undefined || window === 0 ? { kind: 'full' } : { kind: 'sliding', window };
}

function groupedAttention(layer: LayerView, heads: Heads): AttentionSpec {
  const queryHeads = heads.query(layer.index);
  const kvHeads = heads.kv(layer.index);
  // A layer with a projection but without heads has no cache (the replaced attention of Llama-Nemotron).
  if (queryHeads === 0 || kvHeads === 0) return { kind: 'none' };
  const reach = heads.reachOf(layer.index);
  const { key, value } = heads.dim(reach);
  const layout: HeadLayout = {
    queryHeads,
    kvHeads,
    keyHeadDim: key,
    valueHeadDim: value,
    ...sharing(layer.index, reach, heads),
  };
  agree(layer, 'attn_k', kvHeads * key);
  agree(layer, 'attn_v', kvHeads * value);
  return { ...reach, ...layout };
}

/** MiniMax M3: layers with an indexer read the best blocks of tokens; the file counts the blocks. */
function withBlockIndexer(
  metadata: MetadataReader,
  layer: LayerView,
  attention: AttentionSpec,
): AttentionSpec {
  if (attention.kind !== 'full' || !layer.has('indexer.q_proj')) return attention;
  const blocks = metadata.number('attention.indexer.top_k');
  return {
    ...attention,
    indexer: indexerOf(metadata, blocks * metadata.number('attention.indexer.block_size')),
  };
}

/**
 * Finds the cache that a layer without its own cache reads: the cache of the last owner with the same kind of
 * attention.
 */
function sharing(layer: number, reach: Reach, heads: Heads): Pick<HeadLayout, 'sharesKvWithLayer'> {
  const { from, to } = heads.shared;
  if (layer < from || layer >= to) return {};
  for (let owner = from - 1; owner >= 0; owner--) {
    if (heads.reachOf(owner).kind === reach.kind) return { sharesKvWithLayer: owner };
  }
  throw badGeometry({
    key: 'attention.shared_kv_layers',
    value: to - from,
    needed: 'a number that leaves each kind of layer a cache',
    place: `layer ${layer}`,
  });
}

function agree(layer: LayerView, stem: string, rows: number): void {
  const shape = layer.shape(stem);
  if (shape !== undefined && shape[0] !== rows) throw shapeMismatch(layer, stem, rows);
}

function shapeMismatch(layer: LayerView, stem: string, rows: string | number): PlimsollError {
  const found = layer.shape(stem)?.[0];
  return new PlimsollError({
    code: 'gguf-shape-mismatch',
    message: `GGUF: tensor "blk.${layer.index}.${stem}.weight" has ${found} rows, the metadata implies ${rows}`,
    value: found,
    limit: rows,
    hint: 'metadata and tensors belong to different models, or the metadata names the wrong architecture',
  });
}

/**
 * Files from before April 2025 state the size of a decompressed head as key_length, later files as key_length_mla. The
 * rotary part is the number of rows of the latent's matrix beyond the latent: some converters state another
 * rope.dimension_count.
 */
function latentAttention(metadata: MetadataReader, layer: LayerView, queryHeads: number): AttentionSpec {
  const kvLoraRank = metadata.number('attention.kv_lora_rank');
  const ropeHeadDim = (layer.shape('attn_kv_a_mqa')?.[0] ?? 0) - kvLoraRank;
  const keyHeadDim =
    metadata.optionalNumber('attention.key_length_mla') ?? metadata.number('attention.key_length');
  if (ropeHeadDim < 0 || ropeHeadDim > keyHeadDim) {
    const rows = `${kvLoraRank} to ${kvLoraRank + keyHeadDim}`;
    throw shapeMismatch(layer, 'attn_kv_a_mqa', rows);
  }
  agree(layer, layer.has('attn_q_b') ? 'attn_q_b' : 'attn_q', queryHeads * keyHeadDim);
  const topK = metadata.optionalNumber('attention.indexer.top_k');
  return {
    kind: 'mla',
    queryHeads,
    kvLoraRank,
    ropeHeadDim,
    nopeHeadDim: keyHeadDim - ropeHeadDim,
    valueHeadDim:
      metadata.optionalNumber('attention.value_length_mla') ?? metadata.number('attention.value_length'),
    qLoraRank: metadata.optionalNumber('attention.q_lora_rank') ?? null,
    ...(topK !== undefined && { indexer: indexerOf(metadata, topK) }),
  };
}

function indexerOf(metadata: MetadataReader, topK: number): { heads: number; headDim: number; topK: number } {
  return {
    heads: metadata.number('attention.indexer.head_count'),
    headDim: metadata.number('attention.indexer.key_length'),
    topK,
  };
}

function compressedAttention(metadata: MetadataReader, queryHeads: number, ratio: number): AttentionSpec {
  const topK = metadata.optionalNumber('attention.indexer.top_k');
  return {
    kind: 'compressed',
    queryHeads,
    latentDim: metadata.number('attention.key_length'),
    ropeHeadDim: metadata.number('rope.dimension_count'),
    window: metadata.number('attention.sliding_window'),
    ratio,
    // Only layers that compress by four have an indexer.
    ...(topK !== undefined && ratio === 4 && { indexer: indexerOf(metadata, topK) }),
  };
}
