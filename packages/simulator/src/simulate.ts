/**
 * The event loop: requests arrive, a router sends them to replicas, steps take their time. The loop has no clock but the
 * simulated one and no randomness but the seed's, so that equal inputs give equal results.
 *
 * It always ends: requests are counted, simulated time is capped, and a queue that grows beyond its limit stops the run
 * as unstable. Requests that have not ended then are reported as censored.
 */
import { assert, defined, PlimsollError, type Seconds, seconds } from '@plimsoll/foundation';
import type { CountedPrompt, SequenceView } from '@plimsoll/serving';
import { Handovers } from './disaggregation/handovers.ts';
import type { KvLink } from './disaggregation/kv-link.ts';
import { type FailureModel, Failures, type Submission } from './failures/failures.ts';
import { Outages } from './failures/outages.ts';
import { HostLoads } from './host-cache/host-loads.ts';
import { Collector, type RequestLimits, timesOf } from './measurement/collector.ts';
import type { SessionFigures } from './measurement/session-figures.ts';
import { Backlog } from './measurement/stability.ts';
import type { GapSink, Replica, ReplicaModel } from './replica.ts';
import { type LayoutFigures, ReplicaGroup } from './replica-group.ts';
import { createRouter, type RouterName } from './routers.ts';
import { Speculation, type SpeculationReport } from './speculation.ts';
import { TimeQueue } from './time-queue.ts';
import type { ComingRequest, Followers, RequestSource } from './workload/coming-request.ts';
import { requestSource } from './workload/request-source.ts';
import { randomFor, type Workload } from './workload/workload.ts';

export interface SimulationInput {
  readonly replica: ReplicaModel;
  /** Replicas that prefill, if others decode. */
  readonly replicaCount: number;
  /** Replicas that decode what `replica` has prefilled; undefined if each replica does both. */
  readonly disaggregation?: Disaggregation | undefined;
  /** Undefined if no replica fails. Not with `disaggregation`. */
  readonly failures?: FailureModel | undefined;
  readonly router: RouterName;
  readonly workload: Workload;
  /** Seconds of a request before it reaches the scheduler: connection, tokenizer. */
  readonly frontEndSeconds: number;
  /** Limits of a good request. */
  readonly limits: RequestLimits;
  /** The run ends at this simulated time. */
  readonly simulatedSecondsMax: number;
  /** True to keep the steps for a Chrome trace. Default: false. */
  readonly traces?: boolean;
  /** Called after answers; true ends the run, and the other requests are censored. Default: the run takes all requests. */
  readonly endsEarly?: (collector: Collector) => boolean;
  /** False to make an event of every step, for tests. Default: true. */
  readonly skipsQuietSteps?: boolean;
}

export interface SimulationOutcome {
  readonly collector: Collector;
  /** Schedulers of all replicas. */
  readonly replicas: readonly Replica[];
  readonly layouts: readonly LayoutFigures[];
  /** Null without speculative decoding. */
  readonly speculation: SpeculationReport | null;
  /** Null if each replica prefills and decodes. */
  readonly handovers: Handovers | null;
  /** Null if evicted blocks are lost. */
  readonly hostLoads: HostLoads | null;
  /** Null if no replica fails. */
  readonly failures: Failures | null;
  /** Null if requests stand alone. */
  readonly sessions: SessionFigures | null;
  /** Requests that were refused, by the code of the refusal. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly completed: number;
  readonly censored: number;
  readonly firstArrivalAt: number;
  readonly endedAt: number;
  /** Why the system has no steady state under this load; null if nothing points to that. */
  readonly unstable: string | null;
}

/** The pool of replicas that decode, and the links to them. */
export interface Disaggregation {
  readonly decode: ReplicaModel;
  readonly decodeCount: number;
  readonly link: KvLink;
}

interface Coming {
  readonly request: ComingRequest;
  /** True if it comes because another request has ended. */
  readonly isFollower: boolean;
}

/** A run stops when more requests than this wait. The limit bounds the memory, and real servers refuse earlier. */
const waitingMax = 200_000;

export function simulate(input: SimulationInput): SimulationOutcome {
  return new Simulation(input).run();
}

class Simulation {
  readonly #input: SimulationInput;
  readonly #groups: readonly ReplicaGroup[];
  readonly #replicas: readonly Replica[];
  readonly #collector: Collector;
  readonly #router: (prompt: CountedPrompt) => ReplicaGroup;
  readonly #source: RequestSource;
  readonly #handovers: Handovers | null;
  readonly #failures: Failures | null;
  readonly #hostLoads: HostLoads | null;
  /** Requests on their way to a scheduler; of those that wait for no answer, one at a time. */
  readonly #coming = new TimeQueue<Coming>();
  /** Requests with followers; all of them if replicas fail. */
  readonly #submissions = new Map<SequenceView, Submission>();
  readonly #refusals = new Map<string, number>();
  /** The queue that the arrivals of an open process find. */
  readonly #backlog = new Backlog();
  #completed = 0;
  #firstArrivalAt = 0;
  readonly #skipsQuietSteps: boolean;
  readonly #speculation: Speculation | null;
  #now: Seconds = seconds(0);
  #unstable: string | null = null;
  #isEnded = false;

  constructor(input: SimulationInput) {
    const { workload, limits, frontEndSeconds, traces = false } = input;
    this.#input = input;
    this.#skipsQuietSteps = input.skipsQuietSteps ?? true;
    const collector = new Collector({ limits, frontEndSeconds, traces });
    const onGap: GapSink = (gapSeconds, count) => collector.gap.add(gapSeconds, count);
    this.#collector = collector;
    const drafting = input.replica.speculation;
    this.#speculation =
      drafting === undefined ? null : new Speculation(drafting, randomFor(workload.seed, 'acceptance'));
    const parts = { onGap, speculation: this.#speculation };
    const pool = (model: ReplicaModel, count: number, first: number): readonly ReplicaGroup[] => {
      const { dataGroups = 1, stageShares = [1] } = model.layout ?? {};
      const lanes = dataGroups * stageShares.length;
      return Array.from(
        { length: count },
        (_, index) => new ReplicaGroup(first + index * lanes, model, parts),
      );
    };
    const groups = pool(input.replica, input.replicaCount, 0);
    const replicas = groups.flatMap((group) => group.lanes);
    const random = randomFor(workload.seed, 'router');
    this.#router = createRouter(input.router, groups, random);
    this.#source = requestSource(workload);
    const { disaggregation } = input;
    this.#failures = failuresOf(input, groups);
    this.#hostLoads = hostLoadsOf(input, groups);
    if (disaggregation === undefined) {
      [this.#groups, this.#replicas, this.#handovers] = [groups, replicas, null];
      return;
    }
    const { decode, decodeCount, link } = disaggregation;
    const decodeGroups = pool(decode, decodeCount, replicas.length);
    const decodeReplicas = decodeGroups.flatMap((group) => group.lanes);
    const router = createRouter(input.router, decodeGroups, random);
    const handovers = new Handovers({
      link,
      prefillReplicas: replicas,
      decodeReplicas,
      route: (prompt) => router(prompt).laneFor(prompt),
    });
    for (const replica of replicas) replica.onAdmitted = (_, now) => handovers.observe(replica, now);
    for (const replica of decodeReplicas) {
      replica.onAdmitted = (sequence, now) => {
        handovers.admitted(sequence, now);
        handovers.observe(replica, now);
      };
    }
    [this.#groups, this.#replicas] = [
      [...groups, ...decodeGroups],
      [...replicas, ...decodeReplicas],
    ];
    this.#handovers = handovers;
  }

  run(): SimulationOutcome {
    const { simulatedSecondsMax } = this.#input;
    this.#expectNextArrival();
    this.#firstArrivalAt = this.#coming.firstAt - this.#input.frontEndSeconds;
    for (;;) {
      const replica = this.#earliest();
      const transferAt = this.#transfers?.firstAt ?? Infinity;
      const workAt = Math.min(this.#coming.firstAt, replica?.busyUntil ?? Infinity, transferAt);
      const failures = this.#failures;
      if (workAt === Infinity && (failures === null || failures.heldCount === 0)) break;
      const eventAt = Math.min(workAt, failures?.outages.firstAt ?? Infinity);
      if (eventAt > simulatedSecondsMax) {
        this.#now = seconds(simulatedSecondsMax);
        break;
      }
      this.#now = seconds(eventAt);
      // Requests that come at the end of a step are in the next step.
      if (this.#coming.firstAt <= eventAt) this.#receive();
      else if (transferAt <= eventAt) this.#transfers?.finishTransfer(this.#now);
      else if (replica !== undefined && replica.busyUntil <= eventAt) this.#finishStep(replica);
      else if (failures !== null) this.#changeReplica(failures);
      if (this.#unstable !== null || this.#isEnded) break;
      if (this.#coming.firstAt > eventAt) this.#startIdle();
    }
    return this.#outcome();
  }

  /** What fills the blocks of sequences that wait for them. */
  get #transfers(): Handovers | HostLoads | null {
    return this.#handovers ?? this.#hostLoads;
  }

  #startIdle(): void {
    const horizon = (replica: Replica): number => this.#horizon(replica);
    for (const [index, group] of this.#groups.entries()) {
      group.startIdle(this.#now, horizon, this.#failures?.outages.failsAt(index));
    }
  }

  /** No request comes before this time: the next arrival, the next answer to a client, a transfer or a failure. */
  #horizon(replica: Replica): number {
    if (!this.#skipsQuietSteps) return 0;
    const changesAt = this.#failures?.outages.firstAt ?? Infinity;
    const transferAt = this.#transfers?.firstAt ?? Infinity;
    const next = Math.min(this.#coming.firstAt, this.#input.simulatedSecondsMax, changesAt, transferAt);
    if (!this.#source.hasFollowers && this.#handovers === null) return next;
    // A replica that starts later in this round may end a request first, and another one follows.
    const startsLater = (other: Replica): boolean =>
      other !== replica && other.isIdle && !other.scheduler.isIdle;
    if (this.#replicas.some(startsLater)) return 0;
    return this.#replicas.reduce((least, { busyUntil }) => Math.min(least, busyUntil), next);
  }

  #earliest(): Replica | undefined {
    let earliest: Replica | undefined;
    for (const replica of this.#replicas) {
      if (replica.busyUntil < (earliest?.busyUntil ?? Infinity)) earliest = replica;
    }
    return earliest;
  }

  /** A client sends the request at its time. */
  #expect(request: ComingRequest, isFollower: boolean): void {
    this.#coming.push(request.atSeconds + this.#input.frontEndSeconds, { request, isFollower });
  }

  #expectNextArrival(): void {
    const request = this.#source.next();
    if (request !== null) this.#expect(request, false);
  }

  #expectFollowers(followers: Followers | undefined, refused: boolean): void {
    if (followers === undefined) return;
    for (const request of followers({ at: this.#now, refused })) this.#expect(request, true);
  }

  #receive(): void {
    const { request, isFollower } = defined(this.#coming.pop(), 'a request comes');
    this.#submit({ request, submittedAt: this.#now, losses: 0 });
    if (!isFollower) this.#expectNextArrival();
    if (!this.#source.isOpen) return;
    const { waiting, running } = this.#counts();
    this.#backlog.add(waiting, running);
    if (waiting > waitingMax) {
      this.#unstable = `${waiting} requests wait, and the queue still grows`;
    }
  }

  /** Sends a request to a replica. */
  #submit(submission: Submission): void {
    const { prompt, outputTokens, followers } = submission.request;
    if (this.#failures?.allDown === true) {
      if (!this.#failures.hold(submission)) this.#expectFollowers(followers, true);
      return;
    }
    const replica = this.#router(prompt).laneFor(prompt);
    try {
      if (this.#handovers !== null) {
        this.#handovers.submit(replica, { prompt, outputTokens, followers }, this.#now);
      } else {
        const sequence = replica.scheduler.submit({ prompt, outputTokensMax: outputTokens }, this.#now);
        replica.outstanding++;
        const isKept = followers !== undefined || this.#failures !== null;
        if (isKept) this.#submissions.set(sequence, submission);
      }
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error;
      this.#refuse(error, followers);
    }
  }

  /** Lets a replica fail or restart, and sends its requests, and those that waited for a replica, again. */
  #changeReplica(failures: Failures): void {
    const { group, fails } = failures.change();
    if (fails) {
      for (const lane of group.lanes) {
        const stretch = lane.cutShort(this.#now);
        if (stretch !== null) this.#collector.recordStretch(lane, stretch);
      }
      this.#hostLoads?.drop(group.lanes, this.#now);
      for (const sequence of group.fail()) this.#lose(failures, sequence);
    }
    for (const submission of failures.release()) this.#submit(submission);
  }

  #lose(failures: Failures, sequence: SequenceView): void {
    const submission = defined(this.#submissions.get(sequence), 'a request of the failed replica');
    this.#submissions.delete(sequence);
    if (!failures.lose(submission, sequence)) this.#expectFollowers(submission.request.followers, true);
  }

  #refuse(error: PlimsollError, followers: Followers | undefined): void {
    this.#refusals.set(error.code, (this.#refusals.get(error.code) ?? 0) + 1);
    this.#expectFollowers(followers, true);
  }

  #finishStep(replica: Replica): void {
    const { stretch, finished } = replica.finish();
    this.#collector.recordStretch(replica, stretch);
    const completedBefore = this.#completed;
    for (const sequence of finished) this.#finishRequest(sequence);
    this.#handovers?.observe(replica, this.#now);
    if (this.#completed > completedBefore) {
      this.#isEnded = this.#input.endsEarly?.(this.#collector) === true;
    }
  }

  #finishRequest(sequence: SequenceView): void {
    if (this.#handovers === null) {
      const submission = this.#submissions.get(sequence);
      this.#submissions.delete(sequence);
      // A request that was sent again has waited since its first try.
      const submittedAt = submission?.submittedAt ?? sequence.submittedAt;
      this.#collector.recordRequest({ ...timesOf(sequence), submittedAt });
      this.#completed++;
      this.#expectFollowers(submission?.request.followers, false);
    } else if (sequence.state === 'sending') {
      const refused = this.#handovers.begin(sequence, this.#now);
      if (refused !== null) this.#refuse(refused.error, refused.handover.followers);
    } else {
      const { times, followers } = this.#handovers.end(sequence);
      this.#collector.recordRequest(times);
      this.#completed++;
      this.#expectFollowers(followers, false);
    }
  }

  #counts(): { readonly waiting: number; readonly running: number } {
    let [waiting, running] = [this.#failures?.heldCount ?? 0, 0];
    for (const { scheduler } of this.#replicas) {
      waiting += scheduler.waitingCount;
      running += scheduler.runningCount;
    }
    return { waiting, running };
  }

  #outcome(): SimulationOutcome {
    let ended = this.#completed + (this.#failures?.failed ?? 0);
    for (const count of this.#refusals.values()) ended += count;
    return {
      collector: this.#collector,
      replicas: this.#replicas,
      layouts: this.#groups.map(({ figures }) => figures),
      speculation: this.#speculation?.report() ?? null,
      handovers: this.#handovers,
      hostLoads: this.#hostLoads,
      failures: this.#failures,
      sessions: this.#source.sessions,
      refusals: this.#refusals,
      completed: this.#completed,
      censored: this.#input.workload.requests - ended,
      firstArrivalAt: this.#firstArrivalAt,
      endedAt: this.#now,
      unstable: this.#unstable ?? this.#backlog.growth(),
    };
  }
}

function failuresOf(input: SimulationInput, groups: readonly ReplicaGroup[]): Failures | null {
  const { failures, workload, disaggregation } = input;
  if (failures === undefined) return null;
  assert(disaggregation === undefined, 'failures of pools that prefill and decode are not simulated');
  const randomOf = (replica: number) => randomFor(workload.seed, 'failures', replica);
  return new Failures(new Outages(failures, groups.length, randomOf), failures.requests, groups);
}

function hostLoadsOf(
  { replica, disaggregation }: SimulationInput,
  groups: readonly ReplicaGroup[],
): HostLoads | null {
  const { hostLink, layout } = replica;
  if (hostLink === undefined) return null;
  assert(disaggregation === undefined, 'host tiers of pools that prefill and decode are not simulated');
  return new HostLoads(hostLink, groups, layout?.dataGroups ?? 1);
}
