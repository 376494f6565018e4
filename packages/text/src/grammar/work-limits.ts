/**
 * Limits on the work and the memory of a grammar during generation. An ambiguous grammar can be at thousands of places at
 * once and reach a new set of places with every token, so that time and memory grow with the length of the text.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** Places at once. A grammar that needs more is ambiguous beyond use. */
export const PLACES_MAX = 5000;
/** Known states with their places and frames. Texts of one schema take a tenth. */
export const STATE_BYTES_MAX = 16 * 2 ** 20;
/** Masks kept with their states: a mask takes 19 KB for 150,000 tokens. */
export const MASK_BYTES_MAX = 16 * 2 ** 20;

/**
 * Places and moves to visit: for one token on average, and in advance of that average. JSON schemas take some 100 for a token
 * of a vocabulary of 260,000 and at most 4,000 for a new state; a million take about 50 ms.
 */
const WORK_PER_TOKEN = 10_000;
const WORK_AHEAD_MAX = 2_000_000;

export class WorkBudget {
  #left = WORK_AHEAD_MAX;

  /** One more token may be worked for. */
  allowToken(): void {
    this.#left = Math.min(WORK_AHEAD_MAX, this.#left + WORK_PER_TOKEN);
  }

  spend(work: number): void {
    this.#left -= work;
    if (this.#left < 0) throw tooAmbiguous(WORK_AHEAD_MAX, 'steps for one token');
  }
}

export function tooAmbiguous(limit: number, what: string): PlimsollError {
  return new PlimsollError({
    code: 'grammar-too-ambiguous',
    message: `The text can be read in too many ways at once: more than ${limit} ${what}.`,
    value: `${limit}+`,
    limit,
    hint: 'Make the alternatives of the grammar begin differently, and repeat by rules instead of large counts.',
  });
}
