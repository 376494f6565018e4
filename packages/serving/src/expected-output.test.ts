import { seconds } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { describe, expect, test } from 'vitest';
import { policies, Scheduler, type ServingConfig } from './index.ts';
import { OutputLengths } from './output-lengths.ts';
import { runStep, runToEnd } from './testing/run-steps.ts';

describe('expected lengths', () => {
  test('before the first answer: a guess within the limit; afterwards the mean of longer answers', () => {
    const lengths = new OutputLengths();
    expect([lengths.expected(0, 4000), lengths.expected(0, 40), lengths.expected(900, 4000)]).toEqual([
      512, 40, 1350,
    ]);
    for (const length of [10, 100, 400, 300]) lengths.add(length);
    expect([0, 10, 150, 400].map((known) => lengths.expected(known, 1000))).toEqual([
      202.5,
      800 / 3,
      350,
      600,
    ]);
    expect(lengths.expected(1, 2)).toBe(2);
  });

  test('forget old answers', () => {
    const lengths = new OutputLengths();
    for (let count = 0; count < 100; count++) lengths.add(5000);
    for (let count = 0; count < 64; count++) lengths.add(20);
    expect(lengths.expected(0, 10_000)).toBe(20);
  });
});

describe('32 requests of 100 and up to 400 tokens in a tight pool', () => {
  /** Tokens computed twice per useful token. */
  function waste(share: number, lengths: readonly number[], variant: Partial<ServingConfig>): number {
    const scheduler = new Scheduler({
      blockSize: 16,
      groups: [{ name: 'full', blockCount: Math.round((share * 32 * 500) / 16), window: null }],
      contextMax: 1000,
      runningMax: 32,
      tokenBudget: 512,
      policy: policies.fcfs,
      ...variant,
    });
    for (let request = 0; request < 32; request++) {
      const prompt = Array.from({ length: 100 }, (_, index) => 1000 * request + index);
      scheduler.submit({ prompt, outputTokensMax: 400 }, seconds(0));
    }
    runToEnd(scheduler, ({ id, tokens, promptLength }) => {
      const isLast = tokens.length - promptLength + 1 >= (lengths[id] ?? 400);
      return { tokens: [7], ...(isLast && { finished: 'stop' as const }) };
    });
    const { prefillTokens, decodeTokens } = scheduler.metrics;
    const useful = lengths.reduce((sum, length) => sum + 99 + length, 0);
    return (prefillTokens + decodeTokens) / useful - 1;
  }

  const random = seededRandom(11);
  const equal = new Array<number>(32).fill(400);
  const mixed = equal.map(() => randomInteger(random, 20, 401));
  const short = equal.map(() => 30);

  test.each([0.2, 0.4, 0.6])('wastes little in %d of the need', (share) => {
    for (const lengths of [equal, mixed, short]) expect(waste(share, lengths, {})).toBeLessThan(0.1);
    expect(waste(share, equal, { admission: 'prompt' })).toBeGreaterThan(0.25);
  });
});

test('requests of a common prompt run together: its blocks count once', () => {
  const scheduler = new Scheduler({
    blockSize: 16,
    groups: [{ name: 'full', blockCount: 200, window: null }],
    contextMax: 2000,
    runningMax: 16,
    tokenBudget: 512,
    policy: policies.fcfs,
  });
  const shared = Array.from({ length: 1600 }, (_, index) => index);
  scheduler.submit({ prompt: [...shared, 5000], outputTokensMax: 2 }, seconds(0));
  runToEnd(scheduler);
  for (let request = 0; request < 16; request++) {
    scheduler.submit({ prompt: [...shared, 6000 + request], outputTokensMax: 40 }, seconds(0));
  }
  runStep(scheduler);
  expect(scheduler.runningCount).toBe(16);
});
