/**
 * The longest cached prefix of a hash chain that every cache group can serve. A full-attention group needs each block
 * from the first on; a group with a window needs only the blocks that the next position still reads:
 *
 *   block      0    1    2    3    4    5
 *   full       x    x    x    x    x    -      serves 0..5 blocks
 *   window     -    -    x    x    -    x      window of two blocks: serves 4; together they serve 4
 *
 * Matching modifies nothing: SequenceMemory.start takes a match, or the caller drops it.
 */
import { assert, defined } from '@plimsoll/foundation';
import { hashWords } from './block-hash.ts';
import type { BlockPool } from './block-pool.ts';
import { firstLiveBlock } from './geometry.ts';
import type { BlockId } from './ids.ts';

export interface MatchableGroup {
  readonly pool: BlockPool;
  readonly window: number | null;
}

export interface PrefixMatch {
  readonly blockCount: number;
  /** Per group, the blocks to share and the index of the first of them. */
  readonly tables: readonly { readonly firstIndex: number; readonly blocks: readonly BlockId[] }[];
}

export interface PrefixQuestion {
  readonly chain: readonly number[];
  /** Blocks to look at; the chain must cover them. */
  readonly blockCountMax: number;
  readonly blockSize: number;
}

export function emptyMatch(groupCount: number): PrefixMatch {
  return { blockCount: 0, tables: Array.from({ length: groupCount }, () => ({ firstIndex: 0, blocks: [] })) };
}

export function matchPrefix(groups: readonly MatchableGroup[], question: PrefixQuestion): PrefixMatch {
  const { chain, blockCountMax, blockSize } = question;
  assert(chain.length >= blockCountMax * hashWords, 'the hash chain does not cover the blocks asked for');
  let blockCount = blockCountMax;
  for (const { pool, window } of groups) {
    if (window !== null) continue;
    let run = 0;
    while (run < blockCount && pool.find(chain, run * hashWords) !== null) run++;
    blockCount = run;
  }
  blockCount = longestInWindows(groups, { ...question, blockCountMax: blockCount });
  const tables = groups.map(({ pool, window }) => {
    const firstIndex = firstLiveBlock(blockCount * blockSize, window, blockSize);
    const blocks: BlockId[] = [];
    for (let index = firstIndex; index < blockCount; index++) {
      blocks.push(defined(pool.find(chain, index * hashWords), 'a matched block is gone'));
    }
    return { firstIndex, blocks };
  });
  return { blockCount, tables };
}

/** The largest count whose trailing window is cached in every windowed group. */
function longestInWindows(groups: readonly MatchableGroup[], question: PrefixQuestion): number {
  const { chain, blockCountMax, blockSize } = question;
  const fits = new Uint8Array(blockCountMax + 1).fill(1);
  for (const { pool, window } of groups) {
    if (window === null) continue;
    // `run` counts the cached blocks that end at block `count`, without a gap.
    let run = 0;
    for (let count = 1; count <= blockCountMax; count++) {
      run = pool.find(chain, (count - 1) * hashWords) === null ? 0 : run + 1;
      if (run < count - firstLiveBlock(count * blockSize, window, blockSize)) fits[count] = 0;
    }
  }
  return fits.lastIndexOf(1);
}
