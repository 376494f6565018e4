import { seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import type { SequenceView, ServingConfig } from './index.ts';
import { smallConfig, TestDriver } from './testing/test-driver.ts';

const large: ServingConfig = {
  ...smallConfig,
  groups: [{ name: 'full', blockCount: 8000, window: null }],
  contextMax: 16_384,
  tokenBudget: 512,
};

/** Steps until the sequence has its first token. */
function stepsToFirstToken(driver: TestDriver, sequence: SequenceView): number {
  const before = driver.now;
  while (sequence.firstTokenAt === null) driver.step();
  return sequence.firstTokenAt - before + 1;
}

describe('prompts share a step', () => {
  test('a short prompt does not wait for the end of a long prompt', () => {
    const driver = new TestDriver(large);
    const long = driver.submit(0, 8192, { output: 2 });
    const short = driver.submit(50_000, 20, { output: 2 });
    expect(stepsToFirstToken(driver, short)).toBe(1);
    // The long prompt got every token that the short prompt left.
    expect(long.computedTokens).toBe(492);
    expect(stepsToFirstToken(driver, long)).toBe(16);
  });

  test('of two long prompts the first keeps its whole steps', () => {
    const driver = new TestDriver(large);
    driver.submit(0, 1024, { output: 2 });
    driver.submit(50_000, 1024, { output: 2 });
    expect([driver.step(), driver.step()].join('\n').replaceAll(/ in .*/g, '')).toMatchInlineSnapshot(`
      "step 0: 512 tokens
        prefill #0 [0, 512), no logits
      step 1: 512 tokens
        prefill #0 [512, 1024)"
    `);
  });

  test('a stream of short prompts leaves a long prompt three quarters of each step', () => {
    const driver = new TestDriver({ ...large, runningMax: 64 });
    const long = driver.submit(0, 4096, { output: 2 });
    driver.step();
    let before = long.computedTokens;
    for (let step = 0; step < 8; step++) {
      for (let index = 0; index < 10; index++) driver.submit(1000 * (10 * step + index), 60, { output: 1 });
      driver.step();
      expect(long.computedTokens - before).toBeGreaterThanOrEqual(384);
      before = long.computedTokens;
    }
  });

  test('every step of a crowd of prompts is full', () => {
    const driver = new TestDriver({ ...large, runningMax: 64 });
    for (let index = 0; index < 40; index++)
      driver.submit(1000 * index, 30 + 37 * (index % 9), { output: 1 });
    let left = driver.scheduler.waitingCount;
    while (left > 0) {
      const text = driver.step();
      left = driver.scheduler.waitingCount + driver.scheduler.runningCount;
      if (left > 0) expect(text).toContain(': 512 tokens');
    }
  });
});

describe('beside decoding sequences', () => {
  /** Prompt tokens of a step beside one decoding sequence. */
  function promptTokens(prefillRate: number, stepSecondsAim: number): number {
    const driver = new TestDriver({ ...large, tokenBudget: 1024, stepSecondsAim });
    driver.submit(0, 4, { output: 100 });
    driver.step();
    const { id } = driver.submit(50_000, 8000, { output: 2 });
    const plan = driver.scheduler.step(seconds(1), prefillRate);
    return plan.entries.find(({ sequence }) => sequence.id === id)?.count ?? 0;
  }

  test('the rate and the aim choose the chunk, within 16 to 512 tokens', () => {
    expect(promptTokens(1000, 0.15)).toBe(150);
    expect(promptTokens(1000, 0.3)).toBe(300);
    expect(promptTokens(10, 0.15)).toBe(16);
    expect(promptTokens(1e6, 0.15)).toBe(512);
    expect(promptTokens(Infinity, 0.15)).toBe(1023);
  });

  test('alone, a prompt takes the whole budget at any rate', () => {
    const driver = new TestDriver(large);
    driver.submit(0, 4000, { output: 2 });
    const plan = driver.scheduler.step(seconds(0), 10);
    expect(plan.tokenCount).toBe(512);
  });
});
