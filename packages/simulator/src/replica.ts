/** One replica of the server: a production scheduler under a virtual clock, and the time of its steps. */
import { assert, type Seconds, seconds } from '@plimsoll/foundation';
import { Scheduler, type SequenceView, type ServingConfig, type StepPlan } from '@plimsoll/serving';

/** The parts of a replica that do not change while it runs. */
export interface ReplicaModel {
  readonly serving: ServingConfig;
  /** Seconds of a step. */
  readonly stepSeconds: (plan: StepPlan) => number;
}

/** A step that has ended. */
export interface FinishedStep {
  readonly plan: StepPlan;
  readonly start: Seconds;
  readonly end: Seconds;
  readonly finished: readonly SequenceView[];
}

export class Replica {
  readonly index: number;
  readonly scheduler: Scheduler;
  readonly blockCount: number;
  /** Requests that were sent here and have not ended. */
  outstanding = 0;
  busySeconds = 0;
  #step: { readonly plan: StepPlan; readonly start: Seconds; readonly end: Seconds } | null = null;
  readonly #stepSeconds: (plan: StepPlan) => number;

  constructor(index: number, { serving, stepSeconds }: ReplicaModel) {
    this.index = index;
    this.scheduler = new Scheduler(serving);
    this.#stepSeconds = stepSeconds;
    this.blockCount = serving.groups.reduce((sum, { blockCount }) => sum + blockCount, 0);
  }

  /** End of the step in flight; Infinity between steps. */
  get busyUntil(): number {
    return this.#step?.end ?? Infinity;
  }

  get isIdle(): boolean {
    return this.#step === null;
  }

  /** Share of the KV blocks that sequences own. */
  get kvShare(): number {
    let owned = 0;
    for (const group of this.scheduler.occupancy) owned += group.owned;
    return this.blockCount === 0 ? 0 : owned / this.blockCount;
  }

  /** Starts the next step; returns false if there is nothing to do. */
  start(now: Seconds): boolean {
    assert(this.#step === null, `replica ${this.index} has a step in flight`);
    if (this.scheduler.isIdle) return false;
    const plan = this.scheduler.step(now);
    const duration = this.#stepSeconds(plan);
    assert(duration > 0 && duration < Infinity, `a step of ${duration} seconds`);
    this.#step = { plan, start: now, end: seconds(now + duration) };
    this.busySeconds += duration;
    return true;
  }

  /** Ends the step in flight. `beforeCommit` sees the sequences as they were during the step. */
  finish(beforeCommit: (plan: StepPlan, end: Seconds) => void): FinishedStep {
    const step = this.#step;
    assert(step !== null, `replica ${this.index} has no step in flight`);
    this.#step = null;
    beforeCommit(step.plan, step.end);
    const { finished } = this.scheduler.commitCounted(step.end);
    this.outstanding -= finished.length;
    return { ...step, finished: finished.map(({ sequence }) => sequence) };
  }
}
