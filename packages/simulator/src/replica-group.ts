/**
 * A replica of several schedulers: data groups, which compute each step together because they share the experts, and
 * micro-batches, which follow each other through the stages of a pipeline.
 *
 *   micro-batch 0   [stage 0][stage 1][stage 2]          [stage 0]...
 *   micro-batch 1            [stage 0][stage 1][stage 2]          [stage 0]...
 *   micro-batch 2                     [stage 0][stage 1][stage 2]
 *
 * Each micro-batch is a lane for every data group. A scheduler keeps one step in flight, so a pipeline of n stages has n
 * micro-batches, each with its share of the cache, as the schedulers of vLLM V0 and of SGLang have. Chunks of a prompt
 * that give no token follow each other without a wait for the last stage.
 */
import { assert, type Seconds, seconds } from '@plimsoll/foundation';
import type { LoadEntry } from '@plimsoll/planner/speed';
import type { CountedPrompt, SequenceView } from '@plimsoll/serving';
import { Replica, type ReplicaModel, type RunParts } from './replica.ts';
import type { ReplicaLayout } from './replica-layout.ts';

/** Figures of the replicas that have a layout. */
export interface LayoutFigures {
  /** Steps of data groups without work, which compute one token because the others wait for their experts. */
  dummySteps: number;
  /** Seconds in which a stage of a pipeline computes, summed over stages; a step that a failure cuts short counts whole. */
  stageSeconds: number;
  /** Seconds in which the replica has a step in flight. */
  busySeconds: number;
}

/** The row of a data group without work: engines compute one token. */
const dummyRow: LoadEntry = { kind: 'decode', start: 0, count: 1, sampledRows: 1 };
const dummyRows: readonly LoadEntry[] = [dummyRow];

export class ReplicaGroup {
  /** Micro-batch after micro-batch, each with all its data groups. */
  readonly lanes: readonly Replica[];
  readonly figures: LayoutFigures = { dummySteps: 0, stageSeconds: 0, busySeconds: 0 };
  /** True from a failure to the end of the restart; a router sends no request here. */
  isDown = false;
  readonly #layout: ReplicaLayout | undefined;
  readonly #parts: RunParts;
  /** When each stage has finished the steps that it was given. */
  readonly #stageFreeAt: number[];
  #busyUntil = 0;

  /** `index`: the number of the first lane. */
  constructor(index: number, model: ReplicaModel, parts: RunParts) {
    this.#layout = model.layout;
    this.#parts = parts;
    const { stageShares = [1], dataGroups = 1 } = model.layout ?? {};
    this.#stageFreeAt = stageShares.map(() => 0);
    this.lanes = Array.from(
      { length: stageShares.length * dataGroups },
      (_, lane) => new Replica(index + lane, model, parts),
    );
  }

  /** Requests that were sent here and have not ended. */
  get outstanding(): number {
    let outstanding = 0;
    for (const lane of this.lanes) outstanding += lane.outstanding;
    return outstanding;
  }

  /** Tokens of the prompt that the fullest cache of a lane has. */
  cachedTokens(prompt: CountedPrompt): number {
    return this.lanes.reduce((most, { scheduler }) => Math.max(most, scheduler.cachedTokens(prompt)), 0);
  }

  /**
   * Returns the lane for a request: the one with the fewest requests. Micro-batches of one device share a prefix cache in
   * most engines, so among them the longest cached prefix decides first.
   */
  laneFor(prompt: CountedPrompt): Replica {
    const [first] = this.lanes;
    assert(first !== undefined, 'a replica has lanes');
    if (this.lanes.length === 1) return first;
    const isPipeline = this.#stageFreeAt.length > 1;
    const cached = ({ scheduler }: Replica): number => (isPipeline ? scheduler.cachedTokens(prompt) : 0);
    const fewest = this.lanes.reduce((least, { outstanding }) => Math.min(least, outstanding), Infinity);
    let [best, bestCached] = [first, -1];
    for (const lane of this.lanes) {
      if (lane.outstanding > fewest + imbalanceMax) continue;
      const tokens = cached(lane);
      const isBetter = tokens > bestCached || (tokens === bestCached && lane.outstanding < best.outstanding);
      if (isBetter) [best, bestCached] = [lane, tokens];
    }
    return best;
  }

  /**
   * Starts the next steps of lanes that have none in flight. `horizon` is asked for a scheduler of its own alone; the
   * replica fails at `failsAt`.
   */
  startIdle(now: Seconds, horizon: (replica: Replica) => number, failsAt = Infinity): void {
    const layout = this.#layout;
    if (layout === undefined) {
      for (const lane of this.lanes) if (lane.isIdle) lane.start(now, horizon(lane), failsAt);
      return;
    }
    const { dataGroups } = layout;
    for (let first = 0; first < this.lanes.length; first += dataGroups) {
      const groups = this.lanes.slice(first, first + dataGroups);
      if (!groups.every((lane) => lane.isIdle) || groups.every((lane) => lane.scheduler.isIdle)) continue;
      this.#startTogether(groups, now, layout);
    }
  }

  /** Loses the steps in flight and all memory. Returns the sequences that had not ended, lane by lane. */
  fail(): readonly SequenceView[] {
    this.#stageFreeAt.fill(0);
    this.#busyUntil = 0;
    return this.lanes.flatMap((lane) => lane.fail());
  }

  /** Starts a step of all data groups of a micro-batch. */
  #startTogether(groups: readonly Replica[], now: Seconds, layout: ReplicaLayout): void {
    const plans = groups.map((lane) => lane.plan(now));
    for (const { rows } of plans) if (rows.length === 0) this.figures.dummySteps++;
    const rows = plans.map((plan) => (plan.rows.length === 0 ? dummyRows : plan.rows));
    const [longest = 0] = rows.map(tokensOf).sort((left, right) => right - left);
    const { speculation } = this.#parts;
    const duration =
      speculation === null ? layout.stepSeconds(rows) : speculation.stepSeconds(rows, layout.stepSeconds);
    if (!(duration > 0 && duration < Infinity)) assert(false, `a step of ${duration} seconds`);
    const gives = plans.some(({ samples }) => samples);
    const end = this.#pass(now, duration, { layout, hopSeconds: layout.hopSeconds(longest), gives });
    for (const lane of groups) lane.run(now, end);
  }

  /** Sends a step through the stages. Returns its end; without tokens to give, the end of the first stage. */
  #pass(
    now: number,
    duration: number,
    { layout, hopSeconds, gives }: { layout: ReplicaLayout; hopSeconds: number; gives: boolean },
  ): Seconds {
    let at = now;
    let firstEnd = now;
    for (const [stage, share] of layout.stageShares.entries()) {
      const from = stage === 0 ? at : at + hopSeconds;
      at = Math.max(from, this.#stageFreeAt[stage] ?? 0) + share * duration;
      this.#stageFreeAt[stage] = at;
      if (stage === 0) firstEnd = at;
    }
    this.figures.stageSeconds += duration;
    // Steps in flight end in the order of their starts, so the time with one grows by what comes after the last end.
    this.figures.busySeconds += at - Math.max(now, this.#busyUntil);
    this.#busyUntil = at;
    return seconds(gives ? at : firstEnd);
  }
}

/** A lane that has more than this number of requests above the least loaded lane gets none for its cache alone. */
const imbalanceMax = 8;

function tokensOf(rows: readonly LoadEntry[]): number {
  let tokens = 0;
  for (const { count } of rows) tokens += count;
  return tokens;
}
