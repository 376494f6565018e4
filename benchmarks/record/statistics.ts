/** Order statistics of timings. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Interpolates linearly between order statistics. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
}
