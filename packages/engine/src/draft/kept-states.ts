/**
 * The last output of a draft for each running sequence, and the rows that a pass begins with:
 *
 *   rows   [ kept output of a sequence ... ][ row of the pass ... ]      as many of each as sequences
 */
import { assert, defined } from '@plimsoll/foundation';
import type { SequenceId } from '@plimsoll/serving';

interface Kept {
  readonly row: number;
  /** Position of the cache entry that gave the output. */
  readonly position: number;
}

export class KeptStates {
  readonly #rows: Float32Array;
  readonly #size: number;
  readonly #kept = new Map<SequenceId, Kept>();
  readonly #free: number[];
  readonly #count: number;

  constructor(rows: Float32Array, size: number) {
    this.#rows = rows;
    this.#size = size;
    this.#count = rows.length / (2 * size);
    this.#free = Array.from({ length: this.#count }, (_, row) => row);
  }

  /** The output of a sequence at a position; null if another position or nothing is kept. */
  find(id: SequenceId, position: number): Float32Array | null {
    const kept = this.#kept.get(id);
    return kept?.position === position ? this.#row(kept.row) : null;
  }

  /** Keeps a row of `states` for a sequence. If all rows are taken, a sequence outside the step loses its row. */
  keep(
    { id, position, row: from }: { readonly id: SequenceId; readonly position: number; readonly row: number },
    states: Float32Array,
    planned: ReadonlySet<SequenceId>,
  ): void {
    if (!this.#kept.has(id) && this.#free.length === 0) {
      const other = [...this.#kept.keys()].find((candidate) => !planned.has(candidate));
      this.#drop(defined(other, 'a step has at most as many sequences as rows'));
    }
    const row = this.#kept.get(id)?.row ?? defined(this.#free.pop(), 'a row is free');
    this.#kept.set(id, { row, position });
    this.#row(row).set(states.subarray(from * this.#size, (from + 1) * this.#size));
  }

  forget(isOver: (id: SequenceId) => boolean): void {
    for (const id of [...this.#kept.keys()]) if (isOver(id)) this.#drop(id);
  }

  /** The first rows of the pass. */
  passRows(count: number): Float32Array {
    assert(count <= this.#count, 'a pass has at most a row per sequence');
    const start = this.#count * this.#size;
    return this.#rows.subarray(start, start + count * this.#size);
  }

  putRow(index: number, state: Float32Array): void {
    this.passRows(index + 1).set(state, index * this.#size);
  }

  /** Moves the given rows, in ascending order, to the front. */
  keepRows(rows: Float32Array, kept: readonly number[]): Float32Array {
    for (const [index, row] of kept.entries()) {
      rows.copyWithin(index * this.#size, row * this.#size, (row + 1) * this.#size);
    }
    return rows.subarray(0, kept.length * this.#size);
  }

  #drop(id: SequenceId): void {
    const kept = this.#kept.get(id);
    if (kept === undefined) return;
    this.#kept.delete(id);
    this.#free.push(kept.row);
  }

  #row(row: number): Float32Array {
    return this.#rows.subarray(row * this.#size, (row + 1) * this.#size);
  }
}
