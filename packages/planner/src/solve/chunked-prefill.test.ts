import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import { codeOf, column, mlsysimRequest, output, solved } from './solve.test-data.ts';

const replica = request({});

test("mlsysim 0.3.0's stall of a chunk, with our differences added back", () => {
  const rate = 989e12 / 2;
  const attention = (keys: number): number => (4 * 32 * 4096 * 512 * keys) / rate;
  const embedding = 128_256 * 4096;
  // ServingModel: 2048 tokens in chunks of 512. Every chunk attends to the whole prompt.
  const theirs = (2 * 8.03e9 * 512) / rate + attention(2048) + 1e-5;
  // Ours looks up the embedding, runs the head on the last token, and attends to the keys before each token.
  const lookups = (2 * (2 * 512 - 1) * embedding) / rate;
  const expected = theirs - lookups - attention(2048) + attention((1536 + 2048) / 2);
  const given = { promptTokens: 2048, chunkTokens: 512, users: 0 };
  const result = solved('chunked-prefill', given, { replica: mlsysimRequest() });
  expect(output(result, 'chunks')).toBe(4);
  expect(output(result, 'stallSeconds') / expected).toBeCloseTo(1, 3);
});

test('without decodes and in one chunk, the prompt takes the prefill of the speed model', () => {
  const result = solved('chunked-prefill', { promptTokens: 4096, chunkTokens: 4096, users: 0 }, { replica });
  const expected = prepare(replica).speed.prefillSeconds(4096);
  expect(output(result, 'ttftSeconds')).toBeCloseTo(expected, 9);
  expect(output(result, 'stallSeconds')).toBeCloseTo(expected, 9);
});

test('larger chunks stall longer and finish sooner', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1000, max: 60_000 }),
      fc.integer({ min: 0, max: 64 }),
      (promptTokens, users) => {
        const result = solved('chunked-prefill', { promptTokens, users, chunkTokens: 2048 }, { replica });
        const stalls = column(result, 'stallSeconds');
        const firsts = column(result, 'ttftSeconds');
        expect(stalls).toEqual(stalls.toSorted((left, right) => left - right));
        expect(firsts).toEqual(firsts.toSorted((left, right) => right - left));
      },
    ),
    { numRuns: 30 },
  );
});

test('the largest chunk is the last that keeps the limit', () => {
  const given = { promptTokens: 16_384, users: 8, stallLimit: 0.05 };
  const chunkTokens = output(solved('chunked-prefill', given, { replica }), 'largestChunk');
  const stall = (size: number): number =>
    output(solved('chunked-prefill', { ...given, chunkTokens: size }, { replica }), 'stallSeconds');
  expect(stall(chunkTokens)).toBeLessThanOrEqual(0.05);
  expect(stall(chunkTokens + 1)).toBeGreaterThan(0.05);
  const none = solved('chunked-prefill', { ...given, stallLimit: 0.001 }, { replica });
  expect(output(none, 'largestChunk')).toBe(0);
  expect(none.notes).toEqual([
    'the decodes alone take longer than the limit: fewer users, or a faster device',
  ]);
});

test('a wholly cached prompt and a million chunks are refused', () => {
  expect(codeOf(() => solved('chunked-prefill', { promptTokens: 100, cachedTokens: 100 }, { replica }))).toBe(
    'bad-input',
  );
  expect(
    codeOf(() => solved('chunked-prefill', { promptTokens: 100_000, chunkTokens: 1 }, { replica })),
  ).toBe('bad-input');
});
