/** One sequence under a grammar: what may come next, token by token, with an end before the last token is spent. */
import type { GrammarState } from './automaton.ts';
import type { GrammarMatcher, TokenMask } from './grammar-matcher.ts';

export class GrammarConstraint {
  readonly #matcher: GrammarMatcher;
  #state: GrammarState;
  #tokensLeft: number;

  /** `tokensMax` is the limit of output tokens, the end token counted. */
  constructor(matcher: GrammarMatcher, tokensMax: number = Infinity) {
    this.#matcher = matcher;
    this.#state = matcher.start;
    this.#tokensLeft = tokensMax;
  }

  allowed(): TokenMask {
    return this.#matcher.mask(this.#state, this.#tokensLeft);
  }

  advance(token: number): void {
    this.#state = this.#matcher.advance(this.#state, token);
    this.#tokensLeft--;
  }

  /** True when nothing but the end token may come: a caller without end tokens stops here. */
  get complete(): boolean {
    return this.#matcher.isComplete(this.#state);
  }
}
