import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Dry, type DryArrays } from './dry.ts';
import { breakersFromText } from './dry-breakers.ts';
import type { DryParams } from './sampler-params.ts';

function arraysOf(vocabSize: number): DryArrays {
  return { lengths: new Int32Array(vocabSize), matches: new Int32Array(0) };
}

const vocabSize = 6;

function penalties(history: number[], change: Partial<DryParams> = {}): number[] {
  const params = { multiplier: 1, base: 2, allowedLength: 2, windowTokens: null, breakers: [], ...change };
  const row = new Float32Array(vocabSize);
  new Dry(params, arraysOf(vocabSize)).apply(row, history);
  return [...row].map((logit) => -logit + 0);
}

/** Applies the definition literally, in cubic time. */
function plainly(history: number[], params: DryParams): number[] {
  const window = history.slice(-(params.windowTokens ?? history.length));
  const result = new Array<number>(vocabSize).fill(0);
  let limit = window.length;
  for (let start = window.length - 1; start >= 0 && limit === window.length; start--) {
    const longest = Math.max(
      0,
      ...params.breakers.map((breaker) =>
        breaker.every((token, i) => window[start + i] === token) ? breaker.length : 0,
      ),
    );
    if (longest > 0) limit = window.length - start - longest;
  }
  if (window.length <= params.allowedLength || limit < params.allowedLength) return result;
  for (let end = 0; end < window.length - 1; end++) {
    let length = 0;
    while (length <= end && window[end - length] === window[window.length - 1 - length]) length++;
    length = Math.min(length, limit);
    const next = window[end + 1] ?? 0;
    if (length === 0 || length < params.allowedLength) continue;
    if (params.breakers.some((breaker) => breaker.length === 1 && breaker[0] === next)) continue;
    result[next] = Math.max(
      result[next] ?? 0,
      params.multiplier * params.base ** (length - params.allowedLength),
    );
  }
  return result;
}

test('a longer repeat has a larger penalty', () => {
  // 3 followed 0 1 2 earlier; 4 followed 2 alone.
  expect(penalties([0, 1, 2, 3, 2, 4, 0, 1, 2])).toEqual([0, 0, 0, 2, 0, 0]);
  expect(penalties([0, 1, 2, 3, 2, 4, 0, 1, 2], { allowedLength: 1 })).toEqual([0, 0, 0, 4, 1, 0]);
  expect(penalties([0, 1, 2, 3, 0, 1, 2], { breakers: [[1]] })).toEqual([0, 0, 0, 0, 0, 0]);
  expect(penalties([0, 1, 2, 3, 0, 1, 2], { breakers: [[3]] })).toEqual([0, 0, 0, 0, 0, 0]);
  expect(penalties([0, 1, 2, 3, 0, 1, 2], { windowTokens: 3 })).toEqual([0, 0, 0, 0, 0, 0]);
});

test('the penalty of a very long repeat is finite', () => {
  const row = new Float32Array(vocabSize);
  new Dry(
    { multiplier: 1, base: 4, allowedLength: 2, windowTokens: null, breakers: [] },
    arraysOf(vocabSize),
  ).apply(row, new Array<number>(5000).fill(1));
  expect(Number.isFinite(row[1])).toBe(true);
});

test('the linear search agrees with the definition', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 40 }),
      fc.record({
        multiplier: fc.constant(1),
        base: fc.constant(2),
        allowedLength: fc.integer({ min: 0, max: 3 }),
        windowTokens: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 30 })),
        breakers: fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }), {
          maxLength: 2,
        }),
      }),
      (history, params) => {
        expect(penalties(history, params)).toEqual(plainly(history, params).map(Math.fround));
      },
    ),
    { numRuns: 2000 },
  );
});

test('a breaker becomes every sequence of tokens whose text contains it', () => {
  const texts = ['a', 'b', '::\n', ':', 'x:', '\n'];
  const tokenizer = {
    vocabSize: texts.length,
    encode: (text: string) => [...text].map((character) => texts.indexOf(character)),
    tokenBytes: (id: number) => new TextEncoder().encode(texts[id]),
  };
  expect(breakersFromText(tokenizer, ['\n'])).toEqual([[2], [5]]);
  expect(breakersFromText(tokenizer, [':\n'])).toEqual([[2], [3, 5], [4, 5]]);
});
