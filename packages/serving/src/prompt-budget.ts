/**
 * Divides the prompt tokens of one step among prompts. A long prompt that takes whole steps would delay every short
 * prompt until its own end, so the first prompt that could use all tokens holds back a share of them, by default a
 * quarter: prompts that end in this step may use that share, and `rest` returns what they leave to the holder.
 *
 * The first prompt of a step may take half as many tokens again if it ends in the step. Otherwise the rest of a prompt
 * that is a little longer than a chunk takes a step of its own, and delays its first token and every later prompt.
 */
import type { Sequence } from './sequence.ts';

/** Prompt tokens of a step in which sequences decode: fewer cost more overhead than they save, more gain no speed. */
const sharedTokensMin = 16;
const sharedTokensMax = 512;

/** Prompt tokens of a step in which sequences decode, so that the step takes about `stepSeconds`. */
export function sharedPromptTokens(prefillRate: number, stepSeconds: number): number {
  return Math.max(sharedTokensMin, Math.min(sharedTokensMax, Math.floor(prefillRate * stepSeconds)));
}

/** Tokens that a prompt may take to end in its step, as a multiple of the step's prompt tokens. */
const endFactor = 1.5;

export class PromptBudget {
  readonly #tokens: number;
  readonly #endMax: number;
  readonly #chunkMax: number;
  readonly #heldShare: number;
  #left: number;
  #holder: Sequence | null = null;

  /** `tokens`: aim for the prompt tokens of the step. `tokensMax`: limit for a prompt that ends in it. */
  constructor(
    tokens: number,
    tokensMax: number,
    { prefillChunkMax, heldShare }: { readonly prefillChunkMax: number; readonly heldShare: number },
  ) {
    this.#tokens = tokens;
    this.#endMax = Math.min(tokensMax, prefillChunkMax, Math.floor(endFactor * tokens));
    this.#left = tokens;
    this.#chunkMax = prefillChunkMax;
    this.#heldShare = heldShare;
  }

  get left(): number {
    return this.#left;
  }

  /** The prompt that left tokens to others; null if no prompt needs all tokens. */
  get holder(): Sequence | null {
    return this.#holder;
  }

  /** Tokens that a prompt with `uncomputed` tokens may compute; 0 if it has to wait for a later step. */
  chunk(uncomputed: number, hasOthers: () => boolean): number {
    const isFirst = this.#left === this.#tokens;
    if (isFirst && uncomputed > this.#left && uncomputed <= this.#endMax) return uncomputed;
    const most = Math.min(uncomputed, this.#left, this.#chunkMax);
    if (this.#holder !== null) return most === uncomputed ? most : 0;
    if (this.#heldShare === 0) return most;
    return most === this.#left && hasOthers() ? most - Math.floor(most * this.#heldShare) : most;
  }

  /** Takes the tokens of a chunk. */
  take(sequence: Sequence, count: number): void {
    if (this.#holder === null && count < Math.min(sequence.uncomputedTokens, this.#left, this.#chunkMax)) {
      this.#holder = sequence;
    }
    this.#left = Math.max(0, this.#left - count);
  }

  /** Tokens that the holder may add to its `count` tokens, of `uncomputed` in all. */
  rest(count: number, uncomputed: number): number {
    return Math.min(this.#left, uncomputed - count, this.#chunkMax - count);
  }
}
