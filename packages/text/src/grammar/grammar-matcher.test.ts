import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { characters, choice, type Expression, repeat, rule, sequence, text } from './expression.ts';
import { grammarFromRules } from './grammar.ts';
import { GrammarMatcher, type TokenMask } from './grammar-matcher.ts';
import { accepts, endToken, smallTrie, tokenizerOf } from './random-text.test-data.ts';
import { TokenTrie } from './token-trie.ts';
import { utf8Sequences } from './utf8-ranges.ts';

const encoder = new TextEncoder();

function matcherOf(
  root: Expression,
  tokens: readonly string[],
  rules: Record<string, Expression> = {},
): GrammarMatcher {
  const grammar = grammarFromRules({ root: 'root', rules: new Map(Object.entries({ ...rules, root })) });
  return new GrammarMatcher(
    grammar,
    new TokenTrie(tokenizerOf(tokens.map((token) => encoder.encode(token)))),
  );
}

function allowed(mask: TokenMask, tokens: readonly string[]): string[] {
  return ['<end>', '<other>', ...tokens].filter((_, id) => (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1);
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'no failure';
}

describe('masks', () => {
  const tokens = ['a', 'b', 'c', 'ab', 'abc', 'abcd', 'bc', 'a', 'd'];
  const matcher = matcherOf(sequence(text('ab'), repeat(text('c'), 0, Infinity)), tokens);

  test('have every token that goes on, twice if there are two, and the end where the text may end', () => {
    expect(allowed(matcher.mask(matcher.start), tokens)).toEqual(['a', 'ab', 'abc', 'a']);
    const afterA = matcher.advance(matcher.start, 2);
    expect(allowed(matcher.mask(afterA), tokens)).toEqual(['b', 'bc']);
    const afterB = matcher.advance(afterA, 3);
    expect(allowed(matcher.mask(afterB), tokens)).toEqual(['<end>', 'c']);
    const ended = matcher.advance(afterB, endToken);
    expect(matcher.isComplete(ended)).toBe(true);
    expect(allowed(matcher.mask(ended), tokens)).toEqual(['<end>']);
  });

  test('equal places are one state, so their masks are computed once', () => {
    const one = matcher.advance(matcher.start, 6);
    const other = matcher.advance(matcher.advance(matcher.start, 5), 4);
    expect(other).toBe(one);
    expect(matcher.mask(other)).toBe(matcher.mask(one));
  });

  test('what the mask forbids is refused', () => {
    expect(codeOf(() => matcher.advance(matcher.start, 3))).toBe('grammar-token-refused');
    expect(codeOf(() => matcher.advance(matcher.start, endToken))).toBe('grammar-token-refused');
  });
});

describe('a budget', () => {
  const tokens = ['(', ')', '((', '))', '()', 'x'];
  const matcher = matcherOf(rule('nest'), tokens, {
    nest: choice(sequence(text('('), repeat(rule('nest'), 0, 1), text(')')), text('x')),
  });

  test('allows only what can still be closed', () => {
    expect(matcher.tokensMin).toBe(2);
    expect(allowed(matcher.mask(matcher.start, 2), tokens)).toEqual(['()', 'x']);
    expect(allowed(matcher.mask(matcher.start, 3), tokens)).toEqual(['(', '()', 'x']);
    expect(allowed(matcher.mask(matcher.start, 4), tokens)).toEqual(['(', '((', '()', 'x']);
    expect(codeOf(() => matcher.mask(matcher.start, 1))).toBe('grammar-budget-too-small');
  });

  test('counts only bytes that are tokens by themselves', () => {
    // There is no token for "y" alone, so "ay" could be the beginning of a text that nothing can end.
    const parts = choice(sequence(text('a'), choice(text('y'), text('bb'))), text('zyc'));
    const tokens = ['a', 'b', 'ay', 'z', 'c'];
    const without = matcherOf(parts, tokens);
    expect(without.tokensMin).toBe(4);
    expect(allowed(without.mask(without.start), tokens)).toEqual(['a']);
    expect(codeOf(() => matcherOf(text('y'), ['a']))).toBe('grammar-unsatisfiable');
  });

  test('recursion without a way out is refused', () => {
    expect(codeOf(() => matcherOf(sequence(text('x'), rule('root')), ['x']))).toBe('grammar-unsatisfiable');
  });
});

test('a grammar that is too large is refused while it is built', () => {
  const many = repeat(repeat(choice(text('a'), text('b')), 1000, 2000), 1, 2);
  expect(codeOf(() => matcherOf(repeat(many, 1e6, 1e6), ['a', 'b']))).toBe('grammar-too-large');
});

test('a range of characters has exactly its bytes', () => {
  const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff];
  const point = fc.oneof(
    fc.constantFrom(...edges),
    fc.integer({ min: 0, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  );
  fc.assert(
    fc.property(point, point, fc.array(point, { minLength: 20, maxLength: 20 }), (one, other, probes) => {
      const [low, high] = one <= other ? [one, other] : [other, one];
      // Ranges over the surrogates are cut before they come here.
      fc.pre(high < 0xd800 || low >= 0xe000);
      const sequences = utf8Sequences({ low, high });
      for (const probe of [...probes, low, high, ...edges]) {
        const bytes = encoder.encode(String.fromCodePoint(probe));
        const found = sequences.filter(
          (ranges) =>
            ranges.length === bytes.length &&
            ranges.every(
              (range, place) => (bytes[place] ?? -1) >= range.low && (bytes[place] ?? -1) <= range.high,
            ),
        ).length;
        expect([probe, found]).toEqual([probe, probe >= low && probe <= high ? 1 : 0]);
      }
    }),
    { numRuns: 300 },
  );
});

test('the automaton agrees with JavaScript on regular expressions', () => {
  const trie = smallTrie();
  const cases: [Expression, RegExp][] = [
    [sequence(repeat(choice(text('a'), text('ab')), 0, Infinity), text('c')), /^(a|ab)*c$/u],
    [sequence(repeat(characters('a-b'), 2, 3), repeat(text('a'), 0, 1)), /^[ab]{2,3}a?$/u],
    [repeat(sequence(repeat(text('a'), 0, 2), text('b')), 1, Infinity), /^(a{0,2}b)+$/u],
  ];
  fc.assert(
    fc.property(fc.stringMatching(/^[abc]{0,8}$/), (sample) => {
      for (const [expression, pattern] of cases) {
        const grammar = grammarFromRules({ root: 'root', rules: new Map([['root', expression]]) });
        expect([sample, accepts(grammar, trie, sample)]).toEqual([sample, pattern.test(sample)]);
      }
    }),
    { numRuns: 200 },
  );
});
