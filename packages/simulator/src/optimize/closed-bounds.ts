/**
 * Bounds that hold for every simulation of a replica, by closed forms. A candidate that breaks one needs no simulation.
 *
 * - token time: no step is faster than the step of one sequence with the shortest context.
 * - first token: a prompt waits for the front end and for its own computation, less the prefix that a cache may have.
 * - rate: a replica decodes no faster than with the most sequences, each at the end of its prompt, and computes tokens no
 *   faster than in full steps of prompts. With fewer replicas than the rate of arrivals needs, the queue has no steady
 *   state.
 */
import type { LoadEntry } from '@plimsoll/planner/speed';
import type { ReplicaModel } from '../replica.ts';
import { durationSeconds } from '../scenario/scenario-schema.ts';
import type { Slo } from '../scenario/slo-text.ts';
import type { OfferedLoad } from './offered-load.ts';
import { replicasForTokenRate } from './token-rate-bound.ts';

export interface BoundedReplica {
  readonly replica: ReplicaModel;
  readonly frontEndSeconds: number;
}

/** The SLO that no run of a candidate holds. */
export interface BrokenSlo {
  readonly name: string;
  /** Least seconds of the figure. */
  readonly seconds: number;
  readonly limitSeconds: number;
}

/** Returns the SLO that the bounds exceed by the largest factor; null if a run may hold all. */
export function brokenSlo(replica: BoundedReplica, load: OfferedLoad, slo: Slo): BrokenSlo | null {
  let worst: BrokenSlo | null = null;
  for (const [name, limit] of Object.entries(slo)) {
    const limitSeconds = durationSeconds(limit);
    const seconds = leastSeconds(replica, load, name);
    const isWorse = worst === null || seconds / limitSeconds > worst.seconds / worst.limitSeconds;
    if (seconds > limitSeconds && isWorse) worst = { name, seconds, limitSeconds };
  }
  return worst;
}

function leastSeconds(replica: BoundedReplica, load: OfferedLoad, name: string): number {
  const place = name.lastIndexOf('-');
  const figure = name.slice(0, place);
  const share = { p50: 0.5, p90: 0.9, p99: 0.99 }[name.slice(place + 1)] ?? 0;
  const tokenSeconds = stepOf(replica, [decodeEntry(load)]);
  const promptSeconds = (tokens: number): number =>
    replica.frontEndSeconds + stepOf(replica, [{ kind: 'prefill', start: 0, count: tokens, sampledRows: 1 }]);
  switch (figure) {
    case 'itl':
    case 'tpot':
    case 'token-gap':
      return tokenSeconds;
    case 'ttft':
      return promptSeconds(atShare(load.computedTokens, share));
    case 'e2e': {
      const least = promptSeconds(atShare(load.computedTokens, 0));
      return least + (atShare(load.outputTokens, share) - 1) * tokenSeconds;
    }
    default:
      return 0;
  }
}

/** Returns a value that at most this share of the sorted values is below. */
function atShare(values: readonly number[], share: number): number {
  return values[Math.floor(share * (values.length - 1))] ?? 1;
}

function decodeEntry(load: OfferedLoad): LoadEntry {
  return { kind: 'decode', start: atShare(load.computedTokens, 0), count: 1, sampledRows: 1 };
}

function stepOf({ replica }: BoundedReplica, entries: readonly LoadEntry[]): number {
  return replica.stepSeconds(entries);
}

/** Returns the most requests per second that one replica serves. */
export function requestRateMax(bounded: BoundedReplica, load: OfferedLoad): number {
  const { tokenBudget } = bounded.replica.serving;
  const running = runningMost(bounded, load);
  const decodeRate = running / decodeStep(bounded, load, running);
  const tokenRate = tokenBudget / promptStep(bounded, load);
  // The first token of an output comes from the step of its prompt.
  const decodedMean = Math.max(0, load.outputMean - 1);
  return 1 / Math.max(decodedMean / decodeRate, (load.computedMean + decodedMean) / tokenRate);
}

/** Seconds of a step that decodes, with prompts as a full step has them: evenly spaced places of the sorted lengths. */
function decodeStep(bounded: BoundedReplica, load: OfferedLoad, running: number): number {
  const sequences = Array.from(
    { length: running },
    (_, index): LoadEntry => ({
      ...{ kind: 'decode', count: 1, sampledRows: 1 },
      start: atShare(load.promptTokens, (index + 0.5) / running),
    }),
  );
  return stepOf(bounded, sequences);
}

/** Seconds of a full step of prompts with the least attention: many of the shortest length. */
function promptStep(bounded: BoundedReplica, load: OfferedLoad): number {
  const { tokenBudget } = bounded.replica.serving;
  const shortest = atShare(load.computedTokens, 0);
  const entries: LoadEntry[] = [];
  for (let left = tokenBudget; left > 0; left -= shortest) {
    entries.push({ kind: 'prefill', start: 0, count: Math.min(left, shortest), sampledRows: 0 });
  }
  return stepOf(bounded, entries);
}

/** Sequences at once: those that the engine allows and whose computed prompts the blocks hold. */
function runningMost({ replica }: BoundedReplica, load: OfferedLoad): number {
  const { runningMax, groups, blockSize } = replica.serving;
  const most = groups
    .filter(({ window }) => window === null)
    .map(({ blockCount }) => Math.floor((blockCount * blockSize) / load.computedMean));
  return Math.max(1, Math.min(runningMax, ...most));
}

/** Returns the least number of replicas whose queue has a steady state and whose tokens may keep the SLO. */
export function replicasMin(
  replica: BoundedReplica,
  load: OfferedLoad,
  goal: { readonly slo: Slo; readonly requests: number },
): number {
  if (load.requestsPerSecond === null) return 1;
  const steady = Math.floor(load.requestsPerSecond / requestRateMax(replica, load)) + 1;
  const steps = {
    stepSeconds: (sequences: number) => decodeStep(replica, load, sequences),
    runningMost: runningMost(replica, load),
  };
  return Math.max(steady, replicasForTokenRate(steps, load, goal));
}
