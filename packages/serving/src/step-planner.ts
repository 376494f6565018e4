/**
 * Fills one step, within its token budget. The usual order: decoding sequences first, one token each and the drafts that fit, so that
 * no stream stalls for another sequence's prompt; then the next chunks of prompts already begun; then, in the policy's
 * order and without skipping the head of the queue, new and preempted sequences. `config.order` names other orders,
 * those of other engines.
 *
 * Prompts share a budget of their own, which prompt-budget.ts computes: a prompt that would take all of it leaves a
 * quarter to prompts that end in this step, and takes back the tokens that they do not use.
 *
 * When blocks run out, the planner preempts a paused sequence, then the running sequence that is last in the policy's
 * order and not yet in this step. A sequence that is in the step stays in it, so the first decoding sequence always
 * advances, and then the next.
 */
import { assert, type Seconds } from '@plimsoll/foundation';
import { blocksFor } from './geometry.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { PlanEntry, StepPlan } from './plan.ts';
import type { PrefixMatch } from './prefix-match.ts';
import { PromptBudget, sharedPromptTokens } from './prompt-budget.ts';
import { takeBlocks } from './remote-blocks.ts';
import { mayStart } from './room.ts';
import { compareSequences, type Sequence } from './sequence.ts';
import type { ServingCore } from './serving-core.ts';
import { type PlannedEntry, StepEntries } from './step-entries.ts';
import type { Transfers } from './transfers.ts';

/** Waiting sequences that the planner examines if the head of the queue does not fit and others may overtake it. */
const overtakersSeenMax = 8;

/** A plan as the scheduler keeps it until its commit. */
export interface PlannedStep extends StepPlan {
  readonly entries: PlannedEntry[];
  readonly preempted: readonly Sequence[];
}

/** Plans one step; a new planner serves each step. */
export class StepPlanner {
  readonly #core: ServingCore;
  readonly #life: Pick<Lifecycle, 'giveWay' | 'takeTransfers'>;
  readonly #transfers: Transfers;
  readonly #entries: StepEntries;
  readonly #admitted: Sequence[] = [];
  readonly #preempted: Sequence[] = [];
  #budgetLeft: number;
  /** Decoding sequences that still need a token in this step; null until a sequence could take their tokens. */
  #decodesLeft: number | null = null;
  /** False if no running sequence has prompt tokens left. */
  #hasPrefills = true;
  readonly #prefillRate: number;
  /** Prompt tokens of this step; set after the decodes. */
  #prompts: PromptBudget;

  /** `spareEntries`: entries of an earlier step that nothing reads any more. */
  constructor(core: ServingCore, life: Lifecycle, prefillRate: number, spareEntries: PlannedEntry[]) {
    this.#core = core;
    this.#entries = new StepEntries(spareEntries);
    this.#life = life;
    this.#transfers = life.takeTransfers();
    this.#budgetLeft = core.config.tokenBudget;
    this.#prefillRate = prefillRate;
    this.#prompts = new PromptBudget(this.#budgetLeft, core.config);
  }

  plan(index: number, now: Seconds): Omit<PlannedStep, 'expired'> {
    const { config } = this.#core;
    if (config.policy.preemptForWaiting) this.#makeRoomForUrgent();
    if (config.order === 'decode-first') this.#planDecodes();
    if (config.order === 'arrival') this.#planRunning();
    this.#prompts = new PromptBudget(this.#promptTokensMax(), config);
    this.#planPrefills();
    this.#admit(now);
    this.#extendHeld();
    if (config.order === 'prefill-first' && this.#entries.count === 0) this.#planDecodes();
    const tokenCount = config.tokenBudget - this.#budgetLeft;
    if (!(tokenCount >= 0 && tokenCount <= config.tokenBudget)) {
      assert(false, `a step of ${tokenCount} tokens is over its budget`);
    }
    if (tokenCount === 0) this.#checkEmpty();
    return {
      index,
      now,
      entries: this.#entries.finish(),
      decodeCount: this.#entries.decodeCount,
      samplingCount: this.#entries.samplingCount,
      blockTransfers: this.#transfers.blocks,
      stateTransfers: this.#transfers.states,
      admitted: this.#admitted,
      preempted: this.#preempted,
      tokenCount,
    };
  }

  /** Lets the head of the queue preempt running sequences of lower priority while it does not fit. */
  #makeRoomForUrgent(): void {
    const { waiting, running } = this.#core;
    const head = waiting.first;
    if (head === undefined) return;
    while (!mayStart(this.#core, head, this.#matchFor(head))) {
      const victim = running.lastPreemptible;
      if (victim === undefined || victim.priority >= head.priority || compareSequences(victim, head) < 0)
        return;
      this.#preempt(victim);
    }
  }

  #planDecodes(): void {
    const { running } = this.#core;
    this.#hasPrefills = false;
    // Preemption may remove any sequence from the list, including the current one.
    for (let sequence = running.at(0); sequence !== undefined; sequence = running.after(sequence)) {
      if (isDue(sequence, 'decoding')) this.#planDecode(sequence);
      else if (isDue(sequence, 'prefilling')) this.#hasPrefills = true;
    }
  }

  #planDecode(sequence: Sequence): void {
    if (sequence.drafts.length === 0 && sequence.computedTokens < sequence.writableTo) {
      this.#scheduleDecode(sequence, 0);
      return;
    }
    const { memory, config } = this.#core;
    let draftCount = 0;
    if (sequence.drafts.length > 0) {
      const room = Math.min(this.#budgetLeft - this.#countDecodesLeft(), config.prefillChunkMax - 1);
      draftCount = Math.max(0, Math.min(sequence.drafts.length, room));
    }
    const known = sequence.length;
    // Drafts may fail verification, so they use free blocks or the room in the last token's block, but preempt no
    // sequence.
    if (draftCount === 0 || !memory.grow(sequence, known + draftCount, this.#transfers)) {
      draftCount = Math.min(draftCount, blocksFor(known, config.blockSize) * config.blockSize - known);
      if (!this.#growByPreempting(sequence, known + draftCount)) {
        this.#preempt(sequence);
        return;
      }
    }
    this.#scheduleDecode(sequence, draftCount);
  }

  #scheduleDecode(sequence: Sequence, draftCount: number): void {
    if (this.#decodesLeft !== null) this.#decodesLeft--;
    this.#schedule(sequence, 'decode', 1 + draftCount, draftCount);
  }

  #countDecodesLeft(): number {
    if (this.#decodesLeft !== null) return this.#decodesLeft;
    let count = 0;
    for (const sequence of this.#core.running) {
      if (isDue(sequence, 'decoding') && sequence.scheduledTokens === 0) count++;
    }
    this.#decodesLeft = count;
    return count;
  }

  /** Plans decodes and begun prompts in one pass, in the policy's order. Prompts leave a token to every decode. */
  #planRunning(): void {
    const { running, config } = this.#core;
    for (let sequence = running.at(0); sequence !== undefined; sequence = running.after(sequence)) {
      if (isDue(sequence, 'decoding')) this.#planDecode(sequence);
      if (!isDue(sequence, 'prefilling')) continue;
      const room = Math.min(this.#budgetLeft - this.#countDecodesLeft(), config.prefillChunkMax);
      const count = Math.min(sequence.uncomputedTokens, room);
      if (count === 0 || !this.#growByPreempting(sequence, sequence.computedTokens + count)) continue;
      this.#schedule(sequence, 'prefill', count, 0);
    }
  }

  #planPrefills(): void {
    if (!this.#hasPrefills) return;
    const { running } = this.#core;
    for (let sequence = running.at(0); sequence !== undefined; sequence = running.after(sequence)) {
      if (this.#prompts.left === 0) return;
      if (!isDue(sequence, 'prefilling') || sequence.scheduledTokens > 0) continue;
      const count = this.#prompts.chunk(sequence.uncomputedTokens, () => this.#hasOthers(sequence));
      if (count === 0) continue;
      // A sequence that finds no room keeps its blocks, and its remaining need keeps new sequences out (room.ts).
      if (!this.#growByPreempting(sequence, sequence.computedTokens + count)) continue;
      this.#prompts.take(sequence, count);
      this.#schedule(sequence, 'prefill', count, 0);
    }
  }

  /** Grows a sequence and preempts later sequences that are not in this step yet. */
  #growByPreempting(sequence: Sequence, end: number): boolean {
    while (!this.#core.memory.grow(sequence, end, this.#transfers)) {
      const victim = this.#pausedVictim() ?? this.#victimBehind(sequence);
      if (victim === null) return false;
      this.#preempt(victim);
    }
    return true;
  }

  /** The last paused sequence that holds memory: preempting it delays no stream. */
  #pausedVictim(): Sequence | null {
    const { running } = this.#core;
    if (running.pausedCount === 0) return null;
    for (let index = running.length - 1; index >= 0; index--) {
      const candidate = running.at(index);
      if (candidate?.isPaused === true && candidate.state !== 'receiving') return candidate;
    }
    return null;
  }

  #victimBehind(sequence: Sequence): Sequence | null {
    const { running } = this.#core;
    for (let index = running.length - 1; index >= 0; index--) {
      const candidate = running.at(index);
      if (candidate === undefined || candidate === sequence) return null;
      if (candidate.scheduledTokens === 0 && candidate.state !== 'receiving') return candidate;
    }
    return null;
  }

  #preempt(sequence: Sequence): void {
    const { config, host, metrics } = this.#core;
    assert(sequence.scheduledTokens === 0, `sequence ${sequence.id} is in this step and cannot be preempted`);
    if (isDue(sequence, 'decoding') && (this.#decodesLeft ?? 0) > 0)
      this.#decodesLeft = (this.#decodesLeft ?? 0) - 1;
    // Spilling leaves the sequence without computed tokens, so there is nothing to discard after it.
    if (config.policy.preemption === 'spill') host.spill(sequence, this.#transfers);
    this.#life.giveWay(sequence);
    sequence.preemptionCount++;
    this.#preempted.push(sequence);
    metrics.preemptions++;
  }

  #admit(now: Seconds): void {
    const { waiting } = this.#core;
    while (this.#prompts.left > 0) {
      const head = waiting.first;
      if (head === undefined) return;
      const started = this.#start(head) ? head : this.#startOvertaking(head);
      if (started !== null) {
        started.admittedAt ??= this.#recordFirstAdmission(started, now);
        this.#admitted.push(started);
        continue;
      }
      // A head that waits for tokens of a later step needs no memory.
      const victim = this.#prompts.holder === null ? this.#pausedVictim() : null;
      if (victim === null) return;
      this.#preempt(victim);
    }
  }

  /** Starts a later sequence if the head does not fit; a bounded number of sequences may overtake each head. */
  #startOvertaking(head: Sequence): Sequence | null {
    const { waiting, config } = this.#core;
    if (head.overtakenCount >= config.skipHeadMax) return null;
    for (const candidate of waiting.inOrder(1 + overtakersSeenMax)) {
      if (candidate === head || !this.#start(candidate)) continue;
      head.overtakenCount++;
      return candidate;
    }
    return null;
  }

  #start(sequence: Sequence): boolean {
    const { memory, host, waiting, running, metrics, config } = this.#core;
    const match = this.#matchFor(sequence);
    if (!mayStart(this.#core, sequence, match)) return false;
    const { spilled } = sequence;
    const computed = spilled?.computedTokens ?? match.blockCount * config.blockSize;
    if (sequence.receives && sequence.length - computed > 1) {
      return this.#startReceiving(sequence, match, sequence.length - 1);
    }
    const loadedTo = spilled === null ? memory.loadableTokens(sequence, match) : null;
    if (loadedTo !== null) return this.#startLoading(sequence, match, loadedTo);
    const count = this.#prompts.chunk(sequence.length - computed, () => waiting.length > 1);
    if (count === 0) return false;
    const started =
      spilled === null
        ? memory.start(sequence, match, computed + count)
        : host.restore(sequence, computed + count, this.#transfers);
    if (!started) return false;
    if (sequence.admittedAt === null) sequence.cachedTokens = spilled === null ? computed : 0;
    if (spilled === null) this.#countMatch(sequence, computed);
    metrics.admissions++;
    waiting.remove(sequence);
    const kind = spilled !== null && sequence.uncomputedTokens === 1 ? 'decode' : 'prefill';
    sequence.become(kind === 'decode' ? 'decoding' : 'prefilling');
    running.add(sequence);
    this.#prompts.take(sequence, count);
    this.#schedule(sequence, kind, count, 0);
    return true;
  }

  /** Loads what the host cache has, up to token `end`. */
  #startLoading(sequence: Sequence, match: PrefixMatch, end: number): boolean {
    const { memory, config } = this.#core;
    const needed = end / config.blockSize - match.blockCount;
    if (memory.groups.some(({ index }) => memory.availableBeside(match, index) < needed)) return false;
    memory.refreshLoaded(sequence, match, end);
    return this.#startReceiving(sequence, match, end);
  }

  /** Gives a sequence the memory up to token `end` that a transport fills. Its tokens take nothing of this step. */
  #startReceiving(sequence: Sequence, match: PrefixMatch, end: number): boolean {
    const { memory, waiting, running, metrics } = this.#core;
    if (!takeBlocks(memory, sequence, { match, end })) return false;
    if (sequence.admittedAt === null) sequence.cachedTokens = sequence.computedTokens;
    this.#countMatch(sequence, sequence.computedTokens);
    metrics.admissions++;
    waiting.remove(sequence);
    sequence.become('receiving');
    running.add(sequence);
    return true;
  }

  #countMatch(sequence: Sequence, hitTokens: number): void {
    const { metrics, config } = this.#core;
    if (!config.prefixCaching || sequence.computesWhole) return;
    metrics.prefixQueryTokens += sequence.length;
    metrics.prefixHitTokens += hitTokens;
  }

  /** A step may be empty only if nothing is live, or if all memory waits for a transport. */
  #checkEmpty(): void {
    const { running, waiting, sending } = this.#core;
    if (sending.size > 0 || running.receivingCount > 0) return;
    assert(waiting.length === 0 && !running.hasActive, 'a step does nothing although sequences are live');
  }

  #recordFirstAdmission(sequence: Sequence, now: Seconds): Seconds {
    this.#core.metrics.queueSeconds += now - sequence.submittedAt;
    this.#core.rule.admitted?.(sequence);
    return now;
  }

  #matchFor(sequence: Sequence): PrefixMatch {
    const { memory } = this.#core;
    return sequence.spilled === null ? memory.match(sequence) : memory.noMatch;
  }

  /** Prompt tokens of this step: all that decoding leaves, or the number that ends the step in time. */
  #promptTokensMax(): number {
    if (this.#entries.count === 0 || this.#prefillRate === Infinity) return this.#budgetLeft;
    const { stepSecondsAim } = this.#core.config;
    return Math.min(this.#budgetLeft, sharedPromptTokens(this.#prefillRate, stepSecondsAim));
  }

  /** True if a prompt besides this one could use tokens of this step. */
  #hasOthers(sequence: Sequence): boolean {
    const { waiting, running } = this.#core;
    if (waiting.length > 0) return true;
    for (const other of running) if (other !== sequence && isDue(other, 'prefilling')) return true;
    return false;
  }

  /** Gives the prompt that left tokens to other prompts the tokens that are still free. */
  #extendHeld(): void {
    const { holder } = this.#prompts;
    if (holder === null) return;
    const entry = this.#entries.of(holder);
    if (entry === undefined) return;
    const { kind, start, count } = entry;
    const more = this.#prompts.rest(count, holder.uncomputedTokens);
    if (more === 0 || !this.#core.memory.grow(holder, start + count + more, this.#transfers)) return;
    this.#entries.extend(entry, more);
    this.#take(holder, kind, more);
  }

  #schedule(sequence: Sequence, kind: PlanEntry['kind'], count: number, draftCount: number): void {
    this.#entries.add(sequence, kind, count, draftCount);
    if (draftCount > 0) this.#core.metrics.draftedTokens += draftCount;
    this.#take(sequence, kind, count);
  }

  #take(sequence: Sequence, kind: PlanEntry['kind'], count: number): void {
    const { metrics } = this.#core;
    sequence.scheduledTokens += count;
    this.#budgetLeft -= count;
    if (kind === 'decode') metrics.decodeTokens += count;
    else metrics.prefillTokens += count;
  }
}

function isDue(sequence: Sequence, state: 'decoding' | 'prefilling'): boolean {
  return sequence.state === state && !sequence.isPaused;
}
