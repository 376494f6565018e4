/** The blocks of a group as cells of a picture, from the runs that the server sends. */
import type { BlockGroupState } from './server-events.ts';

/** `owner-0` to `owner-5`: the only owner, by color; neighbors in time get different colors. */
export type CellKind = 'free' | 'cached' | 'shared' | `owner-${number}`;

const ownerColors = 6;

export interface Cell {
  readonly kind: CellKind;
  /** Id of the only owner, else null. */
  readonly owner: number | null;
  /** Number of owners of a shared block. */
  readonly sharers: number;
}

const cachedState = -2;
/** The server sends at most 2,048; a wrong run must not draw more. */
const cellsMax = 4096;

export function cellsOf({ runs }: Pick<BlockGroupState, 'runs'>): readonly Cell[] {
  const cells: Cell[] = [];
  for (let index = 0; index + 1 < runs.length; index += 2) {
    const cell = cellOf(runs[index] ?? -1);
    const length = Math.min(runs[index + 1] ?? 0, cellsMax - cells.length);
    for (let repeat = 0; repeat < length; repeat++) cells.push(cell);
  }
  return cells;
}

export function ownerColor(id: number): number {
  return id % ownerColors;
}

function cellOf(state: number): Cell {
  if (state >= 0) return { kind: `owner-${ownerColor(state)}`, owner: state, sharers: 1 };
  if (state > cachedState) return { kind: 'free', owner: null, sharers: 0 };
  if (state === cachedState) return { kind: 'cached', owner: null, sharers: 0 };
  return { kind: 'shared', owner: null, sharers: cachedState - state };
}

export interface CellGrid {
  readonly columns: number;
  readonly rows: number;
}

/** The grid of a picture twice as wide as high. */
export function gridOf(cellCount: number): CellGrid {
  const columns = Math.max(1, Math.ceil(Math.sqrt(2 * cellCount)));
  return { columns, rows: Math.max(1, Math.ceil(columns / 2)) };
}
