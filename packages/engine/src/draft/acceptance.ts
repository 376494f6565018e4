/** Statistics of a drafter's accepted tokens, and formulas for the speedup that they give. */
import { assert } from '@plimsoll/foundation';

/** Results of the drafts that a model has verified so far. */
export interface AcceptanceSummary {
  /** Verified drafts: each is one step of one sequence. */
  readonly steps: number;
  /** Drafted tokens that the model checked. */
  readonly drafted: number;
  /** Drafted tokens that the model kept. */
  readonly accepted: number;
  /** accepted / drafted; null before the first drafted token. */
  readonly acceptanceRate: number | null;
  /** Mean tokens per run of the target model, including the target's own token; null before the first step. */
  readonly tokensPerStep: number | null;
  /** For each place in the draft: the share accepted there, among drafts whose earlier tokens were all accepted. */
  readonly rateByPlace: readonly number[];
  /** For each place in the draft: the drafts whose earlier tokens were all accepted, so that rates of answers can be added. */
  readonly reachedByPlace: readonly number[];
}

export class AcceptanceStatistics {
  #steps = 0;
  #drafted = 0;
  #accepted = 0;
  readonly #reachedByPlace: number[] = [];
  readonly #acceptedByPlace: number[] = [];

  /** Records one verification: `drafted` tokens were checked and the first `accepted` of them were kept. */
  record(drafted: number, accepted: number): void {
    assert(accepted >= 0 && accepted <= drafted, `${accepted} accepted of ${drafted} drafted`);
    this.#steps++;
    this.#drafted += drafted;
    this.#accepted += accepted;
    for (let place = 0; place < drafted && place <= accepted; place++) {
      this.#reachedByPlace[place] = (this.#reachedByPlace[place] ?? 0) + 1;
      this.#acceptedByPlace[place] = (this.#acceptedByPlace[place] ?? 0) + (place < accepted ? 1 : 0);
    }
  }

  summary(): AcceptanceSummary {
    return {
      steps: this.#steps,
      drafted: this.#drafted,
      accepted: this.#accepted,
      acceptanceRate: this.#drafted === 0 ? null : this.#accepted / this.#drafted,
      tokensPerStep: this.#steps === 0 ? null : (this.#accepted + this.#steps) / this.#steps,
      rateByPlace: this.#reachedByPlace.map(
        (reached, place) => (this.#acceptedByPlace[place] ?? 0) / reached,
      ),
      reachedByPlace: [...this.#reachedByPlace],
    };
  }
}

/**
 * Expected tokens per run of the target if each drafted token is accepted independently with the same probability:
 * Leviathan et al. 2023, equation 1.
 */
export function expectedTokensPerStep(acceptanceRate: number, draftTokens: number): number {
  if (acceptanceRate >= 1) return draftTokens + 1;
  return (1 - acceptanceRate ** (draftTokens + 1)) / (1 - acceptanceRate);
}

/**
 * Expected speedup over decoding without a draft: Leviathan et al. 2023, theorem 3.8. `draftCost` is the time of a
 * drafted token divided by the time of a target run.
 */
export function expectedSpeedup(acceptanceRate: number, draftTokens: number, draftCost: number): number {
  return expectedTokensPerStep(acceptanceRate, draftTokens) / (draftTokens * draftCost + 1);
}
