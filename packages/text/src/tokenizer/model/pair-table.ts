/**
 * The merges of a BPE model as a hash table over pairs of symbols, in typed arrays: half a million merges take 16 MiB
 * and no objects. Open addressing, at most half full.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { MergeRule } from './merger.ts';

/** A fair hash at half load has runs of a few dozen; a file that makes longer ones was built to. */
const probesMax = 2000;

export class PairTable implements MergeRule {
  readonly #mask: number;
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  readonly #ranks: Int32Array;
  readonly #results: Int32Array;
  /** What the last successful `find` found. */
  result = -1;

  constructor(pairCount: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * pairCount)));
    this.#mask = capacity - 1;
    this.#lefts = new Int32Array(capacity).fill(-1);
    this.#rights = new Int32Array(capacity);
    this.#ranks = new Int32Array(capacity);
    this.#results = new Int32Array(capacity);
  }

  /** Keeps the first of two entries for one pair. */
  add(pair: { readonly left: number; readonly right: number }, rank: number, result: number): void {
    const slot = this.#slotOf(pair.left, pair.right);
    if (this.#lefts[slot] !== -1) return;
    this.#lefts[slot] = pair.left;
    this.#rights[slot] = pair.right;
    this.#ranks[slot] = rank;
    this.#results[slot] = result;
  }

  find(left: number, right: number): number {
    const slot = this.#slotOf(left, right);
    if (this.#lefts[slot] === -1) return -1;
    this.result = this.#results[slot] ?? -1;
    return this.#ranks[slot] ?? -1;
  }

  #slotOf(left: number, right: number): number {
    let slot = hashPair(left, right) & this.#mask;
    for (let probe = 0; probe < probesMax; probe++) {
      const seen = this.#lefts[slot];
      if (seen === -1 || (seen === left && this.#rights[slot] === right)) return slot;
      slot = (slot + 1) & this.#mask;
    }
    throw new PlimsollError({
      code: 'tokenizer-invalid',
      message: 'tokenizer: the merges of this file collide far more often than chance allows',
      limit: probesMax,
      hint: 'the file was made to be slow: do not use it',
    });
  }
}

export function hashPair(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
