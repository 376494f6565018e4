import { type Seconds, seconds } from './units.ts';

/**
 * Time as a parameter: production passes `monotonicClock`; tests and the simulator pass a clock that they advance by
 * hand.
 */
export interface Clock {
  /** Seconds since an arbitrary origin; never goes backwards. */
  now(): Seconds;
}

export const monotonicClock: Clock = { now: () => seconds(performance.now() / 1000) };
