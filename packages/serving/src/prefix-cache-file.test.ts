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

function load(
  scheduler: Scheduler,
  saved: Uint8Array,
  as: PrefixCacheIdentity = identity,
): ReturnType<Scheduler['loadPrefixCache']> {
  return scheduler.loadPrefixCache(saved, as, () => undefined);
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
    const { blocks: loaded } = load(after.scheduler, saved);
    after.engine.load(loaded, before.engine);
    after.scheduler.checkIntegrity();
    // Least recent first: the tail 2 1 of the first conversation, then what the second one used.
    expect(loaded).toEqual([
      { group: 0, savedBlock: 2, ordinal: 0, block: 0 },
      { group: 0, savedBlock: 1, ordinal: 1, block: 1 },
      { group: 0, savedBlock: 3, ordinal: 2, block: 2 },
      { group: 0, savedBlock: 0, ordinal: 3, block: 3 },
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
    const { blocks, droppedBlocks } = load(small, saved);
    expect(blocks.map(({ savedBlock, ordinal }) => [savedBlock, ordinal])).toEqual([
      [3, 2],
      [0, 3],
    ]);
    expect(droppedBlocks).toBe(2);
    small.checkIntegrity();
  });

  test('while sequences run holds what they have finished, heads after tails', () => {
    const driver = new TestDriver(smallConfig);
    driver.submit(0, 13);
    driver.step();
    const saved = driver.scheduler.savePrefixCache(identity);
    const loaded = load(new Scheduler(smallConfig), saved);
    expect(loaded.blocks.map(({ savedBlock }) => savedBlock)).toEqual([2, 1, 0]);
  });

  test('of an empty cache is empty', () => {
    const saved = new Scheduler(smallConfig).savePrefixCache(identity);
    expect(load(new Scheduler(smallConfig), saved)).toEqual({ blocks: [], droppedBlocks: 0 });
  });
});

test('a block whose content cannot be read leaves the cache empty', () => {
  const saved = usedDriver().scheduler.savePrefixCache(identity);
  const scheduler = new Scheduler(smallConfig);
  let filled = 0;
  const fill = (): void => {
    if (++filled === 3) throw new Error('no content');
  };
  expect(() => scheduler.loadPrefixCache(saved, identity, fill)).toThrow('no content');
  expect(scheduler.occupancy[0]).toMatchObject({ cached: 0, owned: 0 });
  scheduler.checkIntegrity();
  expect(load(scheduler, saved).blocks).toHaveLength(4);
});

test('blocks that were evicted since they were listed are no longer cached', () => {
  const driver = usedDriver();
  const [listed = []] = driver.scheduler.cachedBlocks();
  expect(listed.every((block) => driver.scheduler.isCached(0, block))).toBe(true);
  driver.submit(500, 60, { output: 1 });
  driver.finish();
  expect(listed.filter((block) => driver.scheduler.isCached(0, block)).length).toBeLessThan(listed.length);
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
        load(scheduler, saved, other);
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
      codes.add(codeOf(() => load(new Scheduler(smallConfig), saved.subarray(0, length))));
      const changed = saved.slice();
      changed[length] = (changed[length] ?? 0) ^ (1 << (length % 8));
      codes.add(codeOf(() => load(new Scheduler(smallConfig), changed)));
    }
    expect([...codes]).toEqual(['prefix-cache-torn']);
  });

  test('to load into a scheduler in use: a bug of the caller', () => {
    const { scheduler } = usedDriver();
    expect(() => load(scheduler, saved)).toThrow('group full is in use');
    const waiting = new Scheduler(smallConfig);
    waiting.submit({ prompt: [1], outputTokensMax: 1 }, seconds(0));
    expect(() => load(waiting, saved)).toThrow('before the first request');
  });
});
