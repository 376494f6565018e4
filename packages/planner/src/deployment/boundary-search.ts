/**
 * Finds the largest value that fits, where the need never decreases. A call of `need` can cost a whole compute graph, so
 * the search follows the line through the needs that it knows; every other step halves the range, in case the need is no
 * line.
 */

export interface Boundary {
  /** Largest value that may be returned. */
  readonly limit: number;
  /** The most that a fitting value needs. */
  readonly room: number;
  /** A value to start from. */
  readonly near: number;
}

interface Sample {
  readonly value: number;
  readonly need: number;
}

/** Returns the largest whole number from 1 to `limit` whose need is at most `room`; 0 if there is none. */
export function largestWithin({ limit, room, near }: Boundary, need: (value: number) => number): number {
  let low: Sample | null = null;
  let high: Sample | null = null;
  let previous: Sample = { value: 0, need: 0 };
  let value = Math.min(Math.max(Math.floor(near), 1), limit);
  for (let step = 1, round = 1; value > 0; round++) {
    const sample: Sample = { value, need: need(value) };
    if (sample.need <= room) low = sample;
    else high = sample;
    const bottom = low?.value ?? 0;
    const top = high?.value ?? limit + 1;
    if (top - bottom <= 1) return bottom;
    const crossing = crossingOf(low !== null && high !== null ? [low, high] : [previous, sample], room);
    if (low !== null && high !== null) {
      const guess = round % 2 === 0 ? crossing : Math.floor((bottom + top) / 2);
      value = Math.min(Math.max(guess, bottom + 1), top - 1);
    } else {
      // One end of the range is still open. The steps double, in case the line falls short again and again.
      value = high === null ? Math.max(crossing, bottom + step) : Math.min(crossing, top - step);
      value = Math.min(Math.max(value, 1), limit);
      step *= 2;
    }
    previous = sample;
  }
  return 0;
}

/** The need of a value, and a bound below that costs little; null if there is no bound. */
export interface BoundedNeed {
  readonly exact: (value: number) => number;
  readonly least: (value: number) => number | null;
}

/** Like `largestWithin`, without the exact need of values whose bound exceeds the room. */
export function largestBelow(boundary: Boundary, { exact, least }: BoundedNeed): number {
  if (least(1) === null) return largestWithin(boundary, exact);
  const limit = largestWithin(boundary, (value) => least(value) ?? 0);
  return limit === 0 ? 0 : largestWithin({ ...boundary, limit, near: limit }, exact);
}

/** Returns the largest number from 1 to `most` that meets a condition which fails from some number on; 0 if none does. */
export function largestMeeting(most: number, meets: (count: number) => boolean): number {
  if (most < 1 || !meets(1)) return 0;
  if (meets(most)) return most;
  let [low, high] = [1, most];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (meets(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Returns the whole number at or below the value where the line through two samples reaches `room`. */
function crossingOf([first, second]: readonly [Sample, Sample], room: number): number {
  const slope = (second.need - first.need) / (second.value - first.value);
  return slope > 0 ? Math.floor(second.value + (room - second.need) / slope) : second.value;
}
