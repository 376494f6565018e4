/**
 * A lower bound on replicas from limits of ITL and TTFT together. A step of more sequences takes longer, so requests that
 * keep an ITL limit share steps with few others, and a replica gives their tokens at no more than a certain rate. A
 * limit of TTFT bounds the time in which it may do so: good requests start to decode soon after they arrive.
 *
 * Let g be the good requests of a step and s(g) its seconds. The gaps of all good tokens add up to the sum of g s(g), at
 * most L for each token. For s = a + c g, equal steps with s(g) = L give the most tokens in a time (Cauchy-Schwarz), and
 * steps of rooflines are convex in g.
 */
import { durationSeconds } from '../scenario/scenario-schema.ts';
import type { Slo } from '../scenario/slo-text.ts';
import type { OfferedLoad } from './offered-load.ts';

export interface DecodeSteps {
  /** Seconds of a step of this number of sequences, at the least. */
  readonly stepSeconds: (sequences: number) => number;
  /** Sequences that a replica runs at once, at most. */
  readonly runningMost: number;
}

interface Limit {
  readonly seconds: number;
  /** Share of the requests that may exceed it. */
  readonly missing: number;
}

const missingOf: Readonly<Record<string, number>> = { p50: 0.5, p90: 0.1, p99: 0.01 };

/** Standard deviations of the time of the last arrival that the bound allows for. */
const arrivalDeviations = 5;

/** Returns 1 if the SLO does not limit both times by percentiles. `requests` is the number of requests of a run. */
export function replicasForTokenRate(
  steps: DecodeSteps,
  load: OfferedLoad,
  { slo, requests }: { readonly slo: Slo; readonly requests: number },
): number {
  const itl = tightestOf(slo, ['itl', 'tpot']);
  const ttft = tightestOf(slo, ['ttft']);
  if (load.requestsPerSecond === null || itl === null || ttft === null) return 1;
  const goodCount = Math.floor(requests * (1 - itl.missing - ttft.missing)) - 2;
  const goodTokens = requests * leastTokens(load.outputTokens, goodCount / requests);
  const longest = (load.outputTokens.at(-1) ?? 1) * itl.seconds;
  const arrivalSeconds = (requests + arrivalDeviations * Math.sqrt(requests)) / load.requestsPerSecond;
  const rateMost = tokenRateMost(steps, itl.seconds);
  return Math.max(1, Math.ceil(goodTokens / (rateMost * (arrivalSeconds + ttft.seconds + longest))));
}

/** The limit of a figure that the fewest requests may exceed, the shorter of equals. */
function tightestOf(slo: Slo, figures: readonly string[]): Limit | null {
  let tightest: Limit | null = null;
  for (const [name, limit] of Object.entries(slo)) {
    const place = name.lastIndexOf('-');
    const missing = missingOf[name.slice(place + 1)];
    if (missing === undefined || !figures.includes(name.slice(0, place))) continue;
    const found = { seconds: durationSeconds(limit), missing };
    if (tightest === null || found.missing < tightest.missing) tightest = found;
    else if (found.missing === tightest.missing && found.seconds < tightest.seconds) tightest = found;
  }
  return tightest;
}

/** Decoded tokens of the requests with the shortest outputs, this share of all, per request of all. */
function leastTokens(sortedOutputs: readonly number[], share: number): number {
  const count = Math.floor(Math.max(0, share) * sortedOutputs.length);
  let tokens = 0;
  // The first token of an output comes from the step of its prompt.
  for (const output of sortedOutputs.slice(0, count)) tokens += output - 1;
  return tokens / Math.max(1, sortedOutputs.length);
}

/** Most tokens per second within the limit: those of the largest step, or of one sequence more in the limit's time. */
function tokenRateMost({ stepSeconds, runningMost }: DecodeSteps, limitSeconds: number): number {
  const fullSeconds = stepSeconds(runningMost);
  if (fullSeconds <= limitSeconds) return runningMost / fullSeconds;
  let [within, beyond] = [0, runningMost];
  while (beyond - within > 1) {
    const middle = (within + beyond) >> 1;
    if (stepSeconds(middle) <= limitSeconds) within = middle;
    else beyond = middle;
  }
  return beyond / limitSeconds;
}
