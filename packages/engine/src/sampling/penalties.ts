/**
 * Penalties for repeated tokens. The class keeps no state between tokens: it recounts the history each time, so
 * rollbacks and forks need no extra code.
 *
 * Repetition: https://arxiv.org/abs/1909.05858, with llama.cpp's correction: a negative logit is multiplied, because
 * dividing it would reward the repeat. Frequency and presence: the OpenAI API.
 */
import type { SamplerParams } from './sampler-params.ts';

export class Penalties {
  /** [vocabulary]: zero outside `apply`. */
  readonly #counts: Int32Array;
  readonly #params: SamplerParams;
  /** False if `apply` changes no row. */
  readonly isActive: boolean;

  /** `counts`: scratch memory, [vocabulary], all zero. */
  constructor(params: SamplerParams, counts: Int32Array) {
    this.#params = params;
    this.isActive =
      params.penaltyWindowTokens !== 0 &&
      (params.repetitionPenalty !== 1 || params.frequencyPenalty !== 0 || params.presencePenalty !== 0);
    this.#counts = counts;
  }

  apply(row: Float32Array, history: ArrayLike<number>): void {
    if (!this.isActive) return;
    const { penaltyWindowTokens, repetitionPenalty, frequencyPenalty, presencePenalty } = this.#params;
    const counts = this.#counts;
    const start = penaltyWindowTokens === null ? 0 : Math.max(0, history.length - penaltyWindowTokens);
    for (let index = start; index < history.length; index++) {
      const token = history[index] as number;
      counts[token] = (counts[token] as number) + 1;
    }
    for (let index = start; index < history.length; index++) {
      const token = history[index] as number;
      const count = counts[token] as number;
      // A count of zero means that an earlier occurrence applied the penalty and reset the count.
      if (count === 0) continue;
      counts[token] = 0;
      const logit = row[token] as number;
      const repeated = logit <= 0 ? logit * repetitionPenalty : logit / repetitionPenalty;
      row[token] = repeated - count * frequencyPenalty - presencePenalty;
    }
  }
}
