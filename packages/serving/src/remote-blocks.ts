/**
 * Memory for blocks whose content comes from elsewhere: from a scheduler that computed the prompt, or from a slower tier.
 * A windowed group takes the blocks of its last window alone, because earlier ones will never be read.
 */
import { assert } from '@plimsoll/foundation';
import { blocksFor, firstLiveBlock } from './geometry.ts';
import type { BlockId } from './ids.ts';
import type { PrefixMatch } from './prefix-match.ts';
import type { Sequence } from './sequence.ts';
import { append, type GroupMemory, type SequenceMemory, tableOf } from './sequence-memory.ts';

/**
 * Gives a sequence that holds nothing the matched blocks, and blocks up to token `end` that a transport fills. Returns
 * false and changes nothing if a pool has too few.
 */
export function takeBlocks(
  memory: SequenceMemory,
  sequence: Sequence,
  { match, end }: { readonly match: PrefixMatch; readonly end: number },
): boolean {
  const { groups, stateSlots, blockSize } = memory;
  const matchedTokens = match.blockCount * blockSize;
  assert(end > matchedTokens && end < sequence.length, `sequence ${sequence.id} receives up to token ${end}`);
  if (stateSlots !== null && stateSlots.freeCount === 0) return false;
  const parts = groups.map((group) => partOf(group, { match, end, blockSize }));
  if (groups.some(({ pool }, index) => pool.availableCount < (parts[index]?.taken ?? 0))) return false;
  for (const [index, { pool, window }] of groups.entries()) {
    const table = tableOf(sequence, index);
    const { firstIndex = 0, shared = [], newBlocks = 0 } = parts[index] ?? {};
    table.firstIndex = firstIndex;
    if (window !== null) pool.markMatch(match.tables[index]?.blocks ?? []);
    for (const block of shared) {
      pool.share(block);
      table.blocks.push(block);
    }
    append(table, pool, newBlocks);
  }
  sequence.stateSlot = stateSlots?.allocate() ?? null;
  sequence.computedTokens = matchedTokens;
  sequence.publishedBlocks = match.blockCount;
  sequence.receivesTo = end;
  return true;
}

interface GroupPart {
  readonly firstIndex: number;
  readonly shared: readonly BlockId[];
  readonly newBlocks: number;
  /** Available blocks that the sequence takes: new ones, and shared ones without an owner. */
  readonly taken: number;
}

function partOf(
  { index, pool, window }: GroupMemory,
  {
    match,
    end,
    blockSize,
  }: { readonly match: PrefixMatch; readonly end: number; readonly blockSize: number },
): GroupPart {
  const firstIndex = firstLiveBlock(end, window, blockSize);
  const { firstIndex: matchedFirst = 0, blocks = [] } = match.tables[index] ?? {};
  const shared = blocks.slice(Math.max(0, firstIndex - matchedFirst));
  const newBlocks = blocksFor(end, blockSize) - Math.max(firstIndex, match.blockCount);
  let idle = 0;
  for (const block of shared) if (pool.references(block) === 0) idle++;
  return { firstIndex, shared, newBlocks, taken: newBlocks + idle };
}
