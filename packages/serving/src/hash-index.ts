/**
 * Finds a block by its 128-bit content hash. A chained hash table in typed arrays: one chain link and four hash words
 * per block, no keys on the heap. A hash has at most one block; the pool releases a second block of equal content.
 */
import { assert } from '@plimsoll/foundation';
import { hashWords } from './block-hash.ts';
import { type BlockId, blockId } from './ids.ts';

export class HashIndex {
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #words: Int32Array;
  readonly #present: Uint8Array;
  /** Ends a chain; one past the last block. */
  readonly #end: number;
  #size = 0;

  constructor(blockCount: number) {
    this.#end = blockCount;
    const bucketCount = 2 ** Math.ceil(Math.log2(Math.max(2, blockCount * 2)));
    this.#heads = new Int32Array(bucketCount).fill(this.#end);
    this.#next = new Int32Array(blockCount).fill(this.#end);
    this.#words = new Int32Array(blockCount * hashWords);
    this.#present = new Uint8Array(blockCount);
  }

  get size(): number {
    return this.#size;
  }

  has(block: BlockId): boolean {
    return this.#present[block] === 1;
  }

  /** The four words of a block's hash. */
  hashOf(block: BlockId): number[] {
    if (!this.has(block)) assert(false, `block ${block} has no content hash`);
    return [...this.#words.subarray(block * hashWords, (block + 1) * hashWords)];
  }

  /** The block whose hash is the four words at `offset` of `chain`. */
  find(chain: ArrayLike<number>, offset: number): BlockId | null {
    let at = this.#heads[this.#bucket(chain, offset)] ?? this.#end;
    while (at !== this.#end) {
      if (this.#equals(at, chain, offset)) return blockId(at);
      at = this.#next[at] ?? this.#end;
    }
    return null;
  }

  /** True if a look-up of the block's own hash finds the block. */
  isFound(block: BlockId): boolean {
    return this.has(block) && this.find(this.#words, block * hashWords) === block;
  }

  insert(block: BlockId, chain: ArrayLike<number>, offset: number): void {
    if (this.has(block)) assert(false, `block ${block} has a content hash already`);
    if (this.find(chain, offset) !== null)
      assert(false, `the hash of block ${block} is in the index already`);
    for (let word = 0; word < hashWords; word++) {
      this.#words[block * hashWords + word] = chain[offset + word] ?? 0;
    }
    const bucket = this.#bucket(chain, offset);
    this.#next[block] = this.#heads[bucket] ?? this.#end;
    this.#heads[bucket] = block;
    this.#present[block] = 1;
    this.#size++;
  }

  remove(block: BlockId): void {
    if (!this.has(block)) assert(false, `block ${block} has no content hash to remove`);
    const bucket = (this.#words[block * hashWords] ?? 0) & (this.#heads.length - 1);
    const next = this.#next[block] ?? this.#end;
    if (this.#heads[bucket] === block) {
      this.#heads[bucket] = next;
    } else {
      let at = this.#heads[bucket] ?? this.#end;
      while (this.#next[at] !== block) at = this.#next[at] ?? this.#end;
      this.#next[at] = next;
    }
    this.#next[block] = this.#end;
    this.#present[block] = 0;
    this.#size--;
  }

  #bucket(chain: ArrayLike<number>, offset: number): number {
    assert(offset + hashWords <= chain.length, 'the hash chain is shorter than the block asked for');
    return (chain[offset] ?? 0) & (this.#heads.length - 1);
  }

  #equals(block: number, chain: ArrayLike<number>, offset: number): boolean {
    for (let word = 0; word < hashWords; word++) {
      if (this.#words[block * hashWords + word] !== chain[offset + word]) return false;
    }
    return true;
  }
}
