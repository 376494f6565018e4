/** Distributions of lengths and times. A sampler draws from a seeded generator, so that a seed gives one workload. */

import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { portableExp, portableLog } from '../portable-math.ts';

export type Distribution =
  | { readonly kind: 'fixed'; readonly value: number }
  /** Every whole number from `min` to `max`, both included. */
  | { readonly kind: 'uniform'; readonly min: number; readonly max: number }
  /** The logarithm has a normal distribution with mean ln(median) and standard deviation `sigma`; clamped. */
  | {
      readonly kind: 'lognormal';
      readonly median: number;
      readonly sigma: number;
      readonly min: number;
      readonly max: number;
    }
  /** Clamped to [min, max]. */
  | { readonly kind: 'exponential'; readonly mean: number; readonly min: number; readonly max: number }
  /** Draws one of the values, each equally likely. */
  | { readonly kind: 'empirical'; readonly values: readonly number[] };

/** Returns a function that draws a number of tokens: a whole number, at least 1. */
export function tokenSampler(distribution: Distribution): (random: Random) => number {
  const draw = sampler(distribution);
  return (random) => Math.max(1, Math.round(draw(random)));
}

/** Returns a function that draws a count: a whole number, 0 or more. */
export function countSampler(distribution: Distribution): (random: Random) => number {
  const draw = sampler(distribution);
  return (random) => Math.max(0, Math.round(draw(random)));
}

/** Returns a function that draws one value. Every call takes a fixed count of random numbers of its kind. */
export function sampler(distribution: Distribution): (random: Random) => number {
  switch (distribution.kind) {
    case 'fixed':
      return () => distribution.value;
    case 'uniform':
      return (random) => randomInteger(random, distribution.min, distribution.max + 1);
    case 'lognormal': {
      const { median, sigma, min, max } = distribution;
      return (random) => clamp(median * portableExp(sigma * normal(random)), min, max);
    }
    case 'exponential': {
      const { mean, min, max } = distribution;
      return (random) => clamp(mean * exponential(random), min, max);
    }
    case 'empirical': {
      const { values } = distribution;
      return (random) => values[randomInteger(random, 0, values.length)] ?? 1;
    }
    default:
      return distribution satisfies never;
  }
}

/** Mean of the distribution; clamped kinds are integrated over 1,000 equal shares of probability. */
export function meanOf(distribution: Distribution): number {
  switch (distribution.kind) {
    case 'fixed':
      return distribution.value;
    case 'uniform':
      return (distribution.min + distribution.max) / 2;
    case 'empirical':
      return distribution.values.reduce((sum, value) => sum + value, 0) / distribution.values.length;
    case 'lognormal':
    case 'exponential': {
      const shares = 1000;
      const draw = sampler(distribution);
      let sum = 0;
      for (let share = 0; share < shares; share++) {
        const middle = (share + 0.5) / shares;
        sum +=
          distribution.kind === 'exponential' ? draw(() => middle) : lognormalQuantile(distribution, middle);
      }
      return sum / shares;
    }
    default:
      return distribution satisfies never;
  }
}

/** A standard exponential variate. */
export function exponential(random: Random): number {
  return -portableLog(1 - random());
}

/** A standard normal variate by the Box-Muller transform, which takes two random numbers in every call. */
export function normal(random: Random): number {
  const radius = Math.sqrt(2 * exponential(random));
  return radius * Math.cos(2 * Math.PI * random());
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function lognormalQuantile(
  { median, sigma, min, max }: Extract<Distribution, { kind: 'lognormal' }>,
  share: number,
): number {
  return clamp(median * portableExp(sigma * normalQuantile(share)), min, max);
}

/** Inverse of the standard normal distribution: Abramowitz and Stegun 26.2.23, absolute error below 4.5e-4. */
function normalQuantile(share: number): number {
  const tail = Math.min(share, 1 - share);
  const t = Math.sqrt(-2 * portableLog(tail));
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328);
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  const quantile = t - numerator / denominator;
  return share < 0.5 ? -quantile : quantile;
}
