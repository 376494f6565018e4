/**
 * The engine's loop: runs steps for all live sequences, as long as there is work.
 *
 *   submit -> [waiting] -> scheduler.step -> computeStep (drafts, forward) -> StepSampling -> scheduler.commit -> pieces
 *
 * The loop sets the pace. Readers take pieces from their requests' queues; a reader that is too slow pauses its own
 * request. Between steps, and several times in a long step, the loop yields to the event loop, so that sockets are
 * served and requests can be cancelled. Cancelling frees a sequence's blocks at once. If all requests of a step are
 * cancelled, the loop abandons the step.
 *
 * An error of one sequence ends that sequence. An error of a whole step ends the sequences in the step, and the
 * scheduler abandons it. A kernel trap or an error of the scheduler breaks the engine: every request ends.
 */
import { assert, type Clock, PlimsollError, seconds } from '@plimsoll/foundation';
import type { CommitOutcome, Scheduler, SequenceId, ServingRequest, StepPlan } from '@plimsoll/serving';
import type { Drafter } from '../draft/drafter.ts';
import type { Forward } from '../forward/forward.ts';
import type { LiveSequence, LiveSequences } from '../request/live-sequence.ts';
import { computeStep } from './compute-step.ts';
import { eventLoopTurn, inTurns } from './event-loop-turn.ts';
import type { HostBlocks } from './host-blocks.ts';
import { KernelFailure } from './kernel-failure.ts';
import { PrefillRate } from './prefill-rate.ts';
import { type StepListener, StepListeners, type StepTimes, stepReport } from './step-report.ts';
import { commitStep, StepSampling } from './step-sampling.ts';

export interface LoopParts {
  readonly scheduler: Scheduler;
  readonly forward: Forward;
  readonly hostBlocks: HostBlocks;
  /** Null without a draft model. */
  readonly drafter: Drafter | null;
  readonly clock: Clock;
  /** Receives errors that belong to no request. */
  readonly warn: (error: unknown) => void;
}

/** Numbers of sequences. A paused sequence can also count as running. */
export interface EngineLoad {
  readonly waitingCount: number;
  readonly runningCount: number;
  readonly pausedCount: number;
}

export class EngineLoop {
  readonly #parts: LoopParts;
  readonly #live: LiveSequences = new Map();
  readonly #listeners: StepListeners;
  readonly #prefillRate: PrefillRate;
  #closedBy: PlimsollError | null = null;
  #wake: (() => void) | null = null;
  readonly #ended: Promise<void>;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#listeners = new StepListeners(parts.warn);
    this.#prefillRate = new PrefillRate(parts.scheduler.config.stepSecondsAim);
    this.#ended = this.#run();
  }

  async #run(): Promise<void> {
    const { scheduler } = this.#parts;
    try {
      while (this.#closedBy === null) {
        if (scheduler.isIdle) await this.#sleep();
        await eventLoopTurn();
        if (this.#closedBy === null && !scheduler.isIdle) await this.#step();
      }
    } catch (error) {
      this.#break(brokenBy(error));
    }
  }

  async #step(): Promise<void> {
    const { scheduler, clock } = this.#parts;
    const startedAt = clock.now();
    const plan = scheduler.step(startedAt, this.#prefillRate.tokensPerSecond);
    const plannedAt = clock.now();
    for (const sequence of plan.expired) this.#take(sequence.id)?.finish('expired', sequence);
    const parts = { ...this.#parts, live: this.#live };
    let outcome: CommitOutcome | null = null;
    let computedAt = plannedAt;
    try {
      const batch = await inTurns(computeStep(parts, plan), () => this.#isWanted(plan));
      computedAt = clock.now();
      if (batch === null) {
        // Every request of the step was cancelled, and its sequences have left the scheduler.
        scheduler.abandon();
      } else {
        this.#prefillRate.observe(plan, seconds(computedAt - plannedAt));
        const sampling = new StepSampling(parts, batch);
        sampling.run(plan);
        outcome = commitStep(parts, sampling);
      }
    } catch (error) {
      if (error instanceof KernelFailure || !scheduler.hasStepInFlight) throw error;
      scheduler.abandon();
      for (const { sequence } of plan.entries) this.fail(sequence.id, error);
    }
    if (outcome !== null) this.#deliver(plan, outcome);
    this.#report(plan, outcome, { startedAt, plannedAt, computedAt, committedAt: clock.now() });
  }

  #isWanted({ entries }: StepPlan): boolean {
    return entries.some(({ sequence }) => this.#live.has(sequence.id));
  }

  /** Ends finished sequences, continues sequences whose context slides, and pauses sequences with slow readers. */
  #deliver(plan: StepPlan, outcome: CommitOutcome): void {
    const { scheduler } = this.#parts;
    for (const { sequence, reason } of outcome.finished) {
      const live = this.#take(sequence.id);
      if (live === undefined) continue;
      try {
        live.finish(reason, sequence);
        const next = live.continuation?.() ?? null;
        const { priority, tenant, extraKey } = sequence;
        if (next !== null) this.submit({ ...next, priority, tenant, extraKey, continues: true }, live);
      } catch (error) {
        live.fail(error, sequence);
      }
    }
    for (const { sequence } of plan.entries) {
      if (this.#live.get(sequence.id)?.isBehind === true) scheduler.pause(sequence.id);
    }
  }

  #report(plan: StepPlan, outcome: CommitOutcome | null, times: StepTimes): void {
    if (this.#listeners.isEmpty) return;
    const finished = outcome?.finished.map(({ sequence }) => sequence.id) ?? [];
    const end = { outcome: outcome === null ? 'abandoned' : 'committed', finished, times } as const;
    this.#listeners.tell(stepReport(plan, this.#parts.scheduler, end));
  }

  onStep(listener: StepListener): () => void {
    return this.#listeners.add(listener);
  }

  /** Queues a sequence. Throws if the sequence can never fit, or if the queue is full; the error names the limit. */
  submit(request: ServingRequest, live: LiveSequence): SequenceId {
    if (this.#closedBy !== null) throw this.#closedBy;
    const { scheduler, clock } = this.#parts;
    const sequence = scheduler.submit(request, clock.now());
    this.#live.set(sequence.id, live);
    live.began?.(sequence);
    this.#wakeUp();
    return sequence.id;
  }

  /** Removes sequences from the scheduler and frees their blocks, at once. */
  remove(lives: readonly LiveSequence[]): void {
    for (const [id, live] of this.#live) {
      if (!lives.includes(live)) continue;
      const sequence = this.#parts.scheduler.sequence(id);
      this.#live.delete(id);
      if (sequence === undefined) continue;
      this.#parts.scheduler.abort(id);
      live.finish('aborted', sequence);
    }
  }

  /** Resumes paused sequences, whose reader has caught up. */
  resume(lives: readonly LiveSequence[]): void {
    for (const [id, live] of this.#live) if (lives.includes(live)) this.#parts.scheduler.resume(id);
    this.#wakeUp();
  }

  /** Ends one sequence with an error. */
  fail(id: SequenceId, error: unknown): void {
    const sequence = this.#parts.scheduler.sequence(id);
    const live = this.#take(id);
    if (live === undefined || sequence === undefined) return;
    this.#parts.scheduler.abort(id);
    live.fail(error, sequence);
  }

  checkIntegrity(): void {
    const { scheduler } = this.#parts;
    scheduler.checkIntegrity();
    assert(this.#live.size === scheduler.liveCount, 'every live sequence is in the scheduler');
  }

  /** Ends every sequence with this error. A step in progress ends at its next turn. */
  close(reason: PlimsollError): void {
    if (this.#closedBy !== null) return;
    this.#closedBy = reason;
    for (const id of [...this.#live.keys()]) this.fail(id, reason);
    this.#wakeUp();
  }

  /** Ends every sequence without a call to change the scheduler, whose state may be inconsistent. */
  #break(reason: PlimsollError): void {
    this.#closedBy ??= reason;
    const ended = [...this.#live];
    this.#live.clear();
    for (const [id, live] of ended) {
      const sequence = this.#parts.scheduler.sequence(id);
      if (sequence !== undefined) live.fail(reason, sequence);
    }
  }

  get load(): EngineLoad {
    const { waitingCount, runningCount, pausedCount } = this.#parts.scheduler;
    return { waitingCount, runningCount, pausedCount };
  }

  get closedBy(): PlimsollError | null {
    return this.#closedBy;
  }

  /** Resolves when the loop has left its last step. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  #take(id: SequenceId): LiveSequence | undefined {
    const live = this.#live.get(id);
    this.#live.delete(id);
    return live;
  }

  /** Waits for a request. An idle scheduler must account for every block, so this is checked first. */
  #sleep(): Promise<void> {
    this.#parts.scheduler.checkIntegrity();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

function brokenBy(cause: unknown): PlimsollError {
  const reason = cause instanceof KernelFailure ? cause.cause : cause;
  return new PlimsollError(
    {
      code: 'engine-broken',
      message: `the engine stopped: ${reason instanceof Error ? reason.message : String(reason)}`,
      hint: 'start another engine; please report the message with the model and the request',
    },
    { cause: reason },
  );
}
