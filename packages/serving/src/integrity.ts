/**
 * Recounts the serving core from its owners: the blocks that sequences and pins hold must match the pools' counts
 * exactly.
 */
import { assert } from '@plimsoll/foundation';
import { blocksFor, firstLiveBlock } from './geometry.ts';
import type { SequenceId, StateSlotId } from './ids.ts';
import type { PinnedPrefixes } from './pins.ts';
import type { Sequence } from './sequence.ts';
import { endIndex, tableOf } from './sequence-memory.ts';
import type { ServingCore } from './serving-core.ts';

export function checkCoreIntegrity(
  core: ServingCore,
  pins: PinnedPrefixes,
  sequences: ReadonlyMap<SequenceId, Sequence>,
): void {
  const { memory, waiting, running, parked, sending, config } = core;
  waiting.checkIntegrity();
  running.checkIntegrity();
  const placeCount = waiting.length + running.length + parked.size + sending.size;
  assert(placeCount === sequences.size, 'a live sequence is in no queue or in two');
  assert(running.length <= config.runningMax, `${running.length} sequences run, ${config.runningMax} may`);
  for (const sequence of waiting) {
    checkWaiting(sequence, sequences);
    assert(!sequence.isPaused, `paused sequence ${sequence.id} waits in the queue`);
  }
  for (const sequence of parked) {
    checkWaiting(sequence, sequences);
    assert(sequence.isPaused, `sequence ${sequence.id} is parked and was not paused`);
  }
  for (const sequence of running) checkRunning(core, sequence, sequences);
  for (const sequence of sending) checkSending(core, sequence, sequences);
  for (const [group, { pool, host }] of memory.groups.entries()) {
    const owners = new Int32Array(pool.blockCount);
    const hostOwners = new Int32Array(host.blockCount);
    pins.recount(group, owners);
    for (const sequence of sequences.values()) {
      for (const block of tableOf(sequence, group).blocks) owners[block] = (owners[block] ?? 0) + 1;
      for (const block of sequence.spilled?.tables[group]?.blocks ?? []) {
        hostOwners[block] = (hostOwners[block] ?? 0) + 1;
      }
    }
    pool.checkIntegrity(owners);
    host.checkIntegrity(hostOwners);
  }
  const slots: StateSlotId[] = [];
  const hostSlots: StateSlotId[] = [];
  for (const { stateSlot, spilled } of sequences.values()) {
    if (stateSlot !== null) slots.push(stateSlot);
    if (spilled !== null && spilled.stateSlot !== null) hostSlots.push(spilled.stateSlot);
  }
  memory.stateSlots?.checkIntegrity(slots);
  memory.hostStateSlots?.checkIntegrity(hostSlots);
}

function checkWaiting(sequence: Sequence, sequences: ReadonlyMap<SequenceId, Sequence>): void {
  const name = `waiting sequence ${sequence.id}`;
  assert(sequences.get(sequence.id) === sequence, `${name} is not among the live ones`);
  assert(sequence.state === 'waiting' || sequence.state === 'preempted', `${name} is ${sequence.state}`);
  assert(sequence.computedTokens === 0 && sequence.stateSlot === null, `${name} holds device memory`);
  assert(
    sequence.tables.every((table) => endIndex(table) === 0),
    `${name} holds blocks`,
  );
  assert(sequence.scheduledTokens === 0, `${name} is in the step in flight`);
}

function checkRunning(
  core: ServingCore,
  sequence: Sequence,
  sequences: ReadonlyMap<SequenceId, Sequence>,
): void {
  const { memory } = core;
  const { scheduledTokens, length } = sequence;
  const receives = sequence.state === 'receiving';
  const computedTokens = receives ? sequence.receivesTo : sequence.computedTokens;
  const name = `running sequence ${sequence.id}`;
  assert(sequences.get(sequence.id) === sequence, `${name} is not among the live ones`);
  assert(sequence.isRunning && sequence.spilled === null, `${name} is ${sequence.state}`);
  assert(computedTokens < length && length < sequence.lengthMax, `${name} has nothing left to do`);
  assert(
    sequence.state !== 'decoding' || length - computedTokens === 1,
    `${name} decodes more than one token`,
  );
  assert(!receives || scheduledTokens === 0, `${name} receives and is in the step in flight`);
  assert((memory.stateSlots === null) === (sequence.stateSlot === null), `${name} and its state slot`);
  checkTables(core, sequence, { name, computedTokens, end: computedTokens + scheduledTokens });
}

function checkSending(
  core: ServingCore,
  sequence: Sequence,
  sequences: ReadonlyMap<SequenceId, Sequence>,
): void {
  const { computedTokens, length, scheduledTokens, state } = sequence;
  const name = `sending sequence ${sequence.id}`;
  assert(sequences.get(sequence.id) === sequence && state === 'sending', `${name} is ${state}`);
  assert(computedTokens === length - 1 && scheduledTokens === 0, `${name} has tokens left to compute`);
  checkTables(core, sequence, { name, computedTokens, end: computedTokens });
}

interface ExpectedTables {
  readonly name: string;
  readonly computedTokens: number;
  /** Token at which the tables end. */
  readonly end: number;
}

function checkTables(
  { memory, config }: ServingCore,
  sequence: Sequence,
  { name, computedTokens, end: endToken }: ExpectedTables,
): void {
  for (const [group, { pool, window }] of memory.groups.entries()) {
    const table = tableOf(sequence, group);
    const end = blocksFor(endToken, config.blockSize);
    assert(
      endIndex(table) === end,
      `${name}: its table ends at block ${endIndex(table)}, its tokens at ${end}`,
    );
    const live = firstLiveBlock(computedTokens, window, config.blockSize);
    assert(
      table.firstIndex === live,
      `${name}: its table starts at block ${table.firstIndex}, its window at ${live}`,
    );
    const { writableTo } = sequence;
    assert(writableTo <= end * config.blockSize, `${name}: it may write beyond its table`);
    for (
      let index = Math.floor(computedTokens / config.blockSize);
      index * config.blockSize < writableTo;
      index++
    ) {
      const block = table.blocks[index - table.firstIndex];
      const isOwn = block !== undefined && pool.references(block) === 1 && !pool.isPublished(block);
      assert(isOwn, `${name}: it may not write block ${index}`);
    }
    if (!config.prefixCaching) continue;
    for (let index = table.firstIndex; index < sequence.publishedBlocks; index++) {
      const found = pool.find(sequence.hashes, index * 4);
      assert(
        found === table.blocks[index - table.firstIndex],
        `${name}: published block ${index} is not found`,
      );
    }
  }
}
