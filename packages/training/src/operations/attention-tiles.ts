/**
 * The tiles of attention: some queries of one head of one sequence, and the keys that they can see. A tile's scores are the only
 * ones in memory, and products skip the keys that no query of a tile sees.
 */
import type { Place } from '../tape/memory.ts';
import type { StepMemory } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';

/** Visible keys of every query of a sequence: keys [start, end) twice, u32; an empty range has start = end. */
export type VisibleRanges = Uint32Array;

export interface AttentionShape {
  readonly sequences: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  /** [sequences x queries per sequence, 4], filled before a run. */
  readonly visible: VisibleRanges;
}

/** Queries of a tile: enough for a fast product. A number of its own, so that sums have one order for any batch and thread. */
export const tileRows = 128;

/** Keys [start, end) of the sequence, whose scores begin at `column` of a row. */
export interface KeySpan {
  readonly start: number;
  readonly end: number;
  readonly column: number;
}

export interface Tile {
  readonly memory: StepMemory;
  readonly shape: AttentionShape;
  readonly sequence: number;
  readonly head: number;
  readonly kvHead: number;
  /** Queries [first, first + rows) of the sequence. */
  readonly first: number;
  readonly rows: number;
  /** One or two spans, ascending, that cover the visible keys of all queries of the tile. */
  readonly spans: readonly KeySpan[];
}

export function forEachTile(
  memory: StepMemory,
  shape: AttentionShape,
  queries: number,
  visit: (tile: Tile) => void,
): void {
  const { sequences, heads, kvHeads } = shape;
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let first = 0; first < queries; first += tileRows) {
      const rows = Math.min(tileRows, queries - first);
      const spans = spansOf(shape.visible, sequence * queries + first, rows);
      for (let head = 0; head < heads; head++) {
        const kvHead = Math.floor((head * kvHeads) / heads);
        visit({ memory, shape, sequence, head, kvHead, first, rows, spans });
      }
    }
  }
}

/** The hulls of both ranges over rows of the rule, joined if they meet. */
function spansOf(visible: VisibleRanges, firstRow: number, rows: number): readonly KeySpan[] {
  const hulls = [0, 2]
    .map((range) => hullOf(visible, { firstRow, rows, range }))
    .filter(({ start, end }) => start < end)
    .toSorted((left, right) => left.start - right.start);
  const [low, high] = hulls;
  if (low === undefined) return [];
  if (high === undefined) return [{ ...low, column: 0 }];
  if (high.start <= low.end) return [{ start: low.start, end: Math.max(low.end, high.end), column: 0 }];
  return [
    { ...low, column: 0 },
    { ...high, column: low.end - low.start },
  ];
}

function hullOf(
  visible: VisibleRanges,
  { firstRow, rows, range }: { readonly firstRow: number; readonly rows: number; readonly range: number },
): { readonly start: number; readonly end: number } {
  let [start, end] = [Number.POSITIVE_INFINITY, 0];
  for (let row = firstRow; row < firstRow + rows; row++) {
    const [from = 0, to = 0] = visible.subarray(4 * row + range, 4 * row + range + 2);
    if (from >= to) continue;
    start = Math.min(start, from);
    end = Math.max(end, to);
  }
  return { start, end };
}

/** The tile's rows of a tensor of queries, in the columns of head `index`. */
export function queryPlace(tile: Tile, tensor: Tensor, index: number): Place {
  return headPlace(tile, tensor, index, { first: tile.first, rows: tile.rows });
}

/** The rows of a span in a tensor of keys, in the columns of head `index`. */
export function keyPlace(tile: Tile, tensor: Tensor, index: number, { start, end }: KeySpan): Place {
  return headPlace(tile, tensor, index, { first: start, rows: end - start });
}

function headPlace(
  { memory, sequence, shape }: Tile,
  tensor: Tensor,
  index: number,
  { first, rows }: { readonly first: number; readonly rows: number },
): Place {
  const row = sequence * (tensor.rows / shape.sequences) + first;
  const at = memory.at(tensor) + row * tensor.rowStride + index * shape.headDim;
  return { at, rows, columns: shape.headDim, rowStride: tensor.rowStride, columnStride: 1 };
}

/** The scores of the tile's queries with a span of keys. */
export function scorePlace({ memory, rows }: Tile, scores: Tensor, span: KeySpan): Place {
  const at = memory.at(scores) + span.column;
  return { at, rows, columns: span.end - span.start, rowStride: scores.columns, columnStride: 1 };
}

/** The element at which row `row` of a place begins. */
export function rowAt(place: Place, row: number): number {
  return place.at + row * place.rowStride;
}

/** The element ranges of the visible scores of a row, and the range of all scores of the row. */
export interface ScoreRow {
  readonly ranges: readonly (readonly [number, number])[];
  readonly start: number;
  readonly end: number;
}

export function scoreRow(tile: Tile, scores: Tensor, row: number): ScoreRow {
  const { memory, shape, sequence, first, spans } = tile;
  const { visible, sequences } = shape;
  const queries = visible.length / 4 / sequences;
  const at = 4 * (sequence * queries + first + row);
  const start = memory.at(scores) + row * scores.columns;
  const ranges = [0, 2].flatMap((range) => {
    const [from = 0, to = 0] = visible.subarray(at + range, at + range + 2);
    const span = spans.find((candidate) => candidate.start <= from && to <= candidate.end);
    if (from >= to || span === undefined) return [];
    const offset = start + span.column - span.start;
    return [[offset + from, offset + to] as const];
  });
  const width = spans.reduce((sum, span) => sum + span.end - span.start, 0);
  return { ranges: ranges.toSorted(([left], [right]) => left - right), start, end: start + width };
}
