/**
 * Planned and measured times of the recent work, from step reports. The time to the first token counts from the admission of
 * a request, because a plan knows no queue: it sums the steps until the request's first token.
 */
import type { StepReport } from './server-events.ts';

/** Recent values that a mean covers. */
const decodesMax = 256;
const firstTokensMax = 32;
/** Requests that are followed to their first token. */
const followedMax = 4096;

export interface Times {
  readonly measuredSeconds: number;
  readonly plannedSeconds: number;
}

export interface MeanTimes extends Times {
  readonly count: number;
}

export class Comparison {
  readonly #decodes: Times[] = [];
  readonly #firstTokens: Times[] = [];
  readonly #followed = new Map<number, Times>();

  add({ entries, admitted, finished, preempted, seconds, predictedSeconds }: StepReport): void {
    if (predictedSeconds === null) return;
    for (const id of preempted) this.#followed.delete(id);
    for (const id of admitted) {
      if (this.#followed.size < followedMax)
        this.#followed.set(id, { measuredSeconds: 0, plannedSeconds: 0 });
    }
    const measured = seconds.plan + seconds.compute + seconds.sample;
    for (const [id, before] of this.#followed) {
      this.#followed.set(id, {
        measuredSeconds: before.measuredSeconds + measured,
        plannedSeconds: before.plannedSeconds + predictedSeconds,
      });
    }
    for (const { id, samples } of entries) {
      const times = samples ? this.#followed.get(id) : undefined;
      if (times !== undefined) keep(this.#firstTokens, times, firstTokensMax);
      if (samples) this.#followed.delete(id);
    }
    for (const id of finished) this.#followed.delete(id);
    // Every decoding sequence gets a token, so the time per output token is the time of the step.
    if (entries.some(({ kind }) => kind === 'decode')) {
      keep(this.#decodes, { measuredSeconds: measured, plannedSeconds: predictedSeconds }, decodesMax);
    }
  }

  /** Null before the first output token. */
  get perToken(): MeanTimes | null {
    return mean(this.#decodes);
  }

  get firstToken(): MeanTimes | null {
    return mean(this.#firstTokens);
  }
}

function keep(list: Times[], times: Times, most: number): void {
  list.push(times);
  if (list.length > most) list.shift();
}

function mean(list: readonly Times[]): MeanTimes | null {
  const count = list.length;
  if (count === 0) return null;
  const sum = (pick: (times: Times) => number): number =>
    list.reduce((total, times) => total + pick(times), 0);
  return {
    count,
    measuredSeconds: sum((times) => times.measuredSeconds) / count,
    plannedSeconds: sum((times) => times.plannedSeconds) / count,
  };
}
