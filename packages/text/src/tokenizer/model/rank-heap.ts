/**
 * A binary heap of candidate merges, smallest rank first and leftmost first among equals. An entry is one number,
 * rank x 2^26 + position, which a double holds exactly for ranks below 2^27: comparing entries is comparing numbers.
 */
import { assert } from '@plimsoll/foundation';

const positionLimit = 2 ** 26;

export class RankHeap {
  #entries = new Float64Array(256);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
  }

  push(rank: number, position: number): void {
    if (this.#size === this.#entries.length) this.#grow();
    const entry = rank * positionLimit + position;
    let hole = this.#size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = this.#entries[parent] ?? 0;
      if (above <= entry) break;
      this.#entries[hole] = above;
      hole = parent;
    }
    this.#entries[hole] = entry;
  }

  /** Takes the first entry; `rankOf` and `positionOf` read it. */
  pop(): number {
    assert(this.#size > 0, 'pop from an empty heap');
    const first = this.#entries[0] ?? 0;
    const last = this.#entries[--this.#size] ?? 0;
    let hole = 0;
    for (let child = 1; child < this.#size; child = 2 * hole + 1) {
      const right = child + 1;
      if (right < this.#size && (this.#entries[right] ?? 0) < (this.#entries[child] ?? 0)) child = right;
      const below = this.#entries[child] ?? 0;
      if (last <= below) break;
      this.#entries[hole] = below;
      hole = child;
    }
    this.#entries[hole] = last;
    return first;
  }

  #grow(): void {
    const grown = new Float64Array(2 * this.#entries.length);
    grown.set(this.#entries);
    this.#entries = grown;
  }
}

export function rankOf(entry: number): number {
  return Math.floor(entry / positionLimit);
}

export function positionOf(entry: number): number {
  return entry % positionLimit;
}
