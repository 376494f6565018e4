/** Inputs of a graph in host memory: tokens, positions, masks, cache row indices. */
import type { EngineRules } from '../engine-rules.ts';
import type { GraphBuilder, GraphTensor } from './graph-tensor.ts';

/** The batch for which an engine reserves memory: the largest batch, with a full cache. */
export interface WorstCase {
  readonly tokens: number;
  /** Slots of the server. */
  readonly slots: number;
  /** Rows of logits. */
  readonly outputs: number;
  /** Sequences in the batch. */
  readonly sequences: number;
  /** Separate caches among which the batch is split. */
  readonly streams: number;
  /** Cells of the full cache and of the sliding-window cache, per stream. */
  readonly cells: number;
  readonly windowCells: number;
  /** Recurrent states that a step writes per sequence: the newest state and the rollback states. */
  readonly states: number;
  readonly flashAttention: boolean;
  /** Bytes of one cached element; below 1 for some block types. */
  readonly keyElementBytes: number;
  readonly valueElementBytes: number;
  readonly rules: EngineRules;
}

/** Mask and row indices of one cache. */
export interface CacheInputs {
  readonly cells: number;
  readonly mask: GraphTensor;
  readonly keyRows: GraphTensor | null;
  readonly valueRows: GraphTensor | null;
  /** Rotation of rows that are cached in block types, [size, size]; null without a rotation. */
  readonly keyRotation: GraphTensor | null;
  readonly valueRotation: GraphTensor | null;
}

const maskPaddingRows = 64;

/** Sizes of the cache rows of a model. */
export interface CacheRows {
  /** Elements of the widest value row. Without flash attention values are stored transposed, with one index per element. */
  readonly valueElements: number;
  /** Head sizes if all layers have the same, else 0. */
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
}

export function cacheInputs(
  graph: GraphBuilder,
  worst: WorstCase,
  cells: number,
  sizes: CacheRows,
): CacheInputs {
  const { rules, tokens, streams, flashAttention } = worst;
  const perStream = tokens / streams;
  const rows = rules.build < 6970 ? Math.ceil(perStream / maskPaddingRows) * maskPaddingRows : perStream;
  const indices = (count: number): GraphTensor | null =>
    rules.rowIndexInputs ? graph.input('i64', count) : null;
  const rest = {
    cells,
    keyRows: indices(tokens),
    valueRows: indices(flashAttention ? tokens : tokens * sizes.valueElements),
    keyRotation: rotation(graph, worst, worst.keyElementBytes, rotationSize(sizes.keyHeadDim)),
    valueRotation: rotation(graph, worst, worst.valueElementBytes, sizes.valueHeadDim % 64 === 0 ? 64 : 0),
  };
  const shape = [cells, rows, 1, streams];
  if (flashAttention && rules.halfMask) return { ...rest, mask: graph.input('f16', ...shape) };
  const full = graph.input('f32', ...shape);
  const mask = flashAttention ? graph.operation('other', [full], shape, { element: 'f16' }) : full;
  return { ...rest, mask };
}

function rotation(
  graph: GraphBuilder,
  worst: WorstCase,
  elementBytes: number,
  size: number,
): GraphTensor | null {
  // Elements below two bytes exist in block types alone.
  const isBlockType = elementBytes < 2;
  return worst.rules.rotatesQuantisedCache && isBlockType && size > 0 ? graph.input('f32', size, size) : null;
}

/** The largest power of two, at least 64, that divides the head size; 0 if 64 does not divide it. */
export function rotationSize(headDim: number): number {
  if (headDim === 0 || headDim % 64 !== 0) return 0;
  let size = 64;
  while (headDim % (2 * size) === 0) size *= 2;
  return size;
}

/** Inputs of a lightning indexer that scores tokens. */
export interface IndexerInputs {
  readonly mask: GraphTensor;
  readonly rows: GraphTensor;
  readonly rotation: GraphTensor | null;
}

export function indexerInputs(graph: GraphBuilder, worst: WorstCase, headDim: number): IndexerInputs {
  const { tokens, streams, cells, rules } = worst;
  const size = rotationSize(headDim);
  return {
    mask: graph.input(rules.fusedIndexer ? 'f16' : 'f32', cells, tokens / streams, 1, streams),
    rows: graph.input('i64', tokens),
    rotation: size === 0 ? null : graph.input('f32', size, size),
  };
}
