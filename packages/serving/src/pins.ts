/**
 * Pinned prefixes: cached blocks that keep an owner although no sequence uses them, so that a system prompt stays
 * cached between its users. A pin covers the blocks that are cached at that moment; to pin a new prompt, let a request
 * compute it first. No other request can use the space of pinned blocks, so the caller sets a limit per group.
 */
import { assert, defined } from '@plimsoll/foundation';
import type { CountedPrompt } from './content.ts';
import { type PinId, pinId } from './ids.ts';
import { matchPrefix, type PrefixMatch } from './prefix-match.ts';
import type { SequenceMemory } from './sequence-memory.ts';

export interface Pin {
  readonly id: PinId;
  /** Number of pinned leading tokens: whole blocks, so at most the requested length. */
  readonly tokenCount: number;
}

export class PinnedPrefixes {
  readonly #memory: SequenceMemory;
  readonly #matches = new Map<PinId, PrefixMatch>();
  /** Number of pins per group and block. */
  readonly #holders: readonly Int32Array[];
  readonly #pinnedCounts: number[];
  #nextId = 0;

  constructor(memory: SequenceMemory) {
    this.#memory = memory;
    this.#holders = memory.groups.map(({ pool }) => new Int32Array(pool.blockCount));
    this.#pinnedCounts = memory.groups.map(() => 0);
  }

  /** Distinct pinned blocks of a group. */
  pinnedCount(group: number): number {
    return this.#pinnedCounts[group] ?? 0;
  }

  /**
   * Finds the blocks that a pin of the first `tokenCount` tokens takes, and the resulting number of pinned blocks per
   * group.
   */
  find(
    tokens: ArrayLike<number> | CountedPrompt,
    extraKey: string,
    tokenCount: number,
  ): { match: PrefixMatch; pinnedCounts: readonly number[] } {
    const { groups, blockSize } = this.#memory;
    const chain = this.#memory.hashChain(tokens, extraKey);
    const blockCountMax = Math.floor(tokenCount / blockSize);
    const match = matchPrefix(groups, { chain, blockCountMax, blockSize });
    const pinnedCounts = match.tables.map(({ blocks }, group) => {
      const holders = this.#holdersOf(group);
      return this.pinnedCount(group) + blocks.filter((block) => holders[block] === 0).length;
    });
    return { match, pinnedCounts };
  }

  add(match: PrefixMatch): Pin {
    assert(match.blockCount > 0, 'a pin holds at least one block');
    const id = pinId(this.#nextId++);
    for (const [group, { pool }] of this.#memory.groups.entries()) {
      const holders = this.#holdersOf(group);
      for (const block of match.tables[group]?.blocks ?? []) {
        pool.share(block);
        if (holders[block] === 0) this.#pinnedCounts[group] = this.pinnedCount(group) + 1;
        holders[block] = (holders[block] ?? 0) + 1;
      }
    }
    this.#matches.set(id, match);
    return { id, tokenCount: match.blockCount * this.#memory.blockSize };
  }

  remove(id: PinId): void {
    const match = defined(this.#matches.get(id), `there is no pin ${id}`);
    this.#matches.delete(id);
    for (const [group, { pool }] of this.#memory.groups.entries()) {
      const holders = this.#holdersOf(group);
      for (const block of [...(match.tables[group]?.blocks ?? [])].reverse()) {
        pool.release(block);
        holders[block] = (holders[block] ?? 0) - 1;
        if (holders[block] === 0) this.#pinnedCounts[group] = this.pinnedCount(group) - 1;
      }
    }
  }

  /** Adds this module's references to a recount, block by block, and checks its own counts. */
  recount(group: number, owners: Int32Array): void {
    const fromMatches = new Int32Array(owners.length);
    for (const match of this.#matches.values()) {
      for (const block of match.tables[group]?.blocks ?? [])
        fromMatches[block] = (fromMatches[block] ?? 0) + 1;
    }
    let distinct = 0;
    for (const [block, holders] of this.#holdersOf(group).entries()) {
      assert(
        holders === fromMatches[block],
        `block ${block}: ${holders} pins counted, ${fromMatches[block]} found`,
      );
      if (holders > 0) distinct++;
      owners[block] = (owners[block] ?? 0) + holders;
    }
    assert(
      distinct === this.pinnedCount(group),
      `group ${group}: ${distinct} pinned blocks, counted differently`,
    );
  }

  #holdersOf(group: number): Int32Array {
    return defined(this.#holders[group], `there is no cache group ${group}`);
  }
}
