/** Arrival processes: when requests come. */

import { assert } from '@plimsoll/foundation';
import type { Random } from '@plimsoll/foundation/random';
import type { CountedPrompt } from '@plimsoll/serving';
import { portableLog } from '../portable-math.ts';
import { type Distribution, exponential, normal } from './distribution.ts';

export interface TracedRequest {
  /** The request comes at this time, or later if the turns that it follows end later. */
  readonly atSeconds: number;
  readonly prompt: CountedPrompt;
  readonly outputTokens: number;
  /** The turns of a conversation that end before this one comes; undefined if it waits for none. */
  readonly follows?: Following | undefined;
}

export interface Following {
  /** Indices of earlier rows. */
  readonly rows: readonly number[];
  /** Seconds from the last end of these rows. */
  readonly delaySeconds: number;
}

export type Arrivals =
  /** Independent arrivals: exponential gaps with this mean rate. */
  | { readonly kind: 'poisson'; readonly requestsPerSecond: number }
  /**
   * Gaps of a gamma distribution with this mean rate; `burstiness` is the coefficient of variation of the gaps: 1 is
   * Poisson, above 1 comes in bursts, below 1 is more regular.
   */
  | { readonly kind: 'gamma'; readonly requestsPerSecond: number; readonly burstiness: number }
  /**
   * Requests of a recorded trace, in the order of their times. `starts` replaces the recorded times of requests that
   * follow none: a Poisson process, or clients that start the next conversation when the last one has ended.
   */
  | {
      readonly kind: 'trace';
      readonly rows: readonly TracedRequest[];
      readonly starts?:
        | { readonly kind: 'poisson'; readonly requestsPerSecond: number }
        | { readonly kind: 'closed'; readonly clients: number }
        | undefined;
    }
  /** Clients that send their next request when the last one is answered, after a pause in seconds. */
  | { readonly kind: 'closed'; readonly clients: number; readonly thinkSeconds: Distribution };

/** Returns a function that draws the seconds until the next arrival of an open process. */
export function gapSampler(
  arrivals: Exclude<Arrivals, { kind: 'closed' | 'trace' }>,
): (random: Random) => number {
  const { requestsPerSecond } = arrivals;
  if (arrivals.kind === 'poisson') return (random) => exponential(random) / requestsPerSecond;
  const shape = 1 / arrivals.burstiness ** 2;
  return (random) => gamma(shape, random) / (shape * requestsPerSecond);
}

/** A gamma variate with scale 1 (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000). */
function gamma(shape: number, random: Random): number {
  assert(shape > 0, `a gamma distribution of shape ${shape}`);
  // A shape below 1 is raised by 1 and taken back by a power of a uniform number (section 6 of the paper).
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && portableLog(1 - random()) < x * x * 0.5 + d - d * v + d * portableLog(v)) return d * v;
  }
}
