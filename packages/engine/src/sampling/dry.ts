/**
 * DRY penalises tokens that continue a repeated sequence; the penalty grows with the length of the repeat. Sources:
 * https://github.com/oobabooga/text-generation-webui/pull/5677; for sequence breakers and the linear-time search
 * https://github.com/LostRuins/koboldcpp/pull/982, as in llama.cpp.
 *
 * The rule: if the last n tokens also occur earlier in the window, and n is at least the allowed length, then the logit
 * of the token that followed there falls by multiplier * base^(n - allowedLength). The longest match counts. Matches do
 * not extend over a breaker, and a token that is a breaker alone is never penalised.
 */
import type { DryParams } from './sampler-params.ts';

/** The largest exponent that keeps the penalty below the largest float: ln(3.4e38). */
const FLOAT_MAX_LOG = 88.7228391;

/** Scratch memory of `Dry.apply`, shared by samplers. */
export interface DryArrays {
  /** [vocabulary]: the longest match that each token would continue; zero outside `apply`. */
  readonly lengths: Int32Array;
  /** [history]: grows with the longest history. */
  matches: Int32Array;
}

export class Dry {
  readonly #params: DryParams;
  /** False if `apply` changes no row. */
  readonly isActive: boolean;
  readonly #arrays: DryArrays;
  readonly #singles = new Set<number>();
  /** Whole breakers, keyed by their first token. */
  readonly #byHead = new Map<number, (readonly number[])[]>();

  constructor(params: DryParams, arrays: DryArrays) {
    this.#params = params;
    this.isActive = params.multiplier > 0 && params.windowTokens !== 0;
    this.#arrays = arrays;
    for (const breaker of params.breakers) {
      const head = breaker[0] as number;
      if (breaker.length === 1) this.#singles.add(head);
      const sequences = this.#byHead.get(head);
      if (sequences === undefined) this.#byHead.set(head, [breaker]);
      else sequences.push(breaker);
    }
  }

  apply(row: Float32Array, history: ArrayLike<number>): void {
    if (!this.isActive) return;
    const { allowedLength, base, multiplier, windowTokens } = this.#params;
    const size = Math.min(history.length, windowTokens ?? history.length);
    if (size <= allowedLength) return;
    const limit = this.#tokensAfterBreaker(history, size);
    if (limit < allowedLength) return;
    const arrays = this.#arrays;
    if (arrays.matches.length < size) arrays.matches = new Int32Array(2 * size);
    suffixMatches(history, size, arrays.matches);

    const { lengths, matches } = arrays;
    const last = history.length - 1;
    for (let back = 1; back < size; back++) {
      const length = Math.min(matches[back] as number, limit);
      const follower = history[last - back + 1] as number;
      if (length >= allowedLength && length > 0 && length > (lengths[follower] as number)) {
        lengths[follower] = length;
      }
    }
    const exponentMax = base > 1.000001 ? Math.floor(FLOAT_MAX_LOG / Math.log(base)) : Infinity;
    for (let back = 1; back < size; back++) {
      const token = history[last - back + 1] as number;
      const length = lengths[token] as number;
      if (length === 0) continue;
      lengths[token] = 0;
      if (this.#singles.has(token)) continue;
      const exponent = Math.min(length - allowedLength, exponentMax);
      row[token] = (row[token] as number) - multiplier * base ** exponent;
    }
  }

  /** Number of tokens after the last breaker in the window. */
  #tokensAfterBreaker(history: ArrayLike<number>, size: number): number {
    if (this.#byHead.size === 0) return size;
    const last = history.length - 1;
    for (let back = 0; back < size; back++) {
      const sequences = this.#byHead.get(history[last - back] as number);
      if (sequences === undefined) continue;
      let longest = 0;
      for (const sequence of sequences) {
        if (sequence.length <= longest || sequence.length > back + 1) continue;
        if (sequence.every((token, index) => history[last - back + index] === token))
          longest = sequence.length;
      }
      if (longest > 0) return back + 1 - longest;
    }
    return size;
  }
}

/**
 * Computes for each distance `back` from the end the length of the match that ends there with the end of the history.
 * This is the Z-function of the reversed window, in linear time (Gusfield, "Algorithms on Strings, Trees and
 * Sequences").
 */
function suffixMatches(history: ArrayLike<number>, size: number, matches: Int32Array): void {
  const last = history.length - 1;
  // The match that extends furthest back so far covers the half-open interval [boxStart, boxEnd).
  let boxStart = 0;
  let boxEnd = 0;
  for (let back = 1; back < size; back++) {
    let length = 0;
    if (back < boxEnd) length = Math.min(matches[back - boxStart] as number, boxEnd - back);
    while (back + length < size && history[last - length] === history[last - back - length]) length++;
    matches[back] = length;
    if (back + length > boxEnd) {
      boxStart = back;
      boxEnd = back + length;
    }
  }
}
