/**
 * Moves the blocks of a preempted sequence to host memory and back. Whole blocks are copied, also shared blocks: their
 * other owners keep them. Cheaper than recomputing if the link is faster than prefill; the policy decides.
 */
import { assert, defined } from '@plimsoll/foundation';
import { blocksFor } from './geometry.ts';
import type { ServingMetrics } from './metrics.ts';
import type { BlockTable, Sequence } from './sequence.ts';
import { append, endIndex, type SequenceMemory, tableOf } from './sequence-memory.ts';
import type { Transfers } from './transfers.ts';

export class HostSpill {
  readonly #memory: SequenceMemory;
  readonly #metrics: ServingMetrics;

  constructor(memory: SequenceMemory, metrics: ServingMetrics) {
    this.#memory = memory;
    this.#metrics = metrics;
  }

  /** Moves a running sequence's memory to the host. Returns false and changes nothing if the host has no room. */
  spill(sequence: Sequence, transfers: Transfers): boolean {
    const { groups, hostStateSlots } = this.#memory;
    assert(sequence.spilled === null, `sequence ${sequence.id} is spilled already`);
    if (groups.some(({ host }, index) => host.availableCount < tableOf(sequence, index).blocks.length))
      return false;
    if (hostStateSlots !== null && hostStateSlots.freeCount === 0) return false;
    const tables = groups.map(({ host }, group): BlockTable => {
      const table = tableOf(sequence, group);
      const spilled: BlockTable = { firstIndex: table.firstIndex, blocks: [] };
      append(spilled, host, table.blocks.length);
      for (const [index, from] of table.blocks.entries()) {
        const to = defined(spilled.blocks[index], 'one host block per device block');
        transfers.blocks.push({ kind: 'spill', group, from, to });
        this.#metrics.spilledBlocks++;
      }
      return spilled;
    });
    const stateSlot = hostStateSlots?.allocate() ?? null;
    if (stateSlot !== null) {
      const from = defined(sequence.stateSlot, 'a running sequence has a state');
      transfers.states.push({ kind: 'spill', from, to: stateSlot });
    }
    sequence.spilled = { computedTokens: sequence.computedTokens, tables, stateSlot };
    this.#memory.release(sequence);
    this.#metrics.spills++;
    return true;
  }

  /** Restores a spilled sequence, with blocks up to token `end`. Returns false if there is no room now. */
  restore(sequence: Sequence, end: number, transfers: Transfers): boolean {
    const { groups, stateSlots, blockSize } = this.#memory;
    const spilled = defined(sequence.spilled, `sequence ${sequence.id} is not spilled`);
    const needs = spilled.tables.map((table) => blocksFor(end, blockSize) - table.firstIndex);
    if (groups.some(({ pool }, index) => pool.availableCount < (needs[index] ?? 0))) return false;
    if (stateSlots !== null && stateSlots.freeCount === 0) return false;
    for (const [group, { pool }] of groups.entries()) {
      const table = tableOf(sequence, group);
      const from = defined(spilled.tables[group], 'one spilled table per group');
      table.firstIndex = from.firstIndex;
      append(table, pool, blocksFor(end, blockSize) - endIndex(table));
      for (const [index, block] of from.blocks.entries()) {
        const to = defined(table.blocks[index], 'one device block per host block');
        transfers.blocks.push({ kind: 'restore', group, from: block, to });
        this.#metrics.restoredBlocks++;
      }
    }
    sequence.stateSlot = stateSlots?.allocate() ?? null;
    if (sequence.stateSlot !== null) {
      const from = defined(spilled.stateSlot, 'a spilled state');
      transfers.states.push({ kind: 'restore', from, to: sequence.stateSlot });
    }
    sequence.computedTokens = spilled.computedTokens;
    this.drop(sequence);
    return true;
  }

  /** Drops the sequence's host blocks, if any. */
  drop(sequence: Sequence): void {
    const { spilled } = sequence;
    if (spilled === null) return;
    for (const [group, { host }] of this.#memory.groups.entries()) {
      for (const block of [...(spilled.tables[group]?.blocks ?? [])].reverse()) host.release(block);
    }
    if (spilled.stateSlot !== null) this.#memory.hostStateSlots?.release(spilled.stateSlot);
    sequence.spilled = null;
  }
}
