/**
 * Learns how many prompt tokens per second a step computes. The scheduler multiplies the rate by its aim for the
 * duration of a step. The rate of a mixed step includes the time of the decoding sequences, so it settles where the
 * whole step takes as long as the aim.
 */
import type { Seconds } from '@plimsoll/foundation';
import type { StepPlan } from '@plimsoll/serving';

/** Weight of the latest step. */
const latestShare = 0.5;

export class PrefillRate {
  readonly #stepSecondsAim: number;
  #tokensPerSecond = Infinity;

  constructor(stepSecondsAim: number) {
    this.#stepSecondsAim = stepSecondsAim;
  }

  /** Infinity before the first prompt. */
  get tokensPerSecond(): number {
    return this.#tokensPerSecond;
  }

  observe({ entries }: Pick<StepPlan, 'entries'>, duration: Seconds): void {
    let tokens = 0;
    for (const { kind, count } of entries) if (kind === 'prefill') tokens += count;
    if (tokens === 0 || !(duration > 0)) return;
    const latest = tokens / duration;
    const known = this.#tokensPerSecond;
    if (known === Infinity) {
      this.#tokensPerSecond = latest;
      return;
    }
    // A short prompt beside a long decode says little about a step that is full of prompt tokens.
    const isSmall = tokens < (known * this.#stepSecondsAim) / 2;
    if (latest < known && isSmall) return;
    this.#tokensPerSecond = known + latestShare * (latest - known);
  }
}
