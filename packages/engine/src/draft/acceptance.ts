/** How well a drafter does, and whether it is worth its time. */
import { assert } from '@plimsoll/foundation';

export interface AcceptanceSummary {
  readonly steps: number;
  readonly drafted: number;
  readonly accepted: number;
  /** accepted / drafted; null before anything was drafted. */
  readonly acceptanceRate: number | null;
  /** Tokens that each run of the target gave, its own one included; null before the first step. */
  readonly tokensPerStep: number | null;
  /** For each place in the draft: of the drafts that reached it with all before accepted, the share accepted there. */
  readonly rateByPlace: readonly number[];
}

export class AcceptanceStatistics {
  #steps = 0;
  #drafted = 0;
  #accepted = 0;
  readonly #reachedByPlace: number[] = [];
  readonly #acceptedByPlace: number[] = [];

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
    };
  }
}

/**
 * Tokens per run of the target when every drafted token is accepted with the same chance, independently: Leviathan et
 * al. 2023, equation 1.
 */
export function expectedTokensPerStep(acceptanceRate: number, draftTokens: number): number {
  if (acceptanceRate >= 1) return draftTokens + 1;
  return (1 - acceptanceRate ** (draftTokens + 1)) / (1 - acceptanceRate);
}

/** How many times faster than without a draft; theorem 3.8 there. `draftCost` is a draft token's time in target runs. */
export function expectedSpeedup(acceptanceRate: number, draftTokens: number, draftCost: number): number {
  return expectedTokensPerStep(acceptanceRate, draftTokens) / (draftTokens * draftCost + 1);
}
