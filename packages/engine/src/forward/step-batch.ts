/**
 * One step as lists: which tokens are computed, at which positions, and where their keys and values go. Made from a
 * scheduler's plan; the tokens of an entry stand side by side, so that attention takes them together.
 */
import { assert, defined } from '@plimsoll/foundation';

/** What the forward pass needs to know of one sequence in one step. */
export interface BatchEntry {
  /** The tokens to compute: drafts included. */
  readonly tokens: readonly number[];
  /** Position of the first. */
  readonly start: number;
  /** One per cache group. */
  readonly tables: readonly { readonly firstIndex: number; readonly blocks: readonly number[] }[];
}

export interface StepBatch {
  readonly tokenIds: readonly number[];
  readonly positions: readonly number[];
  /** Which entry a token belongs to. */
  readonly entryOf: readonly number[];
  /** Slot of each token, per group: block x blockTokens + place in it. */
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
