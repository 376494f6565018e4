/**
 * Cached blocks in the order of their eviction: a binary heap over block ids with a key per block. The smallest key is
 * evicted first; blocks with equal keys in the order in which they entered. Adding, taking and removing from the middle
 * are O(log n) and allocate nothing.
 */
import { assert } from '@plimsoll/foundation';
import { type BlockId, blockId } from './ids.ts';

export class EvictionQueue {
  readonly #heap: Int32Array;
  /** Position of each block in the heap; -1 outside it. */
  readonly #places: Int32Array;
  readonly #keys: Float64Array;
  /** Number of the entry, to order equal keys. */
  readonly #entries: Float64Array;
  #length = 0;
  #entryCount = 0;

  constructor(blockCount: number) {
    this.#heap = new Int32Array(blockCount);
    this.#places = new Int32Array(blockCount).fill(-1);
    this.#keys = new Float64Array(blockCount);
    this.#entries = new Float64Array(blockCount);
  }

  get length(): number {
    return this.#length;
  }

  has(block: BlockId): boolean {
    return (this.#places[block] ?? -1) >= 0;
  }

  push(block: BlockId, key: number): void {
    if ((this.#places[block] ?? 0) >= 0) assert(false, `block ${block} is in the queue already`);
    this.#keys[block] = key;
    this.#entries[block] = this.#entryCount++;
    this.#put(this.#length++, block);
    this.#rise(this.#length - 1);
  }

  popFirst(): BlockId {
    assert(this.#length > 0, 'popFirst on an empty queue');
    const first = blockId(this.#heap[0] ?? 0);
    this.remove(first);
    return first;
  }

  remove(block: BlockId): void {
    const place = this.#places[block] ?? -1;
    if (place < 0) assert(false, `block ${block} is not in the queue`);
    this.#places[block] = -1;
    const last = this.#heap[--this.#length] ?? 0;
    if (last === block) return;
    this.#put(place, last);
    this.#sink(place);
    this.#rise(place);
  }

  /** The blocks in the order of their eviction. */
  inOrder(): BlockId[] {
    const blocks = Array.from(this.#heap.subarray(0, this.#length), blockId);
    return blocks.sort((left, right) => (this.#isBefore(left, right) ? -1 : 1));
  }

  checkIntegrity(): void {
    for (let place = 0; place < this.#length; place++) {
      const block = this.#heap[place] ?? 0;
      assert(this.#places[block] === place, `block ${block} is at another place of the queue`);
      const parent = this.#heap[(place - 1) >> 1] ?? 0;
      if (place > 0) assert(this.#isBefore(parent, block), 'the eviction queue is out of order');
    }
  }

  #isBefore(left: number, right: number): boolean {
    const difference = (this.#keys[left] ?? 0) - (this.#keys[right] ?? 0);
    return difference < 0 || (difference === 0 && (this.#entries[left] ?? 0) < (this.#entries[right] ?? 0));
  }

  #put(place: number, block: number): void {
    this.#heap[place] = block;
    this.#places[block] = place;
  }

  #rise(start: number): void {
    const block = this.#heap[start] ?? 0;
    let place = start;
    while (place > 0) {
      const parent = this.#heap[(place - 1) >> 1] ?? 0;
      if (!this.#isBefore(block, parent)) break;
      this.#put(place, parent);
      place = (place - 1) >> 1;
    }
    this.#put(place, block);
  }

  #sink(start: number): void {
    const block = this.#heap[start] ?? 0;
    let place = start;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#length) break;
      let smaller = this.#heap[child] ?? 0;
      if (child + 1 < this.#length) {
        const right = this.#heap[child + 1] ?? 0;
        if (this.#isBefore(right, smaller)) {
          smaller = right;
          child++;
        }
      }
      if (!this.#isBefore(smaller, block)) break;
      this.#put(place, smaller);
      place = child;
    }
    this.#put(place, block);
  }
}
