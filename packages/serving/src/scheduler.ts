/**
 * The serving core: requests in, plans out, results back in. It has no clock, no tensors and no I/O; an engine drives it
 * with real time and kernels, a simulator with virtual time and a cost model, and both see the same decisions.
 *
 *   submit -> [waiting] -> step(now) -> StepPlan -> (the engine computes) -> commit(results, now) -> finished, forked
 *                                                                      \--> abandon()            -> computed again
 *
 * One step is in flight at a time. Meanwhile a caller may submit, abort, pause and resume, but not fork or roll back.
 */
import { assert, defined, PlimsollError, type Seconds } from '@plimsoll/foundation';
import { checkQueue, checkRequest, peakBlocksOf } from './admission.ts';
import type { PublishedBlock } from './block-pool.ts';
import { type CheckedConfig, checkConfig, type ServingConfig } from './config.ts';
import type { CountedPrompt } from './content.ts';
import type { PinId, SequenceId } from './ids.ts';
import { checkCoreIntegrity } from './integrity.ts';
import { Lifecycle, type Outcome } from './lifecycle.ts';
import { type ServingMetrics, zeroMetrics } from './metrics.ts';
import { type BlockView, blockViews, type GroupOccupancy, occupancyOf } from './occupancy.ts';
import { OutputLengths } from './output-lengths.ts';
import { type Pin, PinnedPrefixes } from './pins.ts';
import type { CommitOutcome, CountedResult, PlanEntry, StepPlan, StepResult } from './plan.ts';
import {
  type LoadedBlock,
  type LoadedBlocks,
  loadPrefixCache,
  type PrefixCacheIdentity,
  savePrefixCache,
} from './prefix-cache-file.ts';
import { RunningList, WaitingQueue } from './queues.ts';
import { QuietAdvance, quietSteps } from './quiet-steps.ts';
import type { Sequence, SequenceView, ServingRequest } from './sequence.ts';
import { SequenceMemory } from './sequence-memory.ts';
import type { ServingCore } from './serving-core.ts';
import { HostSpill } from './spill.ts';
import type { PlannedEntry } from './step-entries.ts';
import { type PlannedStep, StepPlanner } from './step-planner.ts';

export class Scheduler {
  readonly config: CheckedConfig;
  readonly #core: ServingCore;
  readonly #pins: PinnedPrefixes;
  readonly #life: Lifecycle;
  readonly #quiet: QuietAdvance;
  #inFlight: PlannedStep | null = null;
  /** Entries that the next step may write again. */
  #spareEntries: PlannedEntry[] = [];
  /** No waiting request passes its limit before this time. */
  #expiryAt = Infinity;

  constructor(config: ServingConfig) {
    this.config = checkConfig(config);
    const metrics = zeroMetrics();
    const memory = new SequenceMemory(this.config, metrics);
    const host = new HostSpill(memory, metrics);
    const [waiting, running] = [new WaitingQueue(), new RunningList()];
    const [parked, sending] = [new Set<Sequence>(), new Set<Sequence>()];
    const [rule, lengths] = [this.config.policy.rule(), new OutputLengths()];
    const sets = { waiting, running, parked, sending };
    this.#core = { config: this.config, memory, host, ...sets, metrics, rule, lengths };
    this.#life = new Lifecycle(this.#core);
    this.#quiet = new QuietAdvance(this.#core);
    this.#pins = new PinnedPrefixes(memory);
  }

  /** A snapshot of the counters. */
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

  get liveCount(): number {
    return this.#life.sequences.size;
  }

  get hasStepInFlight(): boolean {
    return this.#inFlight !== null;
  }

  /** Sequences that were paused, with and without memory. */
  get pausedCount(): number {
    const { running, parked } = this.#core;
    return parked.size + running.pausedCount;
  }

  /**
   * True if a step would have nothing to do: no sequence waits, and every running sequence is paused or receives. If
   * all memory waits for a transport, a step may be empty although a sequence waits.
   */
  get isIdle(): boolean {
    const { running, waiting } = this.#core;
    return waiting.length === 0 && !running.hasActive;
  }

  get occupancy(): readonly GroupOccupancy[] {
    return occupancyOf(this.#core.memory, this.#pins);
  }

  /** Every block of a group, by id. */
  blocks(group: number): readonly BlockView[] {
    return blockViews(this.#core.memory, group);
  }

  /**
   * Number of tokens of this prompt that the cache would serve now: a router compares it across replicas. Changes
   * nothing.
   */
  cachedTokens(prompt: ArrayLike<number> | CountedPrompt, extraKey = ''): number {
    if (!this.config.prefixCaching) return 0;
    const { match } = this.#pins.find(prompt, extraKey, prompt.length - 1);
    return match.blockCount * this.config.blockSize;
  }

  /** Every live sequence, in order of submission. */
  get sequences(): Iterable<SequenceView> {
    return this.#life.sequences.values();
  }

  /** A live sequence, or undefined: finished ones are forgotten. */
  sequence(id: SequenceId): SequenceView | undefined {
    return this.#life.sequences.get(id);
  }

  /** Queues a request; throws a PlimsollError when it could never be served. */
  submit(request: ServingRequest, now: Seconds): SequenceView {
    const { metrics } = this.#core;
    try {
      checkRequest(request, this.config, this.#pinnedCounts());
      if (request.continues !== true) checkQueue(request.prompt.length, this.config, this.#core.waiting);
    } catch (error) {
      metrics.refused++;
      throw error;
    }
    this.#expiryAt = Math.min(this.#expiryAt, now + this.config.queueSecondsMax);
    return this.#life.submit(request, now);
  }

  /**
   * Decides what the next step computes, and reserves the memory for it. `prefillRate`: prompt tokens per second that
   * the caller measured in recent steps; it limits the prompt tokens of a step that also decodes. Default: no limit.
   */
  step(now: Seconds, prefillRate = Infinity): StepPlan {
    assert(this.#inFlight === null, 'the last step has not been committed');
    const expired = now > this.#expiryAt ? this.#expire(now) : [];
    const planner = new StepPlanner(this.#core, this.#life, prefillRate, this.#spareEntries);
    this.#spareEntries = [];
    const plan = { ...planner.plan(this.#core.metrics.steps, now), expired };
    this.#core.metrics.steps++;
    this.#inFlight = plan;
    return plan;
  }

  /**
   * Fills all planned draft places of an entry of the step in flight. Late drafting need not guess which drafts get a
   * place, and blocks for their keys and values are already reserved.
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
   * Abandons the step in flight, however much of it was computed: every sequence in it is preempted and computed again
   * later. Blocks that the step moved to or from host memory are dropped, because the move may not have happened.
   */
  abandon(): void {
    const plan = defined(this.#inFlight, 'there is no step to abandon');
    const { host, metrics } = this.#core;
    this.#inFlight = null;
    metrics.abandonedSteps++;
    for (const sequence of plan.preempted) host.drop(sequence);
    const states = new Set(plan.stateTransfers.map(({ to }) => to));
    for (const { sequence } of plan.entries) sequence.scheduledTokens = 0;
    // A fork outside the step may still wait for its copy of the state.
    const copied = [...this.#core.running].filter(
      ({ stateSlot, state }) => stateSlot !== null && states.has(stateSlot) && state !== 'receiving',
    );
    for (const sequence of new Set([...plan.entries.map((entry) => entry.sequence), ...copied])) {
      if (!sequence.isRunning) continue;
      sequence.preemptionCount++;
      metrics.preemptions++;
      this.#life.giveWay(sequence);
    }
  }

  /** Excludes a live sequence from the next steps, for a reader that is too slow. A paused sequence is preempted first. */
  pause(id: SequenceId): void {
    this.#life.pause(this.#life.live(id));
  }

  resume(id: SequenceId): void {
    this.#life.resume(this.#life.live(id));
  }

  /**
   * Applies the results of the step in flight: one for each entry that samples, in the plan's order. A result for a
   * sequence that has been aborted meanwhile may be omitted; `commit` ignores it.
   */
  commit(results: readonly StepResult[], now: Seconds): CommitOutcome {
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
      else this.#life.take(sequence, result, draftCount, { outcome, now });
    }
    assert(taken === results.length, `${results.length} results for a step that takes ${taken}`);
    return outcome;
  }

  /**
   * Applies the step in flight for sequences whose content has no tokens: every entry that samples gets one token, and
   * the drafts that `resultOf` accepts. A sequence ends at its limit of output tokens. The plan's entries are valid until
   * the next step.
   */
  commitCounted(now: Seconds, resultOf?: (entry: PlanEntry) => CountedResult): CommitOutcome {
    const plan = defined(this.#inFlight, 'there is no step to commit');
    this.#inFlight = null;
    const outcome: Outcome = { finished: [], forked: [] };
    for (const entry of plan.entries) {
      const { sequence } = entry;
      if (sequence.state === 'finished') continue;
      sequence.scheduledTokens = 0;
      if (!entry.samples) this.#core.memory.settle(sequence, entry.start + entry.count);
      else if (resultOf === undefined) this.#life.takeCounted(sequence, outcome, now);
      else this.#life.takeDrafted(sequence, resultOf(entry), entry.draftCount, { outcome, now });
    }
    this.#spareEntries = plan.entries;
    return outcome;
  }

  /** Sequences of the running set, in the policy's order. */
  get running(): Iterable<SequenceView> {
    return this.#core.running;
  }

  /** Number of next steps that only give every running sequence a token (quiet-steps.ts); 0 if the next step may do more. */
  quietSteps(): number {
    assert(this.#inFlight === null, 'the last step has not been committed');
    return this.#life.hasTransfers ? 0 : quietSteps(this.#core);
  }

  /**
   * Plans and commits `count` quiet steps at once, for sequences whose content has no tokens. `now` is the end of the
   * last one.
   */
  advance(count: number, now: Seconds): void {
    const most = this.quietSteps();
    if (!(count >= 0 && count <= most)) assert(false, `${count} steps of ${most} quiet ones`);
    this.#quiet.advance(count, now);
  }

  /**
   * Tells that the blocks of a receiving sequence have their content up to token `receivesTo`, also while a step is in
   * flight. A plan's `admitted` lists the sequences that begin to receive.
   */
  arrive(id: SequenceId): void {
    this.#life.arrive(this.#life.live(id));
  }

  /** Ends a sending sequence: a transport has read its blocks. */
  sent(id: SequenceId): void {
    this.#life.sent(this.#life.live(id));
  }

  /**
   * Ends a live sequence and frees what it holds, also while a step is in flight. The caller stops a transport that
   * writes or reads its blocks first.
   */
  abort(id: SequenceId): void {
    const sequence = this.#life.live(id);
    sequence.scheduledTokens = 0;
    this.#life.finish(sequence, 'aborted', null);
  }

  /**
   * Splits a live sequence into two with the same tokens. They share all blocks until they differ. If the child does
   * not fit next to its parent, it waits without blocks and finds the shared prefix in the cache later.
   */
  fork(id: SequenceId): SequenceView {
    assert(this.#inFlight === null, 'a sequence cannot fork while a step is in flight');
    return this.#life.fork(this.#life.live(id));
  }

  /** Drops the known tokens from `newLength` on; the last one kept is computed again, for its logits. */
  rollback(id: SequenceId, newLength: number): void {
    assert(this.#inFlight === null, 'a sequence cannot roll back while a step is in flight');
    this.#life.rollback(this.#life.live(id), newLength);
  }

  /**
   * Keeps the cached leading blocks of these tokens until they are unpinned. Returns null if no block is cached now;
   * throws a PlimsollError if a live sequence could then never finish.
   */
  pinPrefix(tokens: ArrayLike<number>, extraKey = ''): Pin | null {
    const { match, pinnedCounts } = this.#pins.find(tokens, extraKey, tokens.length);
    if (match.blockCount === 0) return null;
    for (const sequence of this.#life.sequences.values()) {
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
  savePrefixCache(identity: PrefixCacheIdentity, blocks = this.cachedBlocks()): Uint8Array {
    return savePrefixCache(this.#core.memory, identity, blocks);
  }

  /** Blocks of each group that can be found by their content, also while sequences hold them; least recent first. */
  cachedBlocks(): readonly (readonly PublishedBlock[])[] {
    return this.#core.memory.groups.map(({ pool }) => pool.published());
  }

  /** True if a block of `cachedBlocks` still has its content. */
  isCached(group: number, { block, hash }: PublishedBlock): boolean {
    const { pool } = defined(this.#core.memory.groups[group], `there is no cache group ${group}`);
    return pool.find(hash, 0) === block;
  }

  /**
   * Loads a saved index into an unused scheduler. `fill` writes the content of each block. Throws a PlimsollError, and
   * changes nothing, if the bytes are damaged or belong to another model, format or block size, or if `fill` throws.
   */
  loadPrefixCache(
    saved: Uint8Array,
    identity: PrefixCacheIdentity,
    fill: (block: LoadedBlock) => void,
  ): LoadedBlocks {
    assert(this.#life.sequences.size === 0, 'a prefix cache is loaded before the first request');
    return loadPrefixCache(this.#core.memory, saved, { identity, fill });
  }

  /** Recounts every resource from its owners, and throws when anything does not add up. */
  checkIntegrity(): void {
    checkCoreIntegrity(this.#core, this.#pins, this.#life.sequences);
  }

  /**
   * Ends requests that waited too long for their first admission. Preempted sequences have already been admitted, and
   * stay.
   */
  #expire(now: Seconds): readonly SequenceView[] {
    const { waiting, config } = this.#core;
    const expired: Sequence[] = [];
    this.#expiryAt = Infinity;
    for (const sequence of [...waiting]) {
      if (sequence.state !== 'waiting' || sequence.continues) continue;
      const expiryAt = sequence.submittedAt + config.queueSecondsMax;
      if (now > expiryAt) expired.push(sequence);
      else this.#expiryAt = Math.min(this.#expiryAt, expiryAt);
    }
    for (const sequence of expired) this.#life.finish(sequence, 'expired', now);
    return expired;
  }

  #pinnedCounts(): number[] {
    return this.config.groups.map((_, group) => this.#pins.pinnedCount(group));
  }
}
