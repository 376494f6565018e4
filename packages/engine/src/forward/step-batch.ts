/**
 * One step as lists: token ids, positions, and the cache slots of keys and values, made from a scheduler's plan. The
 * tokens of an entry are adjacent, so that attention computes them together.
 */
import { assert, defined } from '@plimsoll/foundation';

/** The part of a step that belongs to one sequence. */
export interface BatchEntry {
  /** The tokens to compute, including drafts. */
  readonly tokens: readonly number[];
  /** Position of the first token. */
  readonly start: number;
  /** Indexed by cache group. `firstIndex` is the block index of the first listed block. */
  readonly tables: readonly { readonly firstIndex: number; readonly blocks: readonly number[] }[];
}

export interface StepBatch {
  readonly tokenIds: readonly number[];
  readonly positions: readonly number[];
  /** Index of each token's entry. */
  readonly entryOf: readonly number[];
  /** Slots of the tokens, [groups][tokens]: block x blockTokens + place in the block. */
  readonly slots: readonly (readonly number[])[];
  readonly entries: readonly BatchEntry[];
}

export function stepBatch(
  entries: readonly BatchEntry[],
  groupCount: number,
  blockTokens: number,
): StepBatch {
  const tokenIds: number[] = [];
  const positions: number[] = [];
  const entryOf: number[] = [];
  const slots: number[][] = Array.from({ length: groupCount }, () => []);
  entries.forEach((entry, index) => {
    entry.tokens.forEach((token, offset) => {
      const position = entry.start + offset;
      tokenIds.push(token);
      positions.push(position);
      entryOf.push(index);
      slots.forEach((list, group) => {
        list.push(slotOf(entry, group, { position, blockTokens }));
      });
    });
  });
  assert(tokenIds.length > 0, 'a step computes at least one token');
  return { tokenIds, positions, entryOf, slots, entries };
}

function slotOf(
  entry: BatchEntry,
  group: number,
  { position, blockTokens }: { readonly position: number; readonly blockTokens: number },
): number {
  const table = defined(entry.tables[group], 'a sequence has a table per group');
  const index = Math.floor(position / blockTokens);
  const block = defined(table.blocks[index - table.firstIndex], `position ${position} has no block`);
  return block * blockTokens + (position % blockTokens);
}
