/** Inputs of a graph, which live in host memory: tokens, positions, masks, cache row indices. */
import type { EngineRules } from '../engine-rules.ts';
import type { GraphBuilder, GraphTensor } from './graph-tensor.ts';

/** The batch for which an engine reserves memory: the largest it will run, against a full cache. */
export interface WorstCase {
  readonly tokens: number;
  /** Rows of logits. */
  readonly outputs: number;
  /** Sequences in the batch. */
  readonly sequences: number;
  /** Separate caches among which the batch is split. */
  readonly streams: number;
  /** Cells of the full cache and of the sliding-window cache, per stream. */
  readonly cells: number;
  readonly windowCells: number;
  /** Recurrent states written per sequence: the newest, and those to roll back to. */
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
}

const maskPaddingRows = 64;

/**
 * `valueElements` is the widest value row; without flash attention values are stored transposed, which takes one index
 * per element.
 */
export function cacheInputs(
  graph: GraphBuilder,
  worst: WorstCase,
  cells: number,
  valueElements: number,
): CacheInputs {
  const { rules, tokens, streams, flashAttention } = worst;
  const perStream = tokens / streams;
  const rows = rules.build < 6970 ? Math.ceil(perStream / maskPaddingRows) * maskPaddingRows : perStream;
  const indices = (count: number): GraphTensor | null =>
    rules.rowIndexInputs ? graph.input('i64', count) : null;
  const keyRows = indices(tokens);
  const valueRows = indices(flashAttention ? tokens : tokens * valueElements);
  const shape = [cells, rows, 1, streams];
  if (flashAttention && rules.halfMask)
    return { cells, mask: graph.input('f16', ...shape), keyRows, valueRows };
  const full = graph.input('f32', ...shape);
  const mask = flashAttention ? graph.operation('other', [full], shape, { element: 'f16' }) : full;
  return { cells, mask, keyRows, valueRows };
}
