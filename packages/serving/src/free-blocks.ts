/**
 * The free blocks of a pool: a stack, because a block that was just released is still in the processor's caches, and a
 * stack reads and writes one place. A new stack gives the blocks in the order of their ids.
 */
import { assert } from '@plimsoll/foundation';
import { type BlockId, blockId } from './ids.ts';

export class FreeBlocks {
  /** From the bottom to the top; the first `#length` are in use. */
  readonly #stack: Int32Array;
  #length: number;

  constructor(blockCount: number) {
    this.#stack = new Int32Array(blockCount);
    for (let place = 0; place < blockCount; place++) this.#stack[place] = blockCount - 1 - place;
    this.#length = blockCount;
  }

  get length(): number {
    return this.#length;
  }

  push(block: BlockId): void {
    if (this.#length === this.#stack.length) assert(false, `block ${block} is free twice`);
    this.#stack[this.#length++] = block;
  }

  pop(): BlockId {
    if (this.#length === 0) assert(false, 'pop without free blocks');
    return blockId(this.#stack[--this.#length] ?? 0);
  }

  /** Takes a block out of the middle: O(blocks above it), for the first block O(1). */
  remove(block: BlockId): void {
    const place = this.#stack.subarray(0, this.#length).lastIndexOf(block);
    if (place < 0) assert(false, `block ${block} is not free`);
    this.#stack.copyWithin(place, place + 1, this.#length--);
  }

  /** Iterates from the block that is taken next. */
  *[Symbol.iterator](): Generator<BlockId> {
    for (let place = this.#length - 1; place >= 0; place--) yield blockId(this.#stack[place] ?? 0);
  }
}
