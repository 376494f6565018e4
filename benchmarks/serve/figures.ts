/** Turns the raw times of a load into figures. */
import { quantile } from '../record/statistics.ts';
import type { LoadRun } from './run-load.ts';
import type { Spread, StepShares, TurnFigures } from './serve-record.ts';

/** The fields of a step report (`GET /v1/events`) that the figures need. */
export interface StepEvent {
  readonly startedAt: number;
  readonly seconds: { readonly plan: number; readonly compute: number; readonly sample: number };
  readonly waitingCount: number;
  readonly runningCount: number;
  /** Reports before this that the server dropped, because the reader was too slow. */
  readonly missed: number;
}

export function loadFigures({ completions, seconds, clientShare }: LoadRun, promptTokens: number) {
  const outputTokens = completions.reduce((sum, completion) => sum + completion.outputTokens, 0);
  const firstTokens = completions.map(
    ({ sentAt, textAt, endedAt }) => ((textAt[0] ?? endedAt) - sentAt) / 1000,
  );
  const gaps = completions.flatMap(({ textAt }) =>
    textAt.slice(1).map((at, index) => (at - (textAt[index] ?? at)) / 1000),
  );
  return {
    seconds,
    outputTokensPerSecond: outputTokens / seconds,
    requestsPerSecond: completions.length / seconds,
    firstTokenSeconds: spread(firstTokens),
    gapSeconds: spread(gaps),
    promptTokens,
    cachedTokens: completions.reduce((sum, completion) => sum + completion.cachedTokens, 0),
    clientShare,
  };
}

function spread(values: readonly number[]): Spread {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
}

/**
 * Shares of the time in which the engine had work: the time between two steps counts if requests were left after the
 * first of them. Null for fewer than two steps.
 */
export function stepFigures(events: readonly StepEvent[]): NonNullable<TurnFigures['steps']> | null {
  const sums = { between: 0, plan: 0, compute: 0, sample: 0 };
  let freeAt: number | null = null;
  for (const { startedAt, seconds, waitingCount, runningCount, missed } of events) {
    if (freeAt !== null && missed === 0) sums.between += startedAt - freeAt;
    sums.plan += seconds.plan;
    sums.compute += seconds.compute;
    sums.sample += seconds.sample;
    const endedAt = startedAt + seconds.plan + seconds.compute + seconds.sample;
    freeAt = waitingCount + runningCount > 0 ? endedAt : null;
  }
  const total = sums.between + sums.plan + sums.compute + sums.sample;
  if (events.length < 2 || total === 0) return null;
  const { between, plan, compute, sample } = sums;
  const shares: StepShares = {
    between: between / total,
    plan: plan / total,
    compute: compute / total,
    sample: sample / total,
  };
  return { count: events.length, secondsMean: total / events.length, shares };
}
