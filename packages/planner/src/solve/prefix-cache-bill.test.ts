import fc from 'fast-check';
import { expect, test } from 'vitest';
import { field, mlsysim, output, solved } from './solve.test-data.ts';

test('mlsysim 0.3.0: the same sums, with misses in the total', () => {
  const [vector] = mlsysim('PrefixCacheBillModel');
  const { given, answer } = vector ?? { given: {}, answer: {} };
  const inputPrice = field(given, 'input_price') * 1e6;
  const result = solved('prefix-cache-bill', {
    ...{ turns: field(given, 'turns'), firstPrompt: field(given, 'first_prompt') },
    ...{ appendedTokens: field(given, 'appended'), outputTokens: field(given, 'output_per_turn') },
    ...{ inputPrice, cachedPrice: inputPrice * field(given, 'cached_fraction') },
    ...{ outputPrice: field(given, 'output_price') * 1e6, missRate: field(given, 'miss_fraction') },
  });
  expect(output(result, 'sentTokens')).toBe(field(answer, 'sent_tokens'));
  expect(output(result, 'freshTokens')).toBe(field(answer, 'fresh_tokens'));
  expect(output(result, 'uncachedUsd')).toBeCloseTo(field(answer, 'total_uncached'), 9);
  expect(output(result, 'cachedUsd')).toBeCloseTo(
    field(answer, 'total_cached') + field(answer, 'miss_cost'),
    9,
  );
  expect(output(result, 'outputUsd')).toBeCloseTo(field(answer, 'output_cost'), 9);
});

const prices = fc.record({
  inputPrice: fc.integer({ min: 1, max: 50 }),
  cachedPrice: fc.integer({ min: 0, max: 50 }),
  outputPrice: fc.integer({ min: 0, max: 99 }),
  writePrice: fc.integer({ min: 1, max: 90 }),
});

test('the bill is a sum over turns, and at the break-even misses the cache saves nothing', () => {
  fc.assert(
    fc.property(
      prices,
      fc.integer({ min: 2, max: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (given, turns, missRate) => {
        const result = solved('prefix-cache-bill', { ...given, turns: 2 ** (turns - 2) + 1, missRate });
        // Two turns and three turns list every turn.
        if ((result.rows ?? []).length === 2 ** (turns - 2) + 1) {
          const sum = (result.rows ?? []).reduce((total, row) => total + Number(row.cachedUsd), 0);
          expect(sum).toBeCloseTo(output(result, 'cachedUsd'), 9);
        }
        const even = result.outputs.breakEvenMissRate;
        if (typeof even !== 'number' || even <= 0 || even >= 1) return;
        const at = solved('prefix-cache-bill', { ...given, turns: 2 ** (turns - 2) + 1, missRate: even });
        expect(output(at, 'cachedUsd')).toBeCloseTo(output(at, 'uncachedUsd'), 9);
      },
    ),
  );
});

test('one turn has nothing to read from the cache', () => {
  const result = solved('prefix-cache-bill', { turns: 1, inputPrice: 3, cachedPrice: 0.3, outputPrice: 15 });
  expect(output(result, 'cachedUsd')).toBe(output(result, 'uncachedUsd'));
  expect(result.outputs.breakEvenMissRate).toBe(null);
});
