import { PlimsollError, seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { Scheduler, type ServingConfig } from './index.ts';
import type { PrefixCacheIdentity } from './prefix-cache-file.ts';
import { counting, smallConfig, TestDriver } from './testing/test-driver.ts';

const identity: PrefixCacheIdentity = { modelHash: 'sha256:1234', kvFormat: 'f16' };

/** A cache that holds two conversations with one beginning: blocks 0 1 2 and 0 3. */
function usedDriver(config: ServingConfig = smallConfig): TestDriver {
  const driver = new TestDriver(config);
  driver.submit(0, 13, { output: 1 });
  driver.finish();
  driver.scheduler.submit(
    { prompt: [...counting(0, 4), ...counting(50, 5)], outputTokensMax: 1 },
    seconds(9),
  );
  driver.finish();
  return driver;
}

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return 'accepted';
  } catch (error) {
    return error instanceof PlimsollError ? error.code : String(error);
  }
}

describe('a saved cache', () => {
  test('comes back with its order of eviction, and serves hits', () => {
    const before = usedDriver();
    const saved = before.scheduler.savePrefixCache(identity);
    const after = new TestDriver(smallConfig);
    const loaded = after.scheduler.loadPrefixCache(saved, identity);
    after.engine.load(loaded, before.engine);
    after.scheduler.checkIntegrity();
    // Least recent first: the tail 2 1 of the first conversation, then what the second one used.
    expect(loaded).toEqual([
      { group: 0, savedBlock: 2, block: 0 },
      { group: 0, savedBlock: 1, block: 1 },
      { group: 0, savedBlock: 3, block: 2 },
      { group: 0, savedBlock: 0, block: 3 },
    ]);
    after.submit(0, 13);
    expect(after.step()).toMatchInlineSnapshot(`
      "step 0: 1 tokens
        prefill #0 [12, 13) in 3 1 0 4"
    `);
  });

  test('fills a smaller pool with what was used last', () => {
    const saved = usedDriver().scheduler.savePrefixCache(identity);
    const small = new Scheduler({ ...smallConfig, groups: [{ name: 'full', blockCount: 2, window: null }] });
    expect(small.loadPrefixCache(saved, identity).map(({ savedBlock }) => savedBlock)).toEqual([3, 0]);
    small.checkIntegrity();
  });

  test('while sequences run holds what they have finished, heads after tails', () => {
    const driver = new TestDriver(smallConfig);
    driver.submit(0, 13);
    driver.step();
    const saved = driver.scheduler.savePrefixCache(identity);
    const loaded = new Scheduler(smallConfig).loadPrefixCache(saved, identity);
    expect(loaded.map(({ savedBlock }) => savedBlock)).toEqual([2, 1, 0]);
  });

  test('of an empty cache is empty', () => {
    const saved = new Scheduler(smallConfig).savePrefixCache(identity);
    expect(new Scheduler(smallConfig).loadPrefixCache(saved, identity)).toEqual([]);
  });
});

describe('refuses', () => {
  const saved = usedDriver().scheduler.savePrefixCache(identity);

  test('another model, KV format, block size or grouping, and says which', () => {
    const group = { name: 'full', blockCount: 16, window: null };
    const attempts: [ServingConfig, PrefixCacheIdentity][] = [
      [smallConfig, { ...identity, modelHash: 'sha256:5678' }],
      [smallConfig, { ...identity, kvFormat: 'q8_0' }],
      [{ ...smallConfig, blockSize: 8 }, identity],
      [{ ...smallConfig, groups: [{ ...group, window: 32 }] }, identity],
      [{ ...smallConfig, groups: [group, { ...group, name: 'sliding', window: 8 }] }, identity],
    ];
    const messages = attempts.map(([config, other]) => {
      const scheduler = new Scheduler(config);
      try {
        scheduler.loadPrefixCache(saved, other);
        return 'accepted';
      } catch (error) {
        // The cache stays empty and usable.
        expect(scheduler.occupancy[0]).toMatchObject({ cached: 0, owned: 0 });
        expect(error).toMatchObject({ code: 'prefix-cache-mismatch' });
        return error instanceof Error ? error.message : '';
      }
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "the saved prefix cache has model hash sha256:1234, this engine has sha256:5678",
        "the saved prefix cache has KV format f16, this engine has q8_0",
        "the saved prefix cache has block size 4, this engine has 8",
        "the saved prefix cache has cache groups full (window none), this engine has full (window 32)",
        "the saved prefix cache has cache groups full (window none), this engine has full (window none), sliding (window 8)",
      ]
    `);
  });

  test('bytes that are cut off anywhere, or changed anywhere', () => {
    const codes = new Set<string>();
    for (let length = 0; length < saved.length; length++) {
      codes.add(
        codeOf(() => new Scheduler(smallConfig).loadPrefixCache(saved.subarray(0, length), identity)),
      );
      const changed = saved.slice();
      changed[length] = (changed[length] ?? 0) ^ (1 << (length % 8));
      codes.add(codeOf(() => new Scheduler(smallConfig).loadPrefixCache(changed, identity)));
    }
    expect([...codes]).toEqual(['prefix-cache-torn']);
  });

  test('to load into a scheduler in use: a bug of the caller', () => {
    const { scheduler } = usedDriver();
    expect(() => scheduler.loadPrefixCache(saved, identity)).toThrow('group full is in use');
    const waiting = new Scheduler(smallConfig);
    waiting.submit({ prompt: [1], outputTokensMax: 1 }, seconds(0));
    expect(() => waiting.loadPrefixCache(saved, identity)).toThrow('before the first request');
  });
});
