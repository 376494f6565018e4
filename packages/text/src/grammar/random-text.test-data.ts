/** For tests: a small tokenizer, and texts that a model with no opinion would write under a grammar. */
import { assert } from '@plimsoll/foundation';
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { Grammar } from './grammar.ts';
import { GrammarMatcher } from './grammar-matcher.ts';
import { type GrammarTokenizer, TokenTrie } from './token-trie.ts';

export const endToken = 0;
const encoder = new TextEncoder();

export function tokenizerOf(tokens: readonly Uint8Array[]): GrammarTokenizer {
  const all = [encoder.encode('<end>'), encoder.encode('<other>'), ...tokens];
  return {
    vocabSize: all.length,
    specialTokens: { endOfGeneration: new Set([endToken]) },
    tokenBytes: (id) => all[id] ?? new Uint8Array(0),
    isSpecial: (id) => id <= 1,
  };
}

/** Bytes of all characters below U+10000, and pieces as a trained tokenizer has them, some ending inside a character. */
export function smallTrie(): TokenTrie {
  const bytes = Array.from({ length: 0xf0 }, (_, byte) => Uint8Array.of(byte));
  const texts = [
    '{"',
    '":',
    '": ',
    ', "',
    '"}',
    '[]',
    '{}',
    '],',
    'true',
    'false',
    'null',
    '12',
    '0.',
    '"a',
    'ab',
  ];
  const words = ['é', '日本', 'name', ' the', '\\n', '\\u00', '    ', '\n  ', '}}', '"]', '"""'];
  const pieces = [...texts, ...words].map((piece) => encoder.encode(piece));
  return new TokenTrie(
    tokenizerOf([...bytes, ...pieces, Uint8Array.of(0xe6, 0x97), Uint8Array.of(0xa5, 0x22)]),
  );
}

export interface WrittenText {
  readonly text: string;
  readonly tokens: number;
}

/** Draws from the mask until the end token. Within the budget, always. */
export function writeText(grammar: Grammar, trie: TokenTrie, random: Random, budget: number): WrittenText {
  const matcher = new GrammarMatcher(grammar, trie);
  const pieces: number[] = [];
  let state = matcher.start;
  // Most of the text is written with preference for one token in ten, as a model would, so that texts differ more.
  const preferred = randomInteger(random, 2, 12);
  for (let used = 0; used < budget; used++) {
    const mask = matcher.mask(state, budget - used);
    const allowed: number[] = [];
    for (let token = 0; token < trie.vocabSize; token++) {
      if ((((mask[token >>> 5] ?? 0) >>> (token & 31)) & 1) === 1) allowed.push(token);
    }
    assert(allowed.length > 0, `no token is allowed after ${pieces.length} bytes`);
    const favourites = allowed.filter((token) => token % preferred === 0 && token !== endToken);
    const from = random() < 0.7 && favourites.length > 0 ? favourites : allowed;
    const token = from[randomInteger(random, 0, from.length)] ?? 0;
    state = matcher.advance(state, token);
    if (token === endToken) {
      return {
        text: new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(pieces)),
        tokens: used + 1,
      };
    }
    pieces.push(...(trie.textOf(token) ?? []));
  }
  assert(false, `the text did not end within ${budget} tokens`);
}

/** Whether the grammar accepts exactly this text, byte by byte. */
export function accepts(grammar: Grammar, trie: TokenTrie, text: string): boolean {
  const matcher = new GrammarMatcher(grammar, trie);
  let state = matcher.start;
  for (const byte of encoder.encode(text)) {
    const token = byte + 2;
    if ((((matcher.mask(state)[token >>> 5] ?? 0) >>> (token & 31)) & 1) === 0) return false;
    state = matcher.advance(state, token);
  }
  return state.accepting;
}
