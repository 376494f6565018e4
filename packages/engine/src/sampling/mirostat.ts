/**
 * Mirostat 2 (https://arxiv.org/abs/2007.14966, as in llama.cpp): cuts tokens that would surprise by more than `mu`
 * bits and moves `mu` after each token so that the surprise stays near `tau`.
 */
import type { Candidates } from './candidates.ts';
import type { MirostatParams } from './sampler-params.ts';

export class Mirostat {
  readonly #params: MirostatParams;
  #surpriseMaxBits: number;

  constructor(params: MirostatParams) {
    this.#params = params;
    this.#surpriseMaxBits = 2 * params.tau;
  }

  /** Cuts, and leaves probabilities over the rest; the likeliest token always stays. */
  cut(candidates: Candidates): void {
    candidates.normalise();
    const { probabilities } = candidates;
    let best = 0;
    for (let index = 1; index < candidates.count; index++) {
      if ((probabilities[index] as number) > (probabilities[best] as number)) best = index;
    }
    const lowest = Math.min(2 ** -this.#surpriseMaxBits, probabilities[best] as number);
    candidates.keepAtLeast(probabilities, lowest);
    candidates.normalise();
  }

  /** Learns from the token that was chosen: its probability after the cut. */
  observe(probability: number): void {
    const surpriseBits = -Math.log2(probability);
    this.#surpriseMaxBits -= this.#params.eta * (surpriseBits - this.#params.tau);
  }
}
