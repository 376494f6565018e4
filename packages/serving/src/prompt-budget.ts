/**
 * Divides the prompt tokens of one step among prompts. A long prompt that takes whole steps would delay every short
 * prompt until its own end, so the first prompt that could use all tokens holds back a share of them, by default a
 * quarter: prompts that end in this step may use that share, and `rest` returns what they leave to the holder.
 */
import type { Sequence } from './sequence.ts';

/** Prompt tokens of a step in which sequences decode: fewer cost more overhead than they save, more gain no speed. */
const sharedTokensMin = 16;
const sharedTokensMax = 512;

/** Prompt tokens of a step in which sequences decode, so that the step takes about `stepSeconds`. */
export function sharedPromptTokens(prefillRate: number, stepSeconds: number): number {
  return Math.max(sharedTokensMin, Math.min(sharedTokensMax, Math.floor(prefillRate * stepSeconds)));
}

export class PromptBudget {
  readonly #chunkMax: number;
  readonly #heldShare: number;
  #left: number;
  #holder: Sequence | null = null;

  constructor(
    tokens: number,
    { prefillChunkMax, heldShare }: { readonly prefillChunkMax: number; readonly heldShare: number },
  ) {
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
    this.#left -= count;
  }

  /** Tokens that the holder may add to its `count` tokens, of `uncomputed` in all. */
  rest(count: number, uncomputed: number): number {
    return Math.min(this.#left, uncomputed - count, this.#chunkMax - count);
  }
}
