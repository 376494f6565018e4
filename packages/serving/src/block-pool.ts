/**
 * The blocks of one cache group: their owners, their content hashes, and the order of eviction. The pool knows ids and
 * counts only; the engine knows where a block's bytes are.
 *
 *            allocate                          release, no hash
 *   free  ------------->  owned (references > 0)  ------------->  free     taken first
 *            share                             release, hashed
 *  cached ------------->  owned                   ------------->  cached   taken when none is free (eviction-queue.ts)
 *                                        releasePassed, hashed
 *  passed ------------->  owned                   ------------->  passed   taken before the cached blocks
 *
 * A block is in exactly one of the four states. A passed block has left the sliding window of its sequence: a prompt that
 * continues the sequence does not read it. `publish` gives an owned block a content hash; it keeps the hash when
 * its last owner lets go, until its space is needed (an eviction) or its content changes (`unpublish`). A block with
 * a hash is never written. `null` means "none left now"; a wrong call is a bug and throws.
 */
import { assert } from '@plimsoll/foundation';
import { hashWords } from './block-hash.ts';
import { BlockList, blockLinks } from './block-list.ts';
import { EvictionQueue } from './eviction-queue.ts';
import { FreeBlocks } from './free-blocks.ts';
import { HashIndex } from './hash-index.ts';
import { type BlockId, blockId } from './ids.ts';

export interface PublishedBlock {
  readonly block: BlockId;
  readonly hash: readonly number[];
  /** Position of the block in its chain; the first block of a prompt has depth 0. */
  readonly depth: number;
}

export class BlockPool {
  readonly blockCount: number;
  readonly #references: Int32Array;
  readonly #depths: Int32Array;
  readonly #index: HashIndex;
  readonly #free: FreeBlocks;
  readonly #cached: EvictionQueue;
  /** Least key of a cached block, so that it is evicted after its continuations. */
  readonly #floors: Float64Array;
  readonly #spread: number;
  readonly #passed: BlockList;
  /** 1 for blocks with a published next block. */
  readonly #isParent: Uint8Array;
  /** 1 for blocks before a place where prompts part: they are cached, never passed. */
  readonly #isBranch: Uint8Array;
  /** 1 for blocks that a later prompt has used. */
  readonly #isReused: Uint8Array;
  readonly #onEvict: ((hash: readonly number[]) => void) | null;
  #evictions = 0;

  /** `evictionSpread`: see `releaseChain`. `onEvict` gets the hash of a block whose content is dropped. */
  constructor(
    blockCount: number,
    evictionSpread = 0,
    onEvict: ((hash: readonly number[]) => void) | null = null,
  ) {
    assert(Number.isInteger(blockCount) && blockCount >= 0, `a pool of ${blockCount} blocks`);
    this.blockCount = blockCount;
    this.#onEvict = onEvict;
    this.#references = new Int32Array(blockCount);
    this.#depths = new Int32Array(blockCount);
    this.#index = new HashIndex(blockCount);
    this.#isParent = new Uint8Array(blockCount);
    this.#isBranch = new Uint8Array(blockCount);
    this.#isReused = new Uint8Array(blockCount);
    this.#spread = evictionSpread * blockCount;
    this.#floors = new Float64Array(blockCount).fill(-Infinity);
    this.#cached = new EvictionQueue(blockCount);
    this.#free = new FreeBlocks(blockCount);
    this.#passed = new BlockList(blockLinks(blockCount, 1), blockCount);
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** Blocks without an owner that can be found by their content, passed blocks included. */
  get cachedCount(): number {
    return this.#cached.length + this.#passed.length;
  }

  /** Blocks that an allocation can take: free blocks, and cached blocks at the cost of their content. */
  get availableCount(): number {
    return this.#free.length + this.cachedCount;
  }

  get ownedCount(): number {
    return this.blockCount - this.availableCount;
  }

  /** Number of allocations that dropped cached content. */
  get evictions(): number {
    return this.#evictions;
  }

  references(block: BlockId): number {
    return this.#references[block] ?? 0;
  }

  isPublished(block: BlockId): boolean {
    return this.#index.has(block);
  }

  /** Allocates a block with one reference. */
  allocate(): BlockId | null {
    if (this.#free.length === 0) {
      if (this.cachedCount === 0) return null;
      // Eviction turns the block into a free block, which is then taken as usual.
      const oldest = this.#passed.length > 0 ? this.#passed.popFront() : this.#cached.popFirst();
      if (this.#onEvict !== null) this.#onEvict(this.#index.hashOf(oldest));
      this.#forget(oldest);
      this.#free.push(oldest);
      this.#evictions++;
    }
    const block = this.#free.pop();
    this.#references[block] = 1;
    return block;
  }

  /** Adds an owner. A cached block returns to use with its content. */
  share(block: BlockId): void {
    const references = this.references(block);
    if (references === 0) {
      if (!this.#index.has(block)) assert(false, `block ${block} is free: there is nothing in it to share`);
      if (this.#cached.has(block)) this.#cached.remove(block);
      else this.#passed.remove(block);
      this.#isReused[block] = 1;
    }
    this.#references[block] = references + 1;
  }

  /**
   * Removes an owner. Owners release a chain from its tail, so that eviction takes the deeper of two blocks that were
   * last used together: a tail without its head could never be found again.
   */
  release(block: BlockId): void {
    if (this.#dropOwner(block)) this.#cache(block, 0);
  }

  /**
   * Removes an owner of consecutive blocks, and spreads their places in the order of eviction: a block of age a is
   * evicted as if it had been used a x spread x (blocks of the pool) evictions ago. `ageOf` gives the age of the block at
   * an index of `blocks`.
   */
  releaseChain(blocks: readonly BlockId[], ageOf: (index: number, isReused: boolean) => number): void {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index];
      if (block === undefined || !this.#dropOwner(block)) continue;
      const key = this.#cache(block, ageOf(index, this.#isReused[block] === 1));
      const parent = blocks[index - 1];
      if (parent !== undefined) this.#floors[parent] = Math.max(this.#floors[parent] ?? 0, key);
    }
  }

  /** Removes an owner whose sliding window has left the block. */
  releasePassed(block: BlockId): void {
    if (!this.#dropOwner(block)) return;
    if (this.#isBranch[block] === 1) this.#cache(block, 0);
    else this.#passed.pushBack(block);
  }

  /** Makes a cached block a passed block, unless prompts part after it. */
  pass(block: BlockId): void {
    if (!this.#cached.has(block) || this.#isBranch[block] === 1) return;
    this.#cached.remove(block);
    this.#passed.pushBack(block);
  }

  /**
   * Tells that a prompt continues after the last of these blocks, which are consecutive. If the last block already has
   * another continuation, prompts part here, as after a system prompt: the blocks then stay cached when windows leave
   * them.
   */
  markMatch(blocks: readonly BlockId[]): void {
    const last = blocks.at(-1);
    if (last === undefined || this.#isParent[last] === 0) return;
    for (const block of blocks) this.#isBranch[block] = 1;
  }

  find(chain: readonly number[], offset: number): BlockId | null {
    return this.#index.find(chain, offset);
  }

  /**
   * Makes an owned block findable and returns the block that its owner should hold from now on. If another block
   * already has this content, `publish` releases the duplicate and shares that block instead.
   */
  publish(block: BlockId, chain: readonly number[], depth: number): BlockId {
    if (this.references(block) === 0) assert(false, `block ${block} has no owner that could publish it`);
    const offset = depth * hashWords;
    const existing = this.#index.find(chain, offset);
    if (existing === block) return block;
    if (existing !== null) {
      this.share(existing);
      this.release(block);
      return existing;
    }
    this.#index.insert(block, chain, offset);
    this.#depths[block] = depth;
    const parent = depth === 0 ? null : this.#index.find(chain, offset - hashWords);
    if (parent !== null) this.#isParent[parent] = 1;
    return block;
  }

  /** Removes the hash from a block whose only owner is about to change it. */
  unpublish(block: BlockId): void {
    assert(this.references(block) === 1, `block ${block} may change only when it has one owner`);
    this.#forget(block);
  }

  /** Adds a free block to the cached blocks as the most recent: this restores a saved cache. */
  adopt(block: BlockId, published: Omit<PublishedBlock, 'block'>): void {
    this.#free.remove(block);
    this.#index.insert(block, published.hash, 0);
    this.#depths[block] = published.depth;
    this.#cache(block, 0);
  }

  /** Every findable block: passed ones, cached ones from the least recent on, then owned ones, deepest first. */
  published(): readonly PublishedBlock[] {
    const owned: BlockId[] = [];
    for (let block = 0; block < this.blockCount; block++) {
      const id = blockId(block);
      if (this.references(id) > 0 && this.#index.has(id)) owned.push(id);
    }
    owned.sort((left, right) => this.#depth(right) - this.#depth(left) || left - right);
    return [...this.#passed, ...this.#cached.inOrder(), ...owned].map((block) => ({
      block,
      hash: this.#index.hashOf(block),
      depth: this.#depth(block),
    }));
  }

  /** The order in which allocations take blocks: free blocks, then passed blocks, then cached blocks. */
  freeOrder(): readonly BlockId[] {
    return [...this.#free, ...this.#passed, ...this.#cached.inOrder()];
  }

  /** Recounts everything. `expected` gives the number of owners that the caller knows for each block. */
  checkIntegrity(expected: Int32Array): void {
    const seen = new Uint8Array(this.blockCount);
    const visit = (
      list: Iterable<BlockId> & { readonly length: number },
      name: string,
      hashed: boolean,
    ): void => {
      let length = 0;
      for (const block of list) {
        if (seen[block] !== 0) assert(false, `block ${block} is in two lists or twice in one`);
        seen[block] = 1;
        if (this.references(block) !== 0) assert(false, `block ${block} is ${name} and has owners`);
        if (this.#index.has(block) !== hashed)
          assert(false, `block ${block} is ${name}: its hash says it is not`);
        length++;
      }
      assert(length === list.length, `the ${name} list holds ${length} blocks and counts ${list.length}`);
    };
    visit(this.#free, 'free', false);
    this.#cached.checkIntegrity();
    visit(this.#cached.inOrder(), 'cached', true);
    visit(this.#passed, 'passed', true);
    let hashes = 0;
    for (let index = 0; index < this.blockCount; index++) {
      const block = blockId(index);
      const references = this.references(block);
      if (references !== expected[index])
        assert(false, `block ${block}: ${references} references, ${expected[index]} owners`);
      if (references > 0 === (seen[index] === 1))
        assert(false, `block ${block} is neither or both of owned and in a list`);
      if (!this.#index.has(block)) continue;
      hashes++;
      if (!this.#index.isFound(block)) assert(false, `block ${block} is not found by its hash`);
    }
    assert(hashes === this.#index.size, `${hashes} blocks have hashes, the index counts ${this.#index.size}`);
  }

  #depth(block: BlockId): number {
    return this.#depths[block] ?? 0;
  }

  /** Removes an owner. Returns true if the block now has none and can be found; a block without a hash becomes free. */
  #dropOwner(block: BlockId): boolean {
    const references = this.references(block);
    if (references === 0) assert(false, `block ${block} is released more often than it was taken`);
    this.#references[block] = references - 1;
    if (references > 1) return false;
    if (this.#index.has(block)) return true;
    this.#free.push(block);
    return false;
  }

  /** Adds a block to the cached blocks and returns its key: the number of evictions at its last use, less its age. */
  #cache(block: BlockId, age: number): number {
    const key = Math.max(this.#evictions - this.#spread * age, this.#floors[block] ?? -Infinity);
    this.#cached.push(block, key);
    return key;
  }

  #forget(block: BlockId): void {
    this.#index.remove(block);
    this.#isParent[block] = 0;
    this.#isBranch[block] = 0;
    this.#isReused[block] = 0;
    this.#floors[block] = -Infinity;
  }
}
