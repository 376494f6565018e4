/**
 * One scheduler of the server under a virtual clock, and the time of its steps: a replica, or a part of one
 * (replica-group.ts). A stretch of steps that only decode is one event, which ends no later than the first step end after
 * the horizon.
 */
import { assert, type Seconds, seconds } from '@plimsoll/foundation';
import type { LoadEntry } from '@plimsoll/planner/speed';
import {
  Scheduler,
  type SequenceView,
  type ServingConfig,
  type ServingMetrics,
  type StepPlan,
} from '@plimsoll/serving';
import type { KvLink } from './disaggregation/kv-link.ts';
import type { ReplicaLayout } from './replica-layout.ts';
import type { Speculation, SpeculationModel } from './speculation.ts';

/** The parts of a replica that do not change while it runs. */
export interface ReplicaModel {
  /** Of one scheduler; a replica with a layout has several. */
  readonly serving: ServingConfig;
  /** Seconds of a step. The rows are valid during the call only. */
  readonly stepSeconds: (rows: readonly LoadEntry[]) => number;
  /** Undefined if one scheduler drives all devices of the replica, step by step. */
  readonly layout?: ReplicaLayout | undefined;
  /** Undefined without speculative decoding. */
  readonly speculation?: SpeculationModel | undefined;
  /** The link to host memory, if evicted blocks are kept there; `serving` then has a `hostCache`. */
  readonly hostLink?: KvLink | undefined;
}

/** Steps that the replica computes now: one planned step, or a stretch of quiet ones. */
export interface Stretch {
  readonly start: Seconds;
  readonly end: Seconds;
  readonly steps: number;
  readonly decodes: number;
  readonly promptTokens: number;
  /** Tokens that the steps give to sequences. */
  readonly outputTokens: number;
}

/** What the replicas of a run share. */
export interface RunParts {
  readonly onGap: GapSink;
  /** Null without speculative decoding. */
  readonly speculation: Speculation | null;
}

/** Receives the gaps between two tokens of a sequence: seconds, and the number of equal gaps. */
export type GapSink = (gapSeconds: number, count: number) => void;

type PlannedWork = Pick<Stretch, 'decodes' | 'promptTokens' | 'outputTokens'>;

export interface PlannedRows {
  /** Valid until the next step of this scheduler. Empty without work. */
  readonly rows: readonly LoadEntry[];
  /** True if the step gives tokens to sequences. */
  readonly samples: boolean;
}

/** Counters that the report sums over the life of a replica. */
const reportedCounters = [
  'steps',
  'preemptions',
  'discardedTokens',
  'prefixQueryTokens',
  'prefixHitTokens',
] as const;
type ReportedCounters = Pick<ServingMetrics, (typeof reportedCounters)[number]>;

const noRows: readonly LoadEntry[] = [];

type Row = { -readonly [Name in keyof LoadEntry]: LoadEntry[Name] };

export class Replica {
  readonly index: number;
  readonly blockCount: number;
  /** Requests that were sent here and have not ended. */
  outstanding = 0;
  /** Called with each sequence that gets memory, when its step starts. */
  onAdmitted: ((sequence: SequenceView, now: Seconds) => void) | null = null;
  busySeconds = 0;
  readonly #serving: ServingConfig;
  #scheduler: Scheduler;
  /** Counters of the schedulers before the last failure. */
  #lostCounters: ReportedCounters | null = null;
  #stretch: Stretch | null = null;
  /** The planned step in flight; null in a quiet stretch, whose steps the scheduler has done. */
  #plan: StepPlan | null = null;
  /** Work of the step that `plan` has planned and `run` has not started. */
  #planned: PlannedWork | null = null;
  readonly #stepSeconds: ReplicaModel['stepSeconds'];
  readonly #onGap: GapSink;
  readonly #speculation: Speculation | null;
  /** Rows of a quiet stretch, written in place, because a run has millions of steps. */
  readonly #rows: Row[] = [];
  /** Times of the last tokens at the start of a quiet stretch. */
  readonly #firstGaps: number[] = [];

  constructor(index: number, { serving, stepSeconds }: ReplicaModel, { onGap, speculation }: RunParts) {
    this.index = index;
    this.#serving = serving;
    this.#scheduler = new Scheduler(serving);
    this.#stepSeconds = stepSeconds;
    this.#onGap = onGap;
    this.#speculation = speculation;
    this.blockCount = serving.groups.reduce((sum, { blockCount }) => sum + blockCount, 0);
  }

  /** A failure replaces it. */
  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  /** Counters since the start of the run, failures included. */
  get counters(): ReportedCounters {
    const { metrics } = this.#scheduler;
    const lost = this.#lostCounters;
    if (lost === null) return metrics;
    const sums = { ...lost };
    for (const name of reportedCounters) sums[name] += metrics[name];
    return sums;
  }

  /** End of the stretch in flight; Infinity between stretches. */
  get busyUntil(): number {
    return this.#stretch?.end ?? Infinity;
  }

  get isIdle(): boolean {
    return this.#stretch === null;
  }

  /** Share of the KV blocks that sequences own. */
  get kvShare(): number {
    let owned = 0;
    for (const group of this.scheduler.occupancy) owned += group.owned;
    return this.blockCount === 0 ? 0 : owned / this.blockCount;
  }

  /**
   * Starts the next steps, if there is something to do. No request comes before `horizon`; the replica fails at
   * `failsAt`, and a step that is in flight then starts alone.
   */
  start(now: Seconds, horizon: number, failsAt = Infinity): void {
    if (this.#stretch !== null) assert(false, `replica ${this.index} has a step in flight`);
    if (this.scheduler.isIdle) return;
    // The time of drafts is counted when it is computed, so no step may be computed twice.
    const mayJump = this.#speculation === null || failsAt === Infinity;
    const quiet = mayJump ? this.scheduler.quietSteps() : 0;
    const jump = quiet > 1 && horizon > now ? this.#startQuiet(now, { horizon, quiet, failsAt }) : null;
    this.#stretch = jump ?? this.#startPlanned(now);
    if (this.#stretch !== null) this.busySeconds += this.#stretch.end - now;
  }

  /** Plans the next step, whose end the caller computes with the steps of other schedulers. Returns its rows. */
  plan(now: Seconds): PlannedRows {
    assert(this.#stretch === null && this.#plan === null, `replica ${this.index} has a step in flight`);
    if (this.scheduler.isIdle) return { rows: noRows, samples: false };
    const plan = this.#planStep(now);
    this.#planned = workOf(plan);
    return { rows: plan.entries, samples: plan.samplingCount > 0 };
  }

  /** Runs the step that `plan` has planned; does nothing if there was no work. */
  run(now: Seconds, end: Seconds): void {
    if (this.#planned === null) return;
    this.#stretch = { start: now, end, steps: 1, ...this.#planned };
    this.#planned = null;
    this.busySeconds += end - now;
  }

  /** Returns the part of the step in flight that a failure at `now` leaves; null if there is none. */
  cutShort(now: Seconds): Stretch | null {
    const stretch = this.#stretch;
    if (stretch === null) return null;
    assert(this.#plan !== null, `replica ${this.index} fails in a quiet stretch`);
    this.busySeconds -= stretch.end - now;
    return { ...stretch, end: now, steps: 0, outputTokens: 0 };
  }

  /** Loses everything that the memory held. Returns the sequences that had not ended. */
  fail(): readonly SequenceView[] {
    const lost = [...this.#scheduler.sequences];
    this.#lostCounters = { ...this.counters };
    this.#scheduler = new Scheduler(this.#serving);
    this.#stretch = null;
    this.#plan = null;
    this.outstanding = 0;
    return lost;
  }

  /** Ends the steps in flight. */
  finish(): { readonly stretch: Stretch; readonly finished: readonly SequenceView[] } {
    const [stretch, plan] = [this.#stretch, this.#plan];
    if (stretch === null) assert(false, `replica ${this.index} has no step in flight`);
    this.#stretch = null;
    this.#plan = null;
    if (plan === null) return { stretch, finished: [] };
    this.#tellGaps(plan, stretch.end);
    const speculation = this.#speculation;
    let accepted = 0;
    const { finished } =
      speculation === null
        ? this.scheduler.commitCounted(stretch.end)
        : this.scheduler.commitCounted(stretch.end, (entry) => {
            const result = speculation.resultOf(entry);
            accepted += result.accepted;
            return result;
          });
    // Accepted drafts come with the token after them, in one answer.
    if (accepted > 0) this.#onGap(0, accepted);
    this.outstanding -= finished.length;
    const { outputTokens } = stretch;
    return {
      stretch: accepted === 0 ? stretch : { ...stretch, outputTokens: outputTokens + accepted },
      finished: finished.map(({ sequence }) => sequence),
    };
  }

  /** Returns null if all memory waits for a transport, so that a step would be empty. */
  #startPlanned(now: Seconds): Stretch | null {
    const plan = this.#planStep(now);
    if (plan.entries.length === 0) {
      this.scheduler.commitCounted(now);
      this.#plan = null;
      return null;
    }
    return { start: now, end: seconds(now + this.#duration(plan.entries)), steps: 1, ...workOf(plan) };
  }

  #planStep(now: Seconds): StepPlan {
    const plan = this.scheduler.step(now);
    this.#plan = plan;
    if (this.onAdmitted !== null) for (const sequence of plan.admitted) this.onAdmitted(sequence, now);
    return plan;
  }

  /** Tells the gaps that the tokens of a step end. Most sequences had their last token at one time. */
  #tellGaps(plan: StepPlan, end: Seconds): void {
    let [last, count] = [Number.NaN, 0];
    for (const { sequence, samples } of plan.entries) {
      if (!samples || sequence.lastTokenAt === null) continue;
      if (sequence.lastTokenAt === last) count++;
      else {
        if (count > 0) this.#onGap(end - last, count);
        last = sequence.lastTokenAt;
        count = 1;
      }
    }
    if (count > 0) this.#onGap(end - last, count);
  }

  /** Returns null if the replica fails in the first step. */
  #startQuiet(
    now: Seconds,
    { horizon, quiet, failsAt }: Readonly<Record<'horizon' | 'quiet' | 'failsAt', number>>,
  ): Stretch | null {
    const decodes = this.#writeDecodes();
    let [end, steps] = [now, 0];
    while (steps < quiet && (steps === 0 || end < horizon)) {
      const duration = this.#duration(this.#rows);
      if (end + duration > failsAt) break;
      end = seconds(end + duration);
      if (steps === 0) for (const last of this.#firstGaps) this.#onGap(end - last, 1);
      else this.#onGap(duration, decodes);
      for (const row of this.#rows) row.start++;
      steps++;
    }
    if (steps === 0) return null;
    this.scheduler.advance(steps, end);
    return { start: now, end, steps, decodes, promptTokens: 0, outputTokens: steps * decodes };
  }

  #duration(rows: readonly LoadEntry[]): number {
    const duration =
      this.#speculation === null
        ? this.#stepSeconds(rows)
        : this.#speculation.stepSeconds([rows], ([first = []]) => this.#stepSeconds(first));
    if (!(duration > 0 && duration < Infinity)) assert(false, `a step of ${duration} seconds`);
    return duration;
  }

  /** Writes the rows of a quiet step and the times of the last tokens. Returns the number of rows. */
  #writeDecodes(): number {
    const [rows, gaps] = [this.#rows, this.#firstGaps];
    gaps.length = 0;
    let count = 0;
    for (const { state, computedTokens, lastTokenAt } of this.scheduler.running) {
      if (state === 'receiving') continue;
      // The gaps of the first step are told from the last tokens; later steps have one gap for all.
      if (lastTokenAt !== null) gaps.push(lastTokenAt);
      const row = rows[count++];
      if (row === undefined) rows.push({ kind: 'decode', start: computedTokens, count: 1, sampledRows: 1 });
      else row.start = computedTokens;
    }
    if (rows.length > count) rows.length = count;
    return count;
  }
}

function workOf({ decodeCount, samplingCount, tokenCount }: StepPlan): PlannedWork {
  return { decodes: decodeCount, promptTokens: tokenCount - decodeCount, outputTokens: samplingCount };
}
