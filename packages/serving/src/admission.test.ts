import { seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { Scheduler } from './index.ts';
import { counting, smallConfig, TestDriver } from './testing/test-driver.ts';

describe('refusals', () => {
  const cases: readonly [string, () => unknown][] = [
    ['empty', () => new TestDriver(smallConfig).submit(0, 0)],
    ['context', () => new TestDriver(smallConfig).submit(0, 60)],
    ['context, prompt alone', () => new TestDriver(smallConfig).submit(0, 70)],
    ['blocks', () => new TestDriver({ ...smallConfig, contextMax: 500 }).submit(0, 58, { output: 8 })],
    ['token', () => new Scheduler(smallConfig).submit({ prompt: [1, 2.5], outputTokensMax: 1 }, seconds(0))],
    ['output', () => new TestDriver(smallConfig).submit(0, 4, { output: 0 })],
    ['budget', () => new Scheduler({ ...smallConfig, tokenBudget: 4 })],
    ['chunk', () => new Scheduler({ ...smallConfig, prefillChunkMax: 17 })],
    ['no memory', () => new Scheduler({ ...smallConfig, groups: [] })],
    ['reserve', () => new Scheduler({ ...smallConfig, admissionReserve: 1 })],
    [
      'pin',
      () => {
        const driver = new TestDriver(smallConfig);
        driver.submit(0, 20, { output: 1 });
        driver.steps(2);
        driver.submit(500, 50);
        driver.scheduler.pinPrefix(counting(0, 20));
      },
    ],
    [
      'blocks beside a pin',
      () => {
        const driver = new TestDriver(smallConfig);
        driver.submit(0, 20, { output: 1 });
        driver.steps(2);
        driver.scheduler.pinPrefix(counting(0, 20));
        driver.submit(500, 50);
      },
    ],
  ];

  test('name the value, the limit and the way out', () => {
    const messages = cases.map(([name, attempt]) => {
      try {
        attempt();
        return `${name}: accepted`;
      } catch (error) {
        return `${name}: ${JSON.stringify(error)}`;
      }
    });
    expect(messages.join('\n')).toMatchInlineSnapshot(`
      "empty: {"code":"empty-prompt","message":"the prompt has no tokens","value":0,"limit":"at least 1 token","hint":"start with the beginning-of-sequence token"}
      context: {"code":"context-overflow","message":"60 prompt tokens and 8 output tokens make 68; the context is 64","value":68,"limit":64,"hint":"ask for at most 4 output tokens"}
      context, prompt alone: {"code":"context-overflow","message":"70 prompt tokens and 8 output tokens make 78; the context is 64","value":78,"limit":64,"hint":"shorten the prompt by 7 tokens or more"}
      blocks: {"code":"never-fits","message":"66 tokens need 17 blocks of 4 in group full, which has 16","value":17,"limit":16,"hint":"ask for 4 tokens less, or give the cache more memory"}
      token: {"code":"bad-token","message":"prompt token 1 is 2.5","value":2.5,"limit":"a whole number, at least 0 and below 2^31","hint":"pass the ids that the tokenizer gave"}
      output: {"code":"bad-output-limit","message":"0 output tokens cannot be generated","value":0,"limit":"a whole number, at least 1","hint":"ask for at least 1 output token"}
      budget: {"code":"bad-serving-config","message":"tokenBudget is 4; it must be a whole number, at least runningMax = 8","value":4,"limit":"a whole number, at least runningMax = 8","hint":"change tokenBudget in the serving configuration"}
      chunk: {"code":"bad-serving-config","message":"prefillChunkMax is 17; it must be at most the token budget, 16","value":17,"limit":"at most the token budget, 16","hint":"change prefillChunkMax in the serving configuration"}
      no memory: {"code":"bad-serving-config","message":"groups is 0; it must be at least one cache group, or state slots","value":0,"limit":"at least one cache group, or state slots","hint":"change groups in the serving configuration"}
      reserve: {"code":"bad-serving-config","message":"admissionReserve is 1; it must be at least 0 and below 1","value":1,"limit":"at least 0 and below 1","hint":"change admissionReserve in the serving configuration"}
      pin: {"code":"pin-too-large","message":"5 pinned blocks in group full leave 11; sequence 1 may need 15","value":5,"limit":1,"hint":"pin a shorter prefix, or unpin another one first"}
      blocks beside a pin: {"code":"never-fits","message":"58 tokens need 15 blocks of 4 in group full, which has 16 and 5 are pinned","value":15,"limit":11,"hint":"ask for 16 tokens less, unpin a prefix, or give the cache more memory"}"
    `);
  });

  test('what just fits is accepted and finished', () => {
    // 64 tokens, of which the last is never computed, are 16 blocks of 4.
    const driver = new TestDriver(smallConfig);
    driver.submit(0, 57, { output: 7 });
    driver.finish();
    const larger = new TestDriver({ ...smallConfig, contextMax: 65 });
    larger.submit(0, 57, { output: 8 });
    larger.finish();
    expect([driver, larger].map(({ scheduler }) => scheduler.metrics.finished)).toEqual([1, 1]);
  });
});
