/** Where one choice stands in a grammar, and the matchers of an engine: one tree over the vocabulary serves them all. */

import type { Tokenizer } from '@plimsoll/text';
import type { Grammar } from '@plimsoll/text/grammar';
import { GrammarMatcher, type GrammarTokenizer, TokenTrie } from '@plimsoll/text/grammar';
import type { TokenConstraint } from './generation.ts';

export class GrammarMatchers {
  readonly #tokenizer: GrammarTokenizer;
  readonly #matchers = new WeakMap<Grammar, GrammarMatcher>();
  #trie: TokenTrie | null = null;

  /** A model's rows of logits may be longer than its vocabulary; what is beyond has no text and is never allowed. */
  constructor(tokenizer: Tokenizer, rowLength: number) {
    const has = (id: number): boolean => id < tokenizer.vocabSize;
    this.#tokenizer = {
      vocabSize: Math.max(rowLength, tokenizer.vocabSize),
      specialTokens: tokenizer.specialTokens,
      tokenBytes: (id) => (has(id) ? tokenizer.tokenBytes(id) : new Uint8Array(0)),
      isSpecial: (id) => !has(id) || tokenizer.isSpecial(id),
    };
  }

  matcher(grammar: Grammar): GrammarMatcher {
    this.#trie ??= new TokenTrie(this.#tokenizer);
    const matcher = this.#matchers.get(grammar) ?? new GrammarMatcher(grammar, this.#trie);
    this.#matchers.set(grammar, matcher);
    return matcher;
  }
}

/** The text is sure to be complete when the tokens run out. */
export function grammarConstraint(matcher: GrammarMatcher, outputTokensMax: number): TokenConstraint {
  let state = matcher.start;
  let tokensLeft = outputTokensMax;
  return {
    allowed: () => matcher.mask(state, tokensLeft),
    advance(token) {
      state = matcher.advance(state, token);
      tokensLeft--;
    },
  };
}
