/** The report of a run: figures with their statistic in the name, and no time of day, so that equal seeds give equal bytes. */
import type { HandoverReport } from './disaggregation/handovers.ts';
import type { FailureReport } from './failures/failures.ts';
import type { HostCacheReport } from './host-cache/host-loads.ts';
import type { Statistics } from './measurement/samples.ts';
import type { SessionStatistics } from './measurement/session-figures.ts';
import type { SimulationInput, SimulationOutcome } from './simulate.ts';
import type { SpeculationReport } from './speculation.ts';

export interface SimulationReport {
  /** Requests that ended, that had not ended when the run did, and that were refused. */
  readonly requests: {
    readonly completed: number;
    readonly censored: number;
    readonly refused: number;
    /** Refused requests by the code of the error. */
    readonly refusals: Readonly<Record<string, number>>;
  };
  /** False if the queue has no steady state; the figures then depend on the length of the run. */
  readonly stable: boolean;
  readonly unstableReason: string | null;
  /** From the first arrival to the last answer. */
  readonly simulatedSeconds: number;
  readonly throughput: {
    readonly requestsPerSecond: number;
    readonly outputTokensPerSecond: number;
    readonly totalTokensPerSecond: number;
  };
  /** Requests that held every limit of the SLOs; null without such limits. */
  readonly goodput: { readonly requestsPerSecond: number; readonly share: number } | null;
  /** Seconds. TTFT is the sum of its three parts, request by request. */
  readonly ttft: Statistics | null;
  readonly ttftParts: {
    readonly frontEndSeconds: number;
    readonly queue: Statistics | null;
    readonly prefill: Statistics | null;
  };
  /** Seconds per token, one value per request: (E2E - TTFT) / (output tokens - 1). */
  readonly itl: Statistics | null;
  /** Seconds between two tokens of a request, one value per gap; percentiles within 0.25 %. */
  readonly tokenGap: Statistics | null;
  readonly e2e: Statistics | null;
  /** Whole sessions; null if requests stand alone. */
  readonly sessions: SessionStatistics | null;
  readonly kvCache: {
    readonly blocks: number;
    readonly blockTokens: number;
    /** Shares of the blocks that sequences own, over time and at most. */
    readonly occupancyMean: number;
    readonly occupancyPeak: number;
    /** Share of the prompt tokens that the prefix cache had. */
    readonly prefixHitShare: number;
    readonly preemptions: number;
    /** Tokens that were computed again after a preemption. */
    readonly recomputedTokens: number;
  };
  readonly batch: {
    readonly steps: number;
    readonly runningMean: number;
    readonly waitingMean: number;
    /** Share of the time in which a replica computes. */
    readonly busyShare: number;
  };
  /** Null if each replica prefills and decodes. */
  readonly disaggregation: HandoverReport | null;
  /** Null if each replica has one scheduler. */
  readonly layout: LayoutReport | null;
  /** Null without speculative decoding. */
  readonly speculation: SpeculationReport | null;
  /** Only of runs in which host memory keeps evicted blocks. */
  readonly hostCache?: HostCacheReport;
  /** Only of runs in which replicas may fail. */
  readonly failures?: FailureReport;
}

export interface LayoutReport {
  readonly stages: number;
  readonly dataGroups: number;
  /** Steps of data groups without work, which compute one token because the others wait for their experts. */
  readonly dummySteps: number;
  /** Share of the time with requests in which a stage of the pipeline has no work. */
  readonly bubbleShare: number;
}

export function reportOf(input: SimulationInput, outcome: SimulationOutcome): SimulationReport {
  const { collector, refusals, replicas } = outcome;
  const endedAt = collector.lastFinishAt > 0 ? collector.lastFinishAt : outcome.endedAt;
  const duration = Math.max(endedAt - outcome.firstArrivalAt, Number.MIN_VALUE);
  const { limits } = input;
  const hasLimits = Object.values(limits).some((limit) => limit !== undefined);
  let refused = 0;
  for (const count of refusals.values()) refused += count;
  return {
    requests: {
      completed: outcome.completed,
      censored: outcome.censored,
      refused,
      refusals: Object.fromEntries([...refusals].sort(([left], [right]) => (left < right ? -1 : 1))),
    },
    stable: outcome.unstable === null,
    unstableReason: outcome.unstable,
    simulatedSeconds: duration,
    throughput: {
      requestsPerSecond: outcome.completed / duration,
      outputTokensPerSecond: collector.outputTokens / duration,
      totalTokensPerSecond: (collector.outputTokens + collector.promptTokens) / duration,
    },
    goodput: hasLimits
      ? {
          requestsPerSecond: collector.good / duration,
          share: collector.good / Math.max(1, outcome.completed),
        }
      : null,
    ttft: collector.ttft.statistics(),
    ttftParts: {
      frontEndSeconds: input.frontEndSeconds,
      queue: collector.queue.statistics(),
      prefill: collector.prefill.statistics(),
    },
    itl: collector.itl.statistics(),
    tokenGap: collector.gap.statistics(),
    e2e: collector.e2e.statistics(),
    sessions: outcome.sessions?.statistics() ?? null,
    kvCache: kvOf(input, outcome),
    batch: batchOf(replicas.length, outcome, duration),
    disaggregation: outcome.handovers?.report({ from: outcome.firstArrivalAt, to: endedAt }) ?? null,
    layout: layoutOf(input, outcome),
    speculation: outcome.speculation,
    ...(outcome.hostLoads !== null && { hostCache: outcome.hostLoads.report(duration) }),
    ...(outcome.failures !== null && { failures: outcome.failures.report(outcome.endedAt) }),
  };
}

function layoutOf({ replica }: SimulationInput, { layouts }: SimulationOutcome): LayoutReport | null {
  const { layout } = replica;
  if (layout === undefined) return null;
  const stages = layout.stageShares.length;
  let [dummySteps, computed, busy] = [0, 0, 0];
  for (const figures of layouts) {
    dummySteps += figures.dummySteps;
    computed += figures.stageSeconds;
    busy += figures.busySeconds;
  }
  const { dataGroups } = layout;
  const bubbleShare = stages === 1 || busy === 0 ? 0 : 1 - computed / (stages * busy);
  return { stages, dataGroups, dummySteps, bubbleShare };
}

function kvOf(
  input: SimulationInput,
  { collector, replicas }: SimulationOutcome,
): SimulationReport['kvCache'] {
  let [preemptions, recomputedTokens, queried, hit] = [0, 0, 0, 0];
  for (const { counters: metrics } of replicas) {
    preemptions += metrics.preemptions;
    recomputedTokens += metrics.discardedTokens;
    queried += metrics.prefixQueryTokens;
    hit += metrics.prefixHitTokens;
  }
  return {
    blocks: replicas.reduce((sum, { blockCount }) => sum + blockCount, 0),
    blockTokens: input.replica.serving.blockSize,
    occupancyMean: meanOver(collector, ({ kvShare }) => kvShare) / replicas.length,
    occupancyPeak: collector.kvPeak,
    prefixHitShare: queried === 0 ? 0 : hit / queried,
    preemptions,
    recomputedTokens,
  };
}

function batchOf(
  replicaCount: number,
  { collector, replicas }: SimulationOutcome,
  duration: number,
): SimulationReport['batch'] {
  const busySeconds = replicas.reduce((sum, replica) => sum + replica.busySeconds, 0);
  return {
    steps: replicas.reduce((sum, { counters }) => sum + counters.steps, 0),
    runningMean: meanOver(collector, ({ running }) => running),
    waitingMean: meanOver(collector, ({ waiting }) => waiting),
    busyShare: Math.min(1, busySeconds / (replicaCount * duration)),
  };
}

type Point = ReturnType<SimulationOutcome['collector']['timeline']['points']>[number];

/** Mean over time. The last interval of the timeline may be shorter than the others. */
function meanOver({ timeline }: SimulationOutcome['collector'], value: (point: Point) => number): number {
  const points = timeline.points();
  let [sum, total] = [0, 0];
  for (const [index, point] of points.entries()) {
    const end = points[index + 1]?.at ?? timeline.end;
    sum += value(point) * (end - point.at);
    total += end - point.at;
  }
  return total === 0 ? 0 : sum / total;
}
