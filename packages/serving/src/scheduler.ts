/**
 * The serving core: requests in, plans out, results back in. It has no clock, no tensors and no I/O; an engine drives it
 * with real time and kernels, a simulator with virtual time and a cost model, and both see the same decisions.
 *
 *   submit -> [waiting] -> step(now) -> Plan -> (the engine computes) -> commit(results) -> finished, forked
 *
 * One step is in flight at a time. Submitting and aborting are allowed while it is; forking and rolling back are not.
 */
import { assert, defined, PlimsollError, type Seconds } from '@plimsoll/foundation';
import { checkRequest, peakBlocksOf } from './admission.ts';
import { type CheckedConfig, checkConfig, type ServingConfig } from './config.ts';
import { blockId, type PinId, type SequenceId, sequenceId } from './ids.ts';
import { checkCoreIntegrity } from './integrity.ts';
import { type ServingMetrics, zeroMetrics } from './metrics.ts';
import { type Pin, PinnedPrefixes } from './pins.ts';
import type { CommitOutcome, ForkResult, Plan, StepResult } from './plan.ts';
import { rankOf } from './policies.ts';
import {
  type LoadedBlock,
  loadPrefixCache,
  type PrefixCacheIdentity,
  savePrefixCache,
} from './prefix-cache-file.ts';
import { RunningList, WaitingQueue } from './queues.ts';
import { type FinishReason, Sequence, type SequenceView, type ServingRequest } from './sequence.ts';
import { SequenceMemory } from './sequence-memory.ts';
import { HostSpill } from './spill.ts';
import { type ServingCore, type StepPlan, StepPlanner } from './step-planner.ts';
import { noTransfers, type Transfers } from './transfers.ts';

/** How full a cache group is, in blocks. The first three add up to the group's block count. */
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

const noTokens: readonly number[] = [];

/** What one block is doing, for a view of the pool. */
export interface BlockView {
  /** Sequences and pins that hold it; 0 when it is free or cached. */
  readonly owners: number;
  /** True when it can be found by its content. */
  readonly published: boolean;
}

interface Outcome extends CommitOutcome {
  readonly finished: { sequence: SequenceView; reason: FinishReason }[];
  readonly forked: { parent: SequenceId; child: SequenceView }[];
}

export class Scheduler {
  readonly config: CheckedConfig;
  readonly #core: ServingCore;
  readonly #pins: PinnedPrefixes;
  readonly #sequences = new Map<SequenceId, Sequence>();
  /** Transfers that forks between steps have asked for; the next plan carries them. */
  #transfers: Transfers = noTransfers();
  #inFlight: StepPlan | null = null;
  #nextId = 0;

  constructor(config: ServingConfig) {
    this.config = checkConfig(config);
    const metrics = zeroMetrics();
    const memory = new SequenceMemory(this.config, metrics);
    const host = new HostSpill(memory, metrics);
    const [waiting, running] = [new WaitingQueue(), new RunningList()];
    this.#core = { config: this.config, memory, host, waiting, running, metrics };
    this.#pins = new PinnedPrefixes(memory);
  }

  /** A snapshot. */
  get metrics(): Readonly<ServingMetrics> {
    let evictions = 0;
    for (const { pool } of this.#core.memory.groups) evictions += pool.evictions;
    return { ...this.#core.metrics, evictions };
  }

  get waitingCount(): number {
    return this.#core.waiting.length;
  }

  get runningCount(): number {
    return this.#core.running.length;
  }

  get occupancy(): readonly GroupOccupancy[] {
    return this.#core.memory.groups.map(({ name, pool, host }, group) => ({
      name,
      free: pool.freeCount,
      cached: pool.cachedCount,
      owned: pool.ownedCount,
      pinned: this.#pins.pinnedCount(group),
      hostOwned: host.ownedCount,
      evictions: pool.evictions,
    }));
  }

  /** Every block of a group, by id. */
  blocks(group: number): readonly BlockView[] {
    const { pool } = defined(this.#core.memory.groups[group], `there is no cache group ${group}`);
    return Array.from({ length: pool.blockCount }, (_, index) => {
      const block = blockId(index);
      return { owners: pool.references(block), published: pool.isPublished(block) };
    });
  }

  /** Tokens of this prompt that the cache would serve now: what a router asks each replica. Changes nothing. */
  cachedTokens(prompt: ArrayLike<number>, extraKey = ''): number {
    if (!this.config.prefixCaching) return 0;
    const { match } = this.#pins.find(prompt, extraKey, prompt.length - 1);
    return match.blockCount * this.config.blockSize;
  }

  /** A live sequence, or undefined: finished ones are forgotten. */
  sequence(id: SequenceId): SequenceView | undefined {
    return this.#sequences.get(id);
  }

  /** Queues a request; throws a PlimsollError when it could never be served. */
  submit(request: ServingRequest, now: Seconds): SequenceView {
    try {
      checkRequest(request, this.config, this.#pinnedCounts());
    } catch (error) {
      this.#core.metrics.refused++;
      throw error;
    }
    const sequence = new Sequence({
      id: sequenceId(this.#nextId++),
      request,
      rank: rankOf(request, this.config.policy, now),
      submittedAt: now,
      groupCount: this.config.groups.length,
    });
    this.#sequences.set(sequence.id, sequence);
    this.#core.waiting.push(sequence);
    this.#core.metrics.submitted++;
    return sequence;
  }

  /** Decides what the next step computes, and reserves the memory for it. */
  step(now: Seconds): Plan {
    assert(this.#inFlight === null, 'the last step has not been committed');
    const plan = new StepPlanner(this.#core, this.#transfers).plan(this.#core.metrics.steps, now);
    this.#transfers = noTransfers();
    this.#core.metrics.steps++;
    this.#inFlight = plan;
    return plan;
  }

  /**
   * Fills the places for drafts of an entry of the step in flight: all that were planned. Drafting this late needs no
   * guess about which drafts get a place, and their keys and values have one already.
   */
  propose(id: SequenceId, drafts: readonly number[]): void {
    const plan = defined(this.#inFlight, 'there is no step in flight');
    const entry = plan.entries.find(({ sequence }) => sequence.id === id);
    const { sequence, draftCount } = defined(entry, `sequence ${id} is not in the step`);
    assert(sequence.awaitsDrafts, `sequence ${id} asked for no places`);
    assert(drafts.length === draftCount, `${drafts.length} drafts for ${draftCount} places`);
    sequence.drafts = drafts;
    sequence.awaitsDrafts = false;
  }

  /**
   * Takes the results of the step in flight: one for each entry that samples, in the plan's order. A result for a
   * sequence that was aborted since may be left out, and is not looked at.
   */
  commit(results: readonly StepResult[]): CommitOutcome {
    const plan = defined(this.#inFlight, 'there is no step to commit');
    this.#inFlight = null;
    const outcome: Outcome = { finished: [], forked: [] };
    let taken = 0;
    for (const { sequence, start, count, draftCount, samples } of plan.entries) {
      const next = results[taken];
      const result = next?.sequenceId === sequence.id ? next : undefined;
      if (result !== undefined) taken++;
      if (sequence.state === 'finished') continue;
      if (samples !== (result !== undefined)) {
        assert(
          false,
          `sequence ${sequence.id} ${samples ? 'samples: its result is missing or out of order' : 'samples nothing'}`,
        );
      }
      sequence.scheduledTokens = 0;
      if (result === undefined) this.#core.memory.settle(sequence, start + count);
      else this.#take(sequence, result, draftCount, outcome);
    }
    assert(taken === results.length, `${results.length} results for a step that takes ${taken}`);
    return outcome;
  }

  /** Ends a live sequence and frees what it holds, also while a step is in flight. */
  abort(id: SequenceId): void {
    const sequence = this.#live(id);
    sequence.scheduledTokens = 0;
    this.#finish(sequence, 'aborted');
  }

  /**
   * Splits a live sequence in two with the same tokens. They share all blocks until they differ. When there is no place
   * for the child beside its parent it waits, without blocks, and finds the shared prefix in the cache later.
   */
  fork(id: SequenceId): SequenceView {
    assert(this.#inFlight === null, 'a sequence cannot fork while a step is in flight');
    return this.#fork(this.#live(id));
  }

  /** Drops the known tokens from `newLength` on; the last one kept is computed again, for its logits. */
  rollback(id: SequenceId, newLength: number): void {
    assert(this.#inFlight === null, 'a sequence cannot roll back while a step is in flight');
    const sequence = this.#live(id);
    const known = sequence.tokens.length;
    assert(newLength >= 1 && newLength <= known, `a rollback of ${known} tokens to ${newLength}`);
    const { memory, host, running, waiting, metrics } = this.#core;
    sequence.tokens.length = newLength;
    const fullBlocks = Math.floor(newLength / this.config.blockSize);
    sequence.hashes.length = Math.min(sequence.hashes.length, fullBlocks * 4);
    sequence.drafts = [];
    const target = newLength - 1;
    if ((sequence.spilled?.computedTokens ?? 0) > target) host.drop(sequence);
    if (!sequence.isRunning) return;
    metrics.discardedTokens += Math.max(0, sequence.computedTokens - target);
    if (memory.rollback(sequence, target)) return;
    metrics.discardedTokens += target;
    running.remove(sequence);
    memory.release(sequence);
    sequence.become('preempted');
    waiting.push(sequence);
  }

  /**
   * Keeps the cached leading blocks of these tokens until they are unpinned. null when nothing of them is cached now;
   * a PlimsollError when a live sequence could then never be finished.
   */
  pinPrefix(tokens: ArrayLike<number>, extraKey = ''): Pin | null {
    const { match, pinnedCounts } = this.#pins.find(tokens, extraKey, tokens.length);
    if (match.blockCount === 0) return null;
    for (const sequence of this.#sequences.values()) {
      for (const [group, { name, blockCount }] of this.config.groups.entries()) {
        const need = peakBlocksOf(this.config, group, sequence.lengthMax);
        const pinned = pinnedCounts[group] ?? 0;
        if (need + pinned <= blockCount) continue;
        throw new PlimsollError({
          code: 'pin-too-large',
          message: `${pinned} pinned blocks in group ${name} leave ${blockCount - pinned}; sequence ${sequence.id} may need ${need}`,
          value: pinned,
          limit: blockCount - need,
          hint: 'pin a shorter prefix, or unpin another one first',
        });
      }
    }
    return this.#pins.add(match);
  }

  unpin(id: PinId): void {
    this.#pins.remove(id);
  }

  /** The prefix cache's index as bytes, to be stored beside the blocks' content. */
  savePrefixCache(identity: PrefixCacheIdentity): Uint8Array {
    return savePrefixCache(this.#core.memory, identity);
  }

  /**
   * Takes over a saved index into an unused scheduler and says which saved block's content belongs into which block.
   * Throws a PlimsollError, and changes nothing, when the bytes are torn or belong to another model, format or block size.
   */
  loadPrefixCache(saved: Uint8Array, identity: PrefixCacheIdentity): readonly LoadedBlock[] {
    assert(this.#sequences.size === 0, 'a prefix cache is loaded before the first request');
    return loadPrefixCache(this.#core.memory, saved, identity);
  }

  /** Recounts every resource from its owners, and throws when anything does not add up. */
  checkIntegrity(): void {
    checkCoreIntegrity(this.#core, this.#pins, this.#sequences);
  }

  #take(sequence: Sequence, result: StepResult, draftCount: number, outcome: Outcome): void {
    const { memory, metrics } = this.#core;
    const accepted = result.tokens.length - 1;
    if (accepted < 0 || accepted > draftCount)
      assert(false, `${accepted + 1} tokens for ${draftCount} drafts`);
    for (let index = 0; index < accepted; index++) {
      const same = result.tokens[index] === sequence.drafts[index];
      assert(same, 'a draft is accepted as another token');
    }
    assert(draftCount === 0 || !sequence.awaitsDrafts, 'places for drafts were left open');
    metrics.acceptedTokens += accepted;
    const children: { child: Sequence; fork: ForkResult }[] = [];
    if (result.forks !== undefined && result.forks.length > 0) {
      assert(draftCount === 0, 'a sequence cannot fork in the step that verifies its drafts');
      memory.settle(sequence, sequence.tokens.length);
      for (const fork of result.forks) children.push({ child: this.#fork(sequence), fork });
    }
    const { drafts, draftPlaces } = result;
    assert(drafts === undefined || draftPlaces === undefined, 'drafts, or places for them');
    this.#append(sequence, result.tokens, drafts ?? new Array<number>(draftPlaces ?? 0).fill(0));
    sequence.awaitsDrafts = sequence.drafts.length > 0 && drafts === undefined;
    this.#finishIfDone(sequence, result.finished, outcome);
    for (const { child, fork } of children) {
      outcome.forked.push({ parent: sequence.id, child });
      this.#append(child, [fork.token], noTokens);
      this.#finishIfDone(child, fork.finished, outcome);
    }
  }

  #append(sequence: Sequence, sampled: readonly number[], drafts: readonly number[]): void {
    const { memory, metrics } = this.#core;
    // Drafts are kept below what is left of the limit, so what is accepted of them cannot pass it.
    assert(sampled.length <= sequence.lengthMax - sequence.tokens.length, 'a sequence grows past its limit');
    for (const token of sampled) sequence.tokens.push(token);
    metrics.outputTokens += sampled.length;
    assert(drafts.length === 0 || memory.stateSlots === null, 'a recurrent state cannot take drafts back');
    const draftsMax = Math.max(0, sequence.lengthMax - sequence.tokens.length - 1);
    sequence.drafts = drafts.length > draftsMax ? drafts.slice(0, draftsMax) : drafts;
    if (!sequence.isRunning) return;
    memory.settle(sequence, sequence.tokens.length - 1);
    if (sequence.state === 'prefilling') sequence.become('decoding');
  }

  #finishIfDone(sequence: Sequence, finished: 'stop' | undefined, outcome: Outcome): void {
    const full = sequence.tokens.length >= sequence.lengthMax;
    if (finished === undefined && !full) return;
    const reason = finished ?? 'length';
    this.#finish(sequence, reason);
    outcome.finished.push({ sequence, reason });
  }

  #finish(sequence: Sequence, reason: FinishReason): void {
    const { memory, host, running, waiting, metrics } = this.#core;
    if (sequence.isRunning) {
      running.remove(sequence);
      memory.release(sequence);
    } else {
      waiting.remove(sequence);
      host.drop(sequence);
    }
    sequence.finishReason = reason;
    sequence.become('finished');
    this.#sequences.delete(sequence.id);
    if (reason === 'aborted') metrics.aborted++;
    else metrics.finished++;
  }

  #fork(parent: Sequence): Sequence {
    const { memory, running, waiting, metrics } = this.#core;
    const child = parent.copy(sequenceId(this.#nextId++));
    this.#sequences.set(child.id, child);
    metrics.forks++;
    const placed =
      parent.isRunning &&
      running.length < this.config.runningMax &&
      memory.fork(parent, child, this.#transfers);
    if (!placed) {
      waiting.push(child);
      return child;
    }
    child.admittedAt = parent.admittedAt;
    child.become('prefilling');
    if (parent.state === 'decoding') child.become('decoding');
    running.add(child);
    return child;
  }

  #live(id: SequenceId): Sequence {
    return defined(this.#sequences.get(id), `there is no live sequence ${id}`);
  }

  #pinnedCounts(): number[] {
    return this.config.groups.map((_, group) => this.#pins.pinnedCount(group));
  }
}
