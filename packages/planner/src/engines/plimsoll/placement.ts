/**
 * Places units in arenas, in the order in which a step visits them. A unit that does not fit in the rest of an arena
 * starts the next arena. Therefore a model takes as few arenas as any contiguous cut, the residual stream crosses
 * between arenas at most once per arena, and more context never takes fewer arenas.
 *
 *   arena   [ control | step regions | unit | unit | ... | rounding to a page ]
 *   units   embedding tables (with a tied head) | layer 0 | its experts, one by one | layer 1 ... | head
 *
 * A layer's unit holds its weights and its cache, because an operation reads one arena only.
 */
import type { LedgerCategory } from '../../bytes/ledger.ts';
import { pageBytes } from './settings.ts';

/** A run of bytes with one purpose. */
export interface PlacedRegion {
  /** Unique in the plan: `blk 3 attn_q.weight`, `cache 3`. */
  readonly name: string;
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly arena: number;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Bytes that must lie in one arena. `copies` units of this size follow each other; an arena may end between two of
 * them.
 */
export interface Unit {
  /** Bytes with every region on its own cache lines. */
  readonly bytes: number;
  readonly copies: number;
}

/** Some copies of a unit in one arena, half-open [first, end). */
export interface UnitRun {
  readonly unit: number;
  readonly first: number;
  readonly end: number;
  readonly arena: number;
  /** Offset of the first copy. */
  readonly offset: number;
}

export interface Placement {
  /** Bytes in use per arena, before rounding. */
  readonly usedBytes: readonly number[];
  readonly runs: readonly UnitRun[];
}

export interface PlacementLimits {
  /** Bytes at the start of every arena: control and step regions. */
  readonly baseBytes: number;
  readonly arenaBytesMax: number;
}

/** Places the units; returns null if a unit is larger than an arena. */
export function placeUnits(units: readonly Unit[], limits: PlacementLimits): Placement | null {
  const { baseBytes, arenaBytesMax } = limits;
  const usedBytes = [baseBytes];
  const runs: UnitRun[] = [];
  if (baseBytes > arenaBytesMax) return null;
  for (let index = 0; index < units.length; index++) {
    const unit = units[index];
    if (unit === undefined) continue;
    if (baseBytes + unit.bytes > arenaBytesMax) return null;
    for (let first = 0; first < unit.copies; ) {
      let arena = usedBytes.length - 1;
      let used = usedBytes[arena] ?? 0;
      if (used + unit.bytes > arenaBytesMax) {
        arena++;
        used = baseBytes;
      }
      const room = unit.bytes === 0 ? unit.copies : Math.floor((arenaBytesMax - used) / unit.bytes);
      const end = Math.min(unit.copies, first + room);
      runs.push({ unit: index, first, end, arena, offset: used });
      usedBytes[arena] = used + (end - first) * unit.bytes;
      first = end;
    }
  }
  return { usedBytes, runs };
}

/** Rounds the bytes of an arena up to whole pages, the unit of a WebAssembly memory. */
export function arenaBytes(usedBytes: number): number {
  return Math.ceil(usedBytes / pageBytes) * pageBytes;
}
