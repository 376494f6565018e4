/**
 * Mirostat 2 (https://arxiv.org/abs/2007.14966, as in llama.cpp): cuts tokens whose surprise is above `mu` bits, and
 * adjusts `mu` after each token so that the surprise stays near `tau`. `mu` is `#surpriseMaxBits` here.
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

  /** Cuts the candidates and normalises the probabilities of the rest. The most likely token always stays. */
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

  /** Adjusts the threshold. `probability` is the chosen token's probability after the cut. */
  observe(probability: number): void {
    const surpriseBits = -Math.log2(probability);
    this.#surpriseMaxBits -= this.#params.eta * (surpriseBits - this.#params.tau);
  }
}
