/** The reference case against arithmetic done by hand from the model's card and the device's data sheet. */
import { expect, test } from 'vitest';
import {
  cacheBytesPerToken,
  cacheBytesPerUser,
  estimatedSeconds,
  firstTokenTime,
  pcieLink,
  readingFloor,
  referencePlan,
  stepTime,
  transferTime,
  usersThatFit,
  weightBytes,
  weightReads,
} from './reference-case.ts';

test('weights are two bytes for each of 8,030,261,248 parameters', () => {
  expect(weightBytes(referencePlan())).toMatchInlineSnapshot(`
    {
      "derivation": "weights: attention 2.50 GiB + mlp 10.50 GiB + norms 520.00 KiB + embeddings 0.98 GiB + head 0.98 GiB = 16,060,522,496 bytes. Source: tensor shapes of meta-llama/Llama-3.1-8B-Instruct (config)",
      "text": "14.96 GiB",
    }
  `);
});

test('a token is 2 x 32 layers x 8 heads x 128 numbers x 2 bytes', () => {
  expect(cacheBytesPerToken().text).toBe('131,072 bytes');
  expect(2 * 32 * 8 * 128 * 2).toBe(131_072);
  expect(cacheBytesPerUser({ contextTokens: 8192 }).text).toBe('1.00 GiB');
});

test('windows that are full do not count as growth', () => {
  // Gemma 3 12B: of 48 layers only 8 keep every token, 8 heads with keys and values of 256 numbers.
  expect(cacheBytesPerToken({ model: 'google/gemma-3-12b-it' })).toMatchInlineSnapshot(`
    {
      "derivation": "cache per token: layers that keep every token x bytes per layer and token = 8 layers x 8 kv heads x (512 + 512 B) = 65,536 bytes. Source: attention layout of google/gemma-3-12b-it",
      "text": "65,536 bytes",
    }
  `);
  expect(8 * 8 * 2 * 256 * 2).toBe(65_536);
});

test('users are what is left over what one takes', () => {
  const left = 85_030_076_416 - 2 * 8_030_261_248;
  for (const contextTokens of [2048, 8192, 131_072]) {
    const users = Math.floor(left / (contextTokens * 131_072));
    expect(usersThatFit({ contextTokens }).text).toBe(String(users));
  }
});

test('a step is longer than reading its weights at the rate of the data sheet', () => {
  expect(readingFloor().text).toBe('4.5 ms');
  const { tpotSeconds } = referencePlan().speed;
  expect(tpotSeconds).toBeGreaterThan(15_009_849_344 / 3.3523e12);
  expect(stepTime({ contextTokens: 8192 }).text).toBe(estimatedSeconds(tpotSeconds));
});

test('a mixture of experts reads what its tokens are sent to, a dense model everything', () => {
  const mixture = { model: 'Qwen/Qwen3-30B-A3B' };
  // 8 of 128 experts: a sixteenth of 48 layers x 128 experts x 3 x 2,048 x 768 numbers of 2 bytes.
  const experts = 48 * 128 * 3 * 2048 * 768 * 2;
  const always = 1_811_939_328 + 25_587_712 + 622_329_856;
  expect(weightReads(1, mixture).text).toBe(`${((always + experts / 16) / 2 ** 30).toFixed(2)} GiB`);
  const touched = 1 - (15 / 16) ** 64;
  expect(weightReads(64, mixture).text).toBe(`${((always + touched * experts) / 2 ** 30).toFixed(2)} GiB`);
  expect(weightReads(1, {}).text).toBe(weightReads(64, {}).text);
});

test('a prefix that is cached shortens the wait, and costs the same memory', () => {
  const cached = { contextTokens: 8192, cachedTokens: 6144 };
  expect(referencePlan(cached).speed.ttftSeconds).toBeLessThan(
    referencePlan({ contextTokens: 8192 }).speed.ttftSeconds / 2,
  );
  expect(cacheBytesPerUser(cached)).toEqual(cacheBytesPerUser({ contextTokens: 8192 }));
  expect(firstTokenTime(cached).derivation).toContain('8,192 prompt tokens, 6,144 of them cached');
});

test('bytes over a link, and times with two digits', () => {
  expect(transferTime(63_015_000_000, pcieLink()).text).toBe('1 s');
  expect([0.000_634, 0.0318, 0.2724, 1.42, 11.4, 141].map(estimatedSeconds)).toEqual([
    '0.63 ms',
    '32 ms',
    '270 ms',
    '1.4 s',
    '11 s',
    '140 s',
  ]);
});
