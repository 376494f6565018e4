/**
 * Binds sequences to what they hold: one block table per cache group, and a state slot where the model has recurrent
 * layers. Every operation that takes memory first counts what it needs in all pools and then takes it, so a `false`
 * ("cannot now") leaves everything as it was, down to the order of eviction.
 *
 * The one rule about writing: a block is written only while it has one owner and no content hash. `grow` sees to it, by
 * a copy when it is shared (copy-on-write) and by taking the hash back when it is not.
 */
import { assert, defined } from '@plimsoll/foundation';
import { BlockHasher, hashWords } from './block-hash.ts';
import { BlockPool } from './block-pool.ts';
import type { CheckedConfig } from './config.ts';
import { type CountedPrompt, contentOf } from './content.ts';
import { blocksFor, firstLiveBlock } from './geometry.ts';
import { type HostCacheRule, keepInHost, loadableEnd, refreshHost } from './host-cache.ts';
import type { ServingMetrics } from './metrics.ts';
import { emptyMatch, matchPrefix, type PrefixMatch } from './prefix-match.ts';
import { type BlockTable, keyOfPrompt, type Sequence } from './sequence.ts';
import { StateSlots } from './state-slots.ts';
import type { Transfers } from './transfers.ts';

/** Own id of content that belongs to no sequence; ids of sequences are far smaller. */
const noSequence = 2 ** 52;

export interface GroupMemory {
  /** Place in the configuration, and of the group's table in every sequence. */
  readonly index: number;
  readonly name: string;
  readonly window: number | null;
  readonly pool: BlockPool;
  /** Host blocks for spilled sequences and evicted content. */
  readonly host: BlockPool;
}

export class SequenceMemory {
  readonly blockSize: number;
  readonly groups: readonly GroupMemory[];
  /** null when the model has no recurrent layers. */
  readonly stateSlots: StateSlots | null;
  readonly hostStateSlots: StateSlots | null;
  readonly hasWindows: boolean;
  /** The match of a sequence that finds nothing. */
  readonly noMatch: PrefixMatch;
  readonly #hostCache: HostCacheRule | null;
  readonly #hosts: readonly BlockPool[];
  readonly #prefixCaching: boolean;
  readonly #metrics: ServingMetrics;
  readonly #hasher = new BlockHasher();

  constructor(config: CheckedConfig, metrics: ServingMetrics) {
    this.blockSize = config.blockSize;
    this.#hostCache = config.hostCache ?? null;
    this.groups = config.groups.map(({ name, window, blockCount, hostBlockCount }, index) => {
      const host = new BlockPool(hostBlockCount ?? 0);
      const keep = this.#hostCache === null ? null : (hash: readonly number[]) => keepInHost(host, hash);
      return { index, name, window, pool: new BlockPool(blockCount, config.evictionSpread, keep), host };
    });
    this.#hosts = this.groups.map(({ host }) => host);
    const slots = config.stateSlots;
    this.stateSlots = slots === undefined ? null : new StateSlots(slots.count);
    this.hostStateSlots = slots === undefined ? null : new StateSlots(slots.hostCount ?? 0);
    this.noMatch = emptyMatch(this.groups.length);
    this.#prefixCaching = config.prefixCaching;
    this.hasWindows = config.groups.some(({ window }) => window !== null);
    this.#metrics = metrics;
  }

  /** Matches a sequence's known tokens with the cache. The last token is never matched, because its logits are needed. */
  match(sequence: Sequence): PrefixMatch {
    if (!this.#prefixCaching || sequence.computesWhole) return this.noMatch;
    const blockCountMax = Math.floor((sequence.length - 1) / this.blockSize);
    this.#extendHashes(sequence, blockCountMax);
    return matchPrefix(this.groups, { chain: sequence.hashes, blockCountMax, blockSize: this.blockSize });
  }

  /**
   * Returns the token up to which the host cache has what a matched sequence needs next and loading it pays; null if
   * there is nothing to load.
   */
  loadableTokens(sequence: Sequence, match: PrefixMatch): number | null {
    if (this.#hostCache === null || !this.#prefixCaching || sequence.computesWhole) return null;
    const { blockSize } = this;
    const blockCountMax = Math.floor((sequence.length - 1) / blockSize);
    const question = { chain: sequence.hashes, match, blockCountMax, blockSize };
    const end = loadableEnd(this.#hosts, this.#hostCache, question);
    return end === match.blockCount ? null : end * blockSize;
  }

  /** Makes the host blocks that a sequence loads, up to token `end`, the most recent. */
  refreshLoaded(sequence: Sequence, match: PrefixMatch, end: number): void {
    refreshHost(this.#hosts, sequence.hashes, { start: match.blockCount, end: end / this.blockSize });
  }

  /** Gives a sequence that holds nothing the matched blocks, new blocks up to token `end`, and a state slot. */
  start(sequence: Sequence, match: PrefixMatch, end: number): boolean {
    if (sequence.tables.some((table) => table.blocks.length > 0)) {
      assert(false, `sequence ${sequence.id} holds blocks already`);
    }
    const newBlocks = blocksFor(end, this.blockSize) - match.blockCount;
    for (const group of this.groups) {
      if (this.availableBeside(match, group.index) < newBlocks) return false;
      assert(newBlocks > 0, 'a match leaves at least one token to compute');
    }
    if (this.stateSlots !== null && this.stateSlots.freeCount === 0) return false;
    for (const { index, pool, window } of this.groups) {
      const table = tableOf(sequence, index);
      const matched = defined(match.tables[index], 'a match has one table per group');
      table.firstIndex = matched.firstIndex;
      if (window !== null) pool.markMatch(matched.blocks);
      for (const block of matched.blocks) {
        pool.share(block);
        table.blocks.push(block);
      }
      append(table, pool, newBlocks);
    }
    sequence.stateSlot = this.stateSlots?.allocate() ?? null;
    sequence.computedTokens = match.blockCount * this.blockSize;
    sequence.publishedBlocks = match.blockCount;
    sequence.writableTo = (match.blockCount + newBlocks) * this.blockSize;
    return true;
  }

  /** Blocks of a group that can still be allocated after the match is shared. */
  availableBeside(match: PrefixMatch, groupIndex: number): number {
    const { pool } = this.#group(groupIndex);
    let idle = 0;
    for (const block of match.tables[groupIndex]?.blocks ?? []) if (pool.references(block) === 0) idle++;
    return pool.availableCount - idle;
  }

  /** Makes [computed, end) writable: allocates blocks for all of it, and copies the first block if it is shared. */
  grow(sequence: Sequence, end: number, transfers: Transfers): boolean {
    const partial = sequence.computedTokens % this.blockSize !== 0;
    const partialIndex = Math.floor(sequence.computedTokens / this.blockSize);
    const endBlock = blocksFor(end, this.blockSize);
    for (const { index, pool } of this.groups) {
      const table = tableOf(sequence, index);
      const copies = partial && pool.references(blockAt(table, partialIndex)) > 1 ? 1 : 0;
      if (pool.availableCount < endBlock - endIndex(table) + copies) return false;
    }
    for (const { index, pool } of this.groups) {
      const table = tableOf(sequence, index);
      if (partial) this.#makeWritable(table, partialIndex, index, transfers);
      append(table, pool, endBlock - endIndex(table));
    }
    sequence.writableTo = endBlock * this.blockSize;
    return true;
  }

  /**
   * Updates the tables after a step: `computed` tokens are in the cache. Releases unneeded blocks and publishes full
   * blocks.
   */
  settle(sequence: Sequence, computed: number): void {
    assert(computed <= sequence.length, 'a sequence cannot have computed tokens that are not known');
    sequence.computedTokens = computed;
    sequence.writableTo = Math.min(sequence.writableTo, blocksFor(computed, this.blockSize) * this.blockSize);
    const fullBlocks = Math.floor(computed / this.blockSize);
    const publishes = this.#prefixCaching && fullBlocks > sequence.publishedBlocks;
    if (publishes) this.#extendHashes(sequence, fullBlocks);
    for (const group of this.groups) {
      shrink(tableOf(sequence, group.index), group.pool, blocksFor(computed, this.blockSize));
      if (publishes) this.#publish(sequence, group.index, fullBlocks);
      if (group.window !== null) this.#slide(sequence, group, publishes);
    }
    sequence.publishedBlocks = fullBlocks;
  }

  /** `settle` after one more token: most tokens end no block and move no window. */
  settleDecode(sequence: Sequence): void {
    const computed = sequence.computedTokens + 1;
    if (this.hasWindows || computed % this.blockSize === 0) this.settle(sequence, computed);
    else sequence.computedTokens = computed;
  }

  /** True if the block of the next token has another owner too, so that writing copies it. */
  sharesPartialBlock(sequence: Sequence): boolean {
    const { computedTokens } = sequence;
    if (computedTokens < sequence.writableTo || computedTokens % this.blockSize === 0) return false;
    const place = Math.floor(computedTokens / this.blockSize);
    return this.groups.some(
      ({ index, pool }) => pool.references(blockAt(tableOf(sequence, index), place)) > 1,
    );
  }

  /**
   * Releases the blocks that the window has left. A later prompt continues from a whole block, so its window can start
   * one block earlier than this sequence's window: that block becomes a passed block with the next whole block.
   *
   *   full blocks      |    |    |    |    | computed
   *   read by a later prompt |<--- window --->|
   *   read by this sequence    |<--- window --->|
   */
  #slide(sequence: Sequence, { index, pool, window }: GroupMemory, publishes: boolean): void {
    const { computedTokens } = sequence;
    const table = tableOf(sequence, index);
    const { firstIndex } = table;
    const wholeTokens = computedTokens - (computedTokens % this.blockSize);
    const passedEnd = this.#prefixCaching ? firstLiveBlock(wholeTokens, window, this.blockSize) : 0;
    if (publishes && firstIndex > 0 && firstIndex <= passedEnd) {
      const earlier = pool.find(sequence.hashes, (firstIndex - 1) * hashWords);
      if (earlier !== null) pool.pass(earlier);
    }
    const gone = firstLiveBlock(computedTokens, window, this.blockSize) - firstIndex;
    if (gone <= 0) return;
    for (const [place, block] of [...table.blocks.splice(0, gone).entries()].reverse()) {
      if (firstIndex + place < passedEnd) pool.releasePassed(block);
      else pool.release(block);
    }
    table.firstIndex += gone;
  }

  /**
   * Drops computed tokens from `computed` on. Returns false if a window or a recurrent state has moved past the rest,
   * so that it cannot be continued: the caller then releases the sequence and computes it again.
   */
  rollback(sequence: Sequence, computed: number): boolean {
    if (computed >= sequence.computedTokens) return true;
    if (this.stateSlots !== null) return false;
    for (const { index, window } of this.groups) {
      if (firstLiveBlock(computed, window, this.blockSize) < tableOf(sequence, index).firstIndex)
        return false;
    }
    for (const { index, pool } of this.groups) {
      shrink(tableOf(sequence, index), pool, blocksFor(computed, this.blockSize));
    }
    sequence.computedTokens = computed;
    sequence.writableTo = 0;
    sequence.publishedBlocks = Math.min(sequence.publishedBlocks, Math.floor(computed / this.blockSize));
    return true;
  }

  /** Gives `child` everything that `parent` holds; the first writer into the shared last block gets a copy of it. */
  fork(parent: Sequence, child: Sequence, transfers: Transfers): boolean {
    if (this.stateSlots !== null) {
      const slot = this.stateSlots.allocate();
      if (slot === null) return false;
      child.stateSlot = slot;
      transfers.states.push({
        kind: 'fork',
        from: defined(parent.stateSlot, 'a running parent has a state'),
        to: slot,
      });
    }
    for (const { index, pool } of this.groups) {
      const from = tableOf(parent, index);
      const to = tableOf(child, index);
      to.firstIndex = from.firstIndex;
      for (const block of from.blocks) {
        pool.share(block);
        to.blocks.push(block);
      }
    }
    parent.writableTo = 0;
    child.computedTokens = parent.computedTokens;
    child.publishedBlocks = parent.publishedBlocks;
    return true;
  }

  /** Releases everything that a sequence holds. Its published blocks stay findable until their space is needed. */
  release(sequence: Sequence): void {
    const age = this.hasWindows ? randomAge(sequence.hashes) : null;
    for (const { index, pool } of this.groups) {
      const table = tableOf(sequence, index);
      const { firstIndex, blocks } = table;
      const end = endIndex(table);
      pool.releaseChain(blocks, (place, isReused) => age ?? (firstIndex + place) / end + (isReused ? 0 : 1));
      blocks.length = 0;
      table.firstIndex = 0;
    }
    if (sequence.stateSlot !== null) this.stateSlots?.release(sequence.stateSlot);
    sequence.stateSlot = null;
    sequence.computedTokens = 0;
    sequence.writableTo = 0;
    sequence.publishedBlocks = 0;
  }

  /** Hash chain of tokens that belong to no sequence, for pins and routers. */
  hashChain(prompt: ArrayLike<number> | CountedPrompt, extraKey: string): number[] {
    const chain: number[] = [];
    const { blockSize } = this;
    const blockCount = Math.floor(prompt.length / blockSize);
    const extraKeyOf = (index: number): string => (index === 0 ? keyOfPrompt(extraKey) : '');
    contentOf(prompt, noSequence).extendHashes(chain, this.#hasher, { blockCount, blockSize, extraKeyOf });
    return chain;
  }

  #extendHashes(sequence: Sequence, blockCount: number): void {
    const { hashes, content } = sequence;
    if (hashes.length >= blockCount * hashWords) return;
    const { blockSize } = this;
    const extraKeyOf = (index: number): string => sequence.extraKeyOf(index, blockSize);
    content.extendHashes(hashes, this.#hasher, { blockCount, blockSize, extraKeyOf });
  }

  #publish(sequence: Sequence, groupIndex: number, fullBlocks: number): void {
    const { pool } = this.#group(groupIndex);
    const table = tableOf(sequence, groupIndex);
    for (let depth = Math.max(sequence.publishedBlocks, table.firstIndex); depth < fullBlocks; depth++) {
      const own = blockAt(table, depth);
      const published = pool.publish(own, sequence.hashes, depth);
      table.blocks[depth - table.firstIndex] = published;
      if (published === own) this.#metrics.publishedBlocks++;
      else this.#metrics.duplicateBlocks++;
    }
  }

  #makeWritable(table: BlockTable, blockIndex: number, group: number, transfers: Transfers): void {
    const { pool } = this.#group(group);
    const shared = blockAt(table, blockIndex);
    if (pool.references(shared) === 1) {
      if (pool.isPublished(shared)) pool.unpublish(shared);
      return;
    }
    const own = defined(pool.allocate(), 'blocks were counted before they were taken');
    table.blocks[blockIndex - table.firstIndex] = own;
    pool.release(shared);
    transfers.blocks.push({ kind: 'copy-on-write', group, from: shared, to: own });
    this.#metrics.copyOnWriteBlocks++;
  }

  #group(index: number): GroupMemory {
    return defined(this.groups[index], 'there is no such cache group');
  }
}

/**
 * Ages in the order of eviction. Under plain LRU, sessions that take turns and do not all fit are evicted one and all,
 * each just before its turn. So the blocks of a chain get ages from 0 to 1 from its beginning to its end, and every
 * session keeps a beginning; blocks that no later prompt has used yet are older by 1, and push out each other first.
 *
 * A window is useful only as a whole, and only with all earlier blocks of the other groups. With windows, all blocks of
 * a sequence get one age from 0 to 4 that is as good as random, so that some sessions keep everything.
 */
function randomAge(hashes: readonly number[]): number {
  return ((hashes.at(-1) ?? 0) >>> 0) / 2 ** 30;
}

export function tableOf(sequence: Sequence, groupIndex: number): BlockTable {
  return defined(sequence.tables[groupIndex], 'a sequence has a table for every cache group');
}

/** One past the index of the last block. */
export function endIndex(table: BlockTable): number {
  return table.firstIndex + table.blocks.length;
}

export function append(table: BlockTable, pool: BlockPool, count: number): void {
  for (let added = 0; added < count; added++) {
    table.blocks.push(defined(pool.allocate(), 'blocks were counted before they were taken'));
  }
}

function blockAt(table: BlockTable, index: number): BlockTable['blocks'][number] {
  return defined(table.blocks[index - table.firstIndex], 'the block lies outside the table');
}

/** Releases blocks from the tail on, until the table ends at `end`. */
function shrink(table: BlockTable, pool: BlockPool, end: number): void {
  while (endIndex(table) > end)
    pool.release(defined(table.blocks.pop(), 'a table with an end has a last block'));
}
