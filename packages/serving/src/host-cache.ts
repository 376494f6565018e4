/**
 * A second tier of the prefix cache in host memory: a cached block that an allocation evicts leaves its hash here, and a
 * sequence that continues it loads the block instead of computing its tokens.
 *
 *   device   owned -> cached -> evicted ----+           receiving -> owned
 *                                           v               ^
 *   host                                  cached -----------+     least recently used block out
 *
 * A loaded block stays in the host too, so that its next eviction copies nothing. The tier shares the host blocks of the
 * groups with spilled sequences, which take its blocks when they need them.
 */
import { hashWords } from './block-hash.ts';
import type { BlockPool } from './block-pool.ts';
import type { BlockId } from './ids.ts';
import type { PrefixMatch } from './prefix-match.ts';

export interface HostCacheRule {
  /** True if loading tokens [start, end) of a sequence takes less time than computing them. */
  readonly loads: (start: number, end: number) => boolean;
}

/** Keeps the content of a block that leaves the device. Content that the host has becomes the most recent. */
export function keepInHost(host: BlockPool, hash: readonly number[]): void {
  const known = host.find(hash, 0);
  if (known !== null) {
    refresh(host, known);
    return;
  }
  const block = host.allocate();
  // Spilled sequences may own every host block.
  if (block === null) return;
  host.publish(block, hash, 0);
  host.release(block);
}

export interface HostQuestion {
  /** Flat hashes of the blocks of a sequence. */
  readonly chain: readonly number[];
  /** What the device has. */
  readonly match: PrefixMatch;
  readonly blockCountMax: number;
  readonly blockSize: number;
}

/** Returns the end of the blocks after a match that every host pool has and that pay to load; the match's end if none do. */
export function loadableEnd(
  hosts: readonly BlockPool[],
  { loads }: HostCacheRule,
  { chain, match, blockCountMax, blockSize }: HostQuestion,
): number {
  let end = match.blockCount;
  while (end < blockCountMax && hosts.every((host) => host.find(chain, end * hashWords) !== null)) end++;
  const isWorth = end > match.blockCount && loads(match.blockCount * blockSize, end * blockSize);
  return isWorth ? end : match.blockCount;
}

/** Makes the blocks [start, end) of a chain the most recent, so that the allocations of their load evict others. */
export function refreshHost(
  hosts: readonly BlockPool[],
  chain: readonly number[],
  { start, end }: { readonly start: number; readonly end: number },
): void {
  // From the tail on: the host evicts the deeper of two blocks first, as the device does.
  for (let index = end - 1; index >= start; index--) {
    for (const host of hosts) {
      const block = host.find(chain, index * hashWords);
      if (block !== null) refresh(host, block);
    }
  }
}

function refresh(host: BlockPool, block: BlockId): void {
  host.share(block);
  host.release(block);
}
