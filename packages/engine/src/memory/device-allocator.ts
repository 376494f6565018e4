/**
 * Allocates scratch blocks in arenas. Allocation is stream-ordered: operations run in the order of submission, so a
 * released block can be allocated again before the operations that use it have run. The pool of an arena opens with the
 * arena's first block; an arena without blocks needs no pool.
 */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { FreeSpace } from './free-space.ts';
import type { Region } from './vram-allocator.ts';

/** Provides the region of an arena's pool, and takes it back. */
export interface ScratchSource {
  open(arena: number): Region;
  close(region: Region): void;
}

export interface ScratchRequest {
  readonly arena: number;
  readonly bytes: number;
  readonly tag: string;
  /** Bytes, a power of two. Default: a cache line of 64. */
  readonly alignment?: number;
}

/** `offset` counts bytes from the start of the arena, not of the pool. */
export interface ScratchBlock {
  readonly arena: number;
  readonly offset: number;
  readonly bytes: number;
  readonly tag: string;
}

interface Pool {
  readonly region: Region;
  space: FreeSpace;
  readonly blocks: Set<ScratchBlock>;
  highWaterBytes: number;
}

const lineBytes = 64;

export class DeviceAllocator {
  readonly #source: ScratchSource;
  readonly #pools = new Map<number, Pool>();

  constructor(source: ScratchSource) {
    this.#source = source;
  }

  /** Bytes of the open pools. */
  get allocatedBytes(): number {
    let sum = 0;
    for (const { region } of this.#pools.values()) sum += region.bytes;
    return sum;
  }

  /** Allocates a block. Throws a PlimsollError with code `scratch-full` if the pool has no room. */
  allocate({ arena, bytes, tag, alignment = lineBytes }: ScratchRequest): ScratchBlock {
    assert(Number.isSafeInteger(bytes) && bytes > 0, `${tag}: a block of ${bytes} bytes`);
    const pool = this.#opened(arena);
    const start = pool.space.take(bytes, alignment);
    if (start === null) throw refusal(tag, bytes, pool);
    const block = { arena, offset: pool.region.offset + start, bytes, tag };
    pool.blocks.add(block);
    pool.highWaterBytes = Math.max(pool.highWaterBytes, pool.region.bytes - pool.space.freeBytes);
    return block;
  }

  #opened(arena: number): Pool {
    const known = this.#pools.get(arena);
    if (known !== undefined) return known;
    const region = this.#source.open(arena);
    const pool = {
      region,
      space: new FreeSpace(region.bytes),
      blocks: new Set<ScratchBlock>(),
      highWaterBytes: 0,
    };
    this.#pools.set(arena, pool);
    return pool;
  }

  release(block: ScratchBlock): void {
    const pool = defined(this.#pools.get(block.arena), `${block.tag}: never allocated here`);
    assert(pool.blocks.delete(block), `${block.tag}: released twice, or never allocated here`);
    pool.space.give(block.offset - pool.region.offset, block.bytes);
  }

  /** Releases every block, at the end of a step. */
  reset(): void {
    for (const pool of this.#pools.values()) {
      pool.blocks.clear();
      pool.space = new FreeSpace(pool.region.bytes);
    }
  }

  /** Largest number of bytes of an arena's pool that were in use at once. */
  highWaterBytes(arena: number): number {
    return this.#pools.get(arena)?.highWaterBytes ?? 0;
  }

  /** Closes the pools. Every block must have been released. */
  close(): void {
    for (const { region, blocks } of this.#pools.values()) {
      assert(
        blocks.size === 0,
        `scratch of arena ${region.arena} is closed with ${blocks.size} blocks in use`,
      );
      this.#source.close(region);
    }
    this.#pools.clear();
  }

  checkIntegrity(): void {
    for (const { region, space, blocks } of this.#pools.values()) {
      space.checkIntegrity();
      let used = 0;
      for (const block of blocks) used += block.bytes;
      assert(
        used + space.freeBytes === region.bytes,
        `scratch of arena ${region.arena}: ${used} used, ${space.freeBytes} free`,
      );
    }
  }
}

function refusal(tag: string, bytes: number, { region, space }: Pool): PlimsollError {
  return new PlimsollError({
    code: 'scratch-full',
    message: `${tag} needs ${bytes} bytes of scratch; ${space.freeBytes} of ${region.bytes} are free in arena ${region.arena}`,
    value: bytes,
    limit: space.freeBytes,
    hint: 'compute prompts in smaller chunks (--prefill-chunk)',
  });
}
