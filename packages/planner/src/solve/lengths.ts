/** Distributions of request lengths in tokens, with the expectations that the sizes of caches need. */
import { PlimsollError } from '@plimsoll/foundation';

export const lengthShapes = ['exponential', 'uniform', 'fixed'] as const;
export type LengthShape = (typeof lengthShapes)[number];

export interface Lengths {
  readonly meanTokens: number;
  readonly maxTokens: number;
  /** Probability that a request is longer than this. */
  survival(tokens: number): number;
  /** Expected tokens of a request below this position: the mean of min(length, position). */
  meanBelow(tokens: number): number;
}

export interface LengthsInput {
  readonly shape: LengthShape;
  readonly meanTokens: number;
  /** Longest request. */
  readonly maxTokens: number;
}

/**
 * Builds the distribution with this mean. `exponential` is cut at the longest request, so that its mean rises from 0 to
 * the maximum; `uniform` is symmetric around the mean and ends at the maximum or at twice the mean.
 */
export function lengthsOf({ shape, meanTokens, maxTokens }: LengthsInput): Lengths {
  if (meanTokens > maxTokens) {
    throw new PlimsollError({
      code: 'bad-input',
      message: `the mean request of ${meanTokens} tokens is longer than the longest of ${maxTokens}`,
      value: meanTokens,
      limit: maxTokens,
      hint: 'a mean at or below the maximum',
    });
  }
  const bounds = { meanTokens, maxTokens };
  if (shape === 'fixed' || meanTokens === maxTokens) return fixedLengths(bounds);
  return shape === 'uniform' ? uniformLengths(bounds) : exponentialLengths(bounds);
}

type Bounds = Pick<Lengths, 'meanTokens' | 'maxTokens'>;

function fixedLengths({ meanTokens, maxTokens }: Bounds): Lengths {
  return {
    meanTokens,
    maxTokens,
    survival: (tokens) => (tokens < meanTokens ? 1 : 0),
    meanBelow: (tokens) => Math.min(tokens, meanTokens),
  };
}

function uniformLengths({ meanTokens, maxTokens }: Bounds): Lengths {
  const half = Math.min(meanTokens, maxTokens - meanTokens);
  const [low, high] = [meanTokens - half, meanTokens + half];
  const survival = (tokens: number): number =>
    tokens <= low ? 1 : tokens >= high ? 0 : (high - tokens) / (high - low);
  return {
    meanTokens,
    maxTokens,
    survival,
    meanBelow(tokens) {
      if (tokens <= low) return tokens;
      const end = Math.min(tokens, high);
      return low + ((1 + survival(end)) / 2) * (end - low);
    },
  };
}

function exponentialLengths({ meanTokens, maxTokens }: Bounds): Lengths {
  const scale = exponentialScale(meanTokens, maxTokens);
  return {
    meanTokens,
    maxTokens,
    survival: (tokens) => (tokens < maxTokens ? Math.exp(-tokens / scale) : 0),
    meanBelow: (tokens) => -scale * Math.expm1(-Math.min(tokens, maxTokens) / scale),
  };
}

/** Finds the scale at which an exponential length, cut at the maximum, has this mean. */
function exponentialScale(meanTokens: number, maxTokens: number): number {
  const ratio = meanTokens / maxTokens;
  // (1 - e^-t) / t falls from 1 to 0 as t = maximum / scale grows.
  let [low, high] = [0, 1 / ratio];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (-Math.expm1(-middle) / middle > ratio) low = middle;
    else high = middle;
  }
  return maxTokens / high;
}

/** Mean and standard deviation of a whole number of bytes that grows in steps of `pageTokens`. */
export function pagedMoments(
  lengths: Lengths,
  pageTokens: number,
  bytesOf: (tokens: number) => number,
): { readonly mean: number; readonly deviation: number } {
  let mean = 0;
  let square = 0;
  let reached = 1;
  for (let start = 0; start < lengths.maxTokens && reached > 0; start += pageTokens) {
    const end = start + pageTokens;
    const longer = end >= lengths.maxTokens ? 0 : lengths.survival(end);
    const bytes = bytesOf(end);
    mean += (reached - longer) * bytes;
    square += (reached - longer) * bytes * bytes;
    reached = longer;
  }
  return { mean, deviation: Math.sqrt(Math.max(0, square - mean * mean)) };
}
