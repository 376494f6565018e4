/**
 * Doubly linked lists of blocks, threaded through two arrays that all lists of a pool share: a block is in at most one
 * list, so it needs one pair of links. Adding, taking and removing from the middle are O(1) and allocate nothing. Each
 * list has a sentinel after the real blocks, so no operation needs a case for "empty" or "last". A block outside every
 * list links to itself. (The idea is FreeKVCacheBlockQueue in vLLM's v1/core.)
 */
import { assert } from '@plimsoll/foundation';
import { type BlockId, blockId } from './ids.ts';

export interface BlockLinks {
  readonly next: Int32Array;
  readonly previous: Int32Array;
}

/** Links for `blockCount` blocks and `listCount` lists; the sentinel of list n is block number blockCount + n. */
export function blockLinks(blockCount: number, listCount: number): BlockLinks {
  const self = new Int32Array(blockCount + listCount);
  for (let index = 0; index < self.length; index++) self[index] = index;
  return { next: self, previous: self.slice() };
}

export class BlockList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #sentinel: number;
  #length = 0;

  constructor(links: BlockLinks, sentinel: number) {
    this.#next = links.next;
    this.#previous = links.previous;
    this.#sentinel = sentinel;
  }

  get length(): number {
    return this.#length;
  }

  pushBack(block: BlockId): void {
    this.#insertAfter(this.#previous[this.#sentinel] ?? 0, block);
  }

  pushFront(block: BlockId): void {
    this.#insertAfter(this.#sentinel, block);
  }

  popFront(): BlockId {
    assert(this.#length > 0, 'popFront on an empty block list');
    const block = blockId(this.#next[this.#sentinel] ?? 0);
    this.remove(block);
    return block;
  }

  /** The block must be in this list: the links do not record which list they belong to. */
  remove(block: BlockId): void {
    const next = this.#next[block] ?? block;
    const previous = this.#previous[block] ?? block;
    // The message is built only on failure, because this runs for every block that enters or leaves a list.
    if (next === block) assert(false, `block ${block} is in no list`);
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#next[block] = block;
    this.#previous[block] = block;
    this.#length--;
  }

  /** Iterates from the front, which is the next block to be taken. */
  *[Symbol.iterator](): Generator<BlockId> {
    for (let at = this.#next[this.#sentinel] ?? 0; at !== this.#sentinel; at = this.#next[at] ?? 0) {
      yield blockId(at);
    }
  }

  #insertAfter(previous: number, block: BlockId): void {
    if (this.#next[block] !== block) assert(false, `block ${block} is in a list already`);
    const next = this.#next[previous] ?? 0;
    this.#next[previous] = block;
    this.#previous[block] = previous;
    this.#next[block] = next;
    this.#previous[next] = block;
    this.#length++;
  }
}
