/** Quantiles of a histogram: the bound of the bucket that holds them, because a histogram knows no more. */
import type { HistogramState } from './server-events.ts';

export function observationCount({ counts }: HistogramState): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Null without observations; infinity if the quantile lies above the last bound. */
export function quantileBound({ bounds, counts }: HistogramState, share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    below += count;
    if (below >= share * total) return bounds[index] ?? Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}
