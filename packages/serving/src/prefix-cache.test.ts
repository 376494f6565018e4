import { seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { Scheduler } from './index.ts';
import { tablesText } from './plan-text.ts';
import { counting, smallConfig, TestDriver } from './testing/test-driver.ts';

describe('the prefix cache', () => {
  test('gives equal prefixes the same blocks, and computes the last prompt token anyway', () => {
    const driver = new TestDriver(smallConfig);
    const first = driver.submit(0, 12, { output: 20 });
    driver.step();
    // The same 12 tokens; two more; only the first 6.
    const same = driver.submit(0, 12);
    const longer = driver.submit(0, 14);
    const shorter = driver.scheduler.submit(
      { prompt: [...counting(0, 6), 77, 77], outputTokensMax: 2 },
      seconds(0),
    );
    const text = driver.step();
    expect([first, same, longer, shorter].map(tablesText)).toMatchInlineSnapshot(`
      [
        "0 1 2 3",
        "0 1 2",
        "0 1 2 6",
        "0 4",
      ]
    `);
    expect(text).toMatchInlineSnapshot(`
      "step 1: 11 tokens
        decode #0 [12, 13) in 0 1 2 3
        prefill #3 [4, 8) in 0 4
        prefill #1 [8, 12) in 0 1 5
        prefill #2 [12, 14) in 0 1 2 6"
    `);
    expect(driver.scheduler.metrics).toMatchObject({
      prefixQueryTokens: 12 + 12 + 14 + 8,
      prefixHitTokens: 8 + 12 + 4,
    });
  });

  test('tells adapters and images apart', () => {
    const scheduler = new Scheduler(smallConfig);
    const variants = [
      { extraKey: 'adapter' },
      {},
      { spans: [{ start: 5, end: 7, key: 'cat' }] },
      { spans: [{ start: 5, end: 7, key: 'dog' }] },
      { extraKey: 'adapter', spans: [{ start: 5, end: 7, key: 'cat' }] },
    ];
    const hits = (): number[] =>
      variants.map((variant) => {
        const { metrics } = scheduler;
        const { id } = scheduler.submit(
          { prompt: counting(0, 9), outputTokensMax: 1, ...variant },
          seconds(0),
        );
        scheduler.step(seconds(0));
        scheduler.commit([{ sequenceId: id, tokens: [5] }], seconds(0));
        return scheduler.metrics.prefixHitTokens - metrics.prefixHitTokens;
      });
    // Images sit in the second block: before it, the prefix of the same adapter is found.
    expect(hits()).toEqual([0, 0, 4, 4, 4]);
    expect(hits()).toEqual([8, 8, 8, 8, 8]);
  });

  test('two that compute the same prompt at once end up with the same blocks', () => {
    const driver = new TestDriver({ ...smallConfig, tokenBudget: 32 });
    const twins = [driver.submit(0, 10), driver.submit(0, 10)];
    expect(driver.scheduler.cachedTokens(counting(0, 12))).toBe(0);
    driver.step();
    expect(twins.map(tablesText)).toEqual(['0 1 2', '0 1 5']);
    expect(driver.scheduler.metrics.duplicateBlocks).toBe(2);
    expect(driver.scheduler.blocks(0).slice(0, 4)).toEqual([
      { owners: 2, published: true },
      { owners: 2, published: true },
      { owners: 1, published: false },
      { owners: 0, published: false },
    ]);
    // What a router would learn: whole blocks, and never the last token.
    expect([8, 9, 12].map((length) => driver.scheduler.cachedTokens(counting(0, length)))).toEqual([4, 8, 8]);
    expect(driver.scheduler.cachedTokens(counting(0, 12), 'adapter')).toBe(0);
  });

  test('keeps pinned prefixes when everything else is evicted', () => {
    const driver = new TestDriver(smallConfig);
    expect(driver.scheduler.pinPrefix(counting(0, 9))).toBeNull();
    driver.submit(0, 9, { output: 1 });
    driver.step();
    const pin = driver.scheduler.pinPrefix(counting(0, 9));
    expect(pin).toEqual({ id: 0, tokenCount: 8 });
    driver.submit(500, 40, { output: 8 });
    driver.finish();
    driver.submit(600, 40, { output: 8 });
    driver.finish();
    expect(driver.scheduler.occupancy[0]).toMatchObject({ owned: 2, pinned: 2 });
    driver.submit(0, 9);
    expect(driver.step()).toContain('prefill #3 [8, 9)');
    driver.finish();
    if (pin !== null) driver.scheduler.unpin(pin.id);
    driver.scheduler.checkIntegrity();
    expect(driver.scheduler.occupancy[0]).toMatchObject({ owned: 0, pinned: 0 });
  });
});
