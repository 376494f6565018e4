/** Searches over whole numbers for conditions that hold up to a point, or from a point on. */

/** Returns the least number from `least` on that meets a condition which more never breaks. */
export function leastMeeting(least: number, meets: (count: number) => boolean): number {
  let [low, high] = [least - 1, least];
  for (let step = 1; !meets(high); step *= 2) {
    low = high;
    high += step;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (meets(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Returns the smallest factor whose value is at most the limit, for a value that falls with it; null if none is. */
export function leastFactor(limit: number, valueAt: (factor: number) => number): number | null {
  let [low, high] = [1e-6, 1e6];
  if (valueAt(high) > limit) return null;
  for (let step = 0; step < 60; step++) {
    const middle = Math.sqrt(low * high);
    if (valueAt(middle) > limit) low = middle;
    else high = middle;
  }
  return high;
}

/** Powers of two below `most`, and `most`: the rows of a table over a count. */
export function powersTo(most: number): readonly number[] {
  const powers: number[] = [];
  for (let count = 1; count < most; count *= 2) powers.push(count);
  return [...powers, most];
}
