/**
 * The one loop of byte-pair encoding: of all neighbouring pairs that may merge, take the one of lowest rank (leftmost
 * among equals), merge it, look at its two new neighbours, repeat. Symbols are a linked list over typed arrays and the
 * candidates a heap, so that a word of n symbols takes n log n steps however long it is.
 *
 * BPE with merges and SentencePiece's BPE with scores differ only in the rule that ranks a pair.
 */
import { positionOf, RankHeap, rankOf } from './rank-heap.ts';

export interface MergeRule {
  /** The symbol that the last successful `find` makes of its pair. */
  readonly result: number;
  /** Rank of merging two neighbours, -1 when they do not merge. */
  find(left: number, right: number): number;
}

export class Merger {
  /** In: the symbols of a word. Out: the symbols after all merges, from the start. */
  symbols: Int32Array = new Int32Array(0);
  #next = new Int32Array(0);
  #previous = new Int32Array(0);
  /** Rank and result of the pair that starts at a position; rank -1 where none does. */
  #ranks = new Int32Array(0);
  #results = new Int32Array(0);
  readonly #heap = new RankHeap();

  /** Makes room for the symbols of one word. */
  reserve(count: number): void {
    if (this.symbols.length >= count) return;
    const size = Math.max(count, 2 * this.symbols.length, 256);
    this.symbols = new Int32Array(size);
    this.#next = new Int32Array(size);
    this.#previous = new Int32Array(size);
    this.#ranks = new Int32Array(size);
    this.#results = new Int32Array(size);
  }

  /** Merges the first `count` symbols and returns how many are left. */
  merge(count: number, rule: MergeRule): number {
    const { symbols } = this;
    this.#heap.clear();
    for (let position = 0; position < count; position++) {
      this.#previous[position] = position - 1;
      this.#next[position] = position + 1;
    }
    this.#ranks[count - 1] = -1;
    for (let position = 0; position + 1 < count; position++) this.#consider(position, position + 1, rule);
    while (this.#heap.size > 0) {
      const entry = this.#heap.pop();
      const position = positionOf(entry);
      // A neighboring merge has changed this pair since, or has taken its left symbol.
      if (this.#ranks[position] !== rankOf(entry)) continue;
      symbols[position] = this.#results[position] ?? 0;
      this.#unlink(this.#next[position] ?? count, position, count);
      const before = this.#previous[position] ?? -1;
      const after = this.#next[position] ?? count;
      if (before >= 0) this.#consider(before, position, rule);
      if (after < count) this.#consider(position, after, rule);
      else this.#ranks[position] = -1;
    }
    return this.#compact(count);
  }

  #consider(left: number, right: number, rule: MergeRule): void {
    const rank = rule.find(this.symbols[left] ?? 0, this.symbols[right] ?? 0);
    this.#ranks[left] = rank;
    if (rank < 0) return;
    this.#results[left] = rule.result;
    this.#heap.push(rank, left);
  }

  #unlink(position: number, before: number, count: number): void {
    const after = this.#next[position] ?? count;
    this.#next[before] = after;
    if (after < count) this.#previous[after] = before;
    this.#ranks[position] = -1;
  }

  #compact(count: number): number {
    let kept = 0;
    for (let position = 0; position < count; position = this.#next[position] ?? count) {
      this.symbols[kept++] = this.symbols[position] ?? 0;
    }
    return kept;
  }
}
