/** The report of one step. Metrics, live views and step logs read reports and nothing else of the engine. */
import type { Seconds } from '@plimsoll/foundation';
import type { GroupOccupancy, Scheduler, SequenceId, StepPlan } from '@plimsoll/serving';

export interface StepReportEntry {
  readonly id: SequenceId;
  readonly kind: 'decode' | 'prefill';
  /** The step computed the tokens [start, start + count). */
  readonly start: number;
  readonly count: number;
  readonly draftCount: number;
  readonly samples: boolean;
}

export interface StepReport {
  readonly index: number;
  /** `abandoned`: the engine kept nothing of the step; its sequences are computed again or have failed. */
  readonly outcome: 'committed' | 'abandoned';
  readonly entries: readonly StepReportEntry[];
  readonly tokenCount: number;
  readonly admitted: readonly SequenceId[];
  readonly preempted: readonly SequenceId[];
  /** Sequences that waited longer than `queueSecondsMax`. */
  readonly expired: readonly SequenceId[];
  readonly finished: readonly SequenceId[];
  /** Number of blocks that were copied before the step was computed. */
  readonly transfers: { readonly copyOnWrite: number; readonly spilled: number; readonly restored: number };
  /** Number of sequences in each state after the step. */
  readonly waitingCount: number;
  readonly runningCount: number;
  readonly pausedCount: number;
  readonly occupancy: readonly GroupOccupancy[];
  readonly startedAt: Seconds;
  /** `compute` covers drafts, the model and the event-loop turns between; `sample` covers sampling and the commit. */
  readonly seconds: { readonly plan: number; readonly compute: number; readonly sample: number };
}

export interface StepTimes {
  readonly startedAt: Seconds;
  readonly plannedAt: Seconds;
  readonly computedAt: Seconds;
  readonly committedAt: Seconds;
}

export interface StepEnd {
  readonly outcome: StepReport['outcome'];
  readonly finished: readonly SequenceId[];
  readonly times: StepTimes;
}

const idOf = ({ id }: { readonly id: SequenceId }): SequenceId => id;

export function stepReport(plan: StepPlan, scheduler: Scheduler, end: StepEnd): StepReport {
  const { startedAt, plannedAt, computedAt, committedAt } = end.times;
  const moved = (kind: string): number => plan.blockTransfers.filter((one) => one.kind === kind).length;
  return {
    index: plan.index,
    outcome: end.outcome,
    entries: plan.entries.map(({ sequence, kind, start, count, draftCount, samples }) => ({
      id: sequence.id,
      kind,
      start,
      count,
      draftCount,
      samples,
    })),
    tokenCount: plan.tokenCount,
    admitted: plan.admitted.map(idOf),
    preempted: plan.preempted.map(idOf),
    expired: plan.expired.map(idOf),
    finished: end.finished,
    transfers: {
      copyOnWrite: moved('copy-on-write'),
      spilled: moved('spill'),
      restored: moved('restore'),
    },
    waitingCount: scheduler.waitingCount,
    runningCount: scheduler.runningCount,
    pausedCount: scheduler.pausedCount,
    occupancy: scheduler.occupancy,
    startedAt,
    seconds: {
      plan: plannedAt - startedAt,
      compute: computedAt - plannedAt,
      sample: committedAt - computedAt,
    },
  };
}

export type StepListener = (report: StepReport) => void;

/** Listeners of one engine. A listener that throws is removed and its error is reported once; the step goes on. */
export class StepListeners {
  readonly #listeners = new Set<StepListener>();
  readonly #warn: (error: unknown) => void;

  constructor(warn: (error: unknown) => void) {
    this.#warn = warn;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** Adds a listener and returns a function that removes it. */
  add(listener: StepListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(report: StepReport): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(report);
      } catch (error) {
        this.#listeners.delete(listener);
        this.#warn(error);
      }
    }
  }
}
