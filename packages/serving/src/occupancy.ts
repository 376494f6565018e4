/** Views of the block pools: how many blocks are in which state, and who holds each block. */
import { defined } from '@plimsoll/foundation';
import { blockId } from './ids.ts';
import type { PinnedPrefixes } from './pins.ts';
import type { SequenceMemory } from './sequence-memory.ts';

/** Occupancy of a cache group in blocks. The first three add up to the group's block count. */
export interface GroupOccupancy {
  readonly name: string;
  readonly free: number;
  readonly cached: number;
  readonly owned: number;
  readonly pinned: number;
  readonly hostOwned: number;
  /** Cached blocks that were dropped to make room, since the start. */
  readonly evictions: number;
}

/** The state of a block, for a view of the pool. */
export interface BlockView {
  /** Sequences and pins that hold it; 0 when it is free or cached. */
  readonly owners: number;
  /** True when it can be found by its content. */
  readonly published: boolean;
}

export function occupancyOf(memory: SequenceMemory, pins: PinnedPrefixes): readonly GroupOccupancy[] {
  return memory.groups.map(({ name, pool, host }, group) => ({
    name,
    free: pool.freeCount,
    cached: pool.cachedCount,
    owned: pool.ownedCount,
    pinned: pins.pinnedCount(group),
    hostOwned: host.ownedCount,
    evictions: pool.evictions,
  }));
}

export function blockViews(memory: SequenceMemory, group: number): readonly BlockView[] {
  const { pool } = defined(memory.groups[group], `there is no cache group ${group}`);
  return Array.from({ length: pool.blockCount }, (_, index) => {
    const block = blockId(index);
    return { owners: pool.references(block), published: pool.isPublished(block) };
  });
}
