/** The state of a choice in a grammar, and the matchers of an engine, which share one tree over the vocabulary. */

import type { Tokenizer } from '@plimsoll/text';
import type { Grammar } from '@plimsoll/text/grammar';
import { GrammarMatcher, type GrammarTokenizer, TokenTrie } from '@plimsoll/text/grammar';
import type { TokenConstraint } from './generation.ts';

export class GrammarMatchers {
  readonly #tokenizer: GrammarTokenizer;
  readonly #matchers = new WeakMap<Grammar, GrammarMatcher>();
  #trie: TokenTrie | null = null;

  /**
   * Rows of logits may be longer than the tokenizer's vocabulary; the ids beyond it have no text and are never allowed.
   */
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

/** A constraint that completes the text within `outputTokensMax` tokens. */
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
