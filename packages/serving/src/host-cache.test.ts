import { seconds } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { BlockPool } from './block-pool.ts';
import { keepInHost } from './host-cache.ts';
import { policies, Scheduler, type ServingConfig } from './index.ts';

const at = seconds(0);

function hashOf(content: number): number[] {
  return [content, content, content, content];
}

test('the host keeps what the device evicts, and drops the least recently evicted content', () => {
  const host = new BlockPool(2);
  const device = new BlockPool(1, 0, (hash) => keepInHost(host, hash));
  const write = (content: number): void => {
    const block = device.allocate();
    if (block === null) throw new Error('no block');
    device.publish(block, hashOf(content), 0);
    device.release(block);
  };
  const kept = () => [1, 2, 3, 4].filter((content) => host.find(hashOf(content), 0) !== null);
  for (const content of [1, 2, 3]) write(content);
  expect(kept()).toEqual([1, 2]);
  // The device evicts 3, and 2 becomes more recent than 3 when the device evicts it again.
  write(2);
  expect(kept()).toEqual([2, 3]);
  write(4);
  expect(kept()).toEqual([2, 3]);
  write(1);
  expect(kept()).toEqual([2, 4]);
  host.checkIntegrity(new Int32Array(2));
});

const config: ServingConfig = {
  blockSize: 4,
  groups: [{ name: 'full', blockCount: 6, window: null, hostBlockCount: 20 }],
  contextMax: 40,
  runningMax: 2,
  tokenBudget: 40,
  admissionReserve: 0,
  evictionSpread: 0,
  hostCache: { loads: (start, end) => end - start >= 8 },
  policy: policies.fcfs,
};

function prompt(content: number, length: number) {
  return { length, restId: content };
}

function finish(scheduler: Scheduler): void {
  while (!scheduler.isIdle) {
    scheduler.step(at);
    scheduler.commitCounted(at);
    scheduler.checkIntegrity();
  }
}

test('a sequence loads the blocks after those of the device, and computes the rest', () => {
  const scheduler = new Scheduler(config);
  for (const content of [1, 2]) {
    scheduler.submit({ prompt: prompt(content, 18), outputTokensMax: 1 }, at);
    finish(scheduler);
  }
  const again = scheduler.submit({ prompt: prompt(1, 20), outputTokensMax: 2 }, at);
  const { admitted, tokenCount } = scheduler.step(at);
  scheduler.commitCounted(at);
  expect(admitted).toEqual([again]);
  expect(tokenCount).toBe(0);
  // The device still has the first block of content 1.
  expect(again).toMatchObject({ state: 'receiving', computedTokens: 4, receivesTo: 16 });
  expect(scheduler.isIdle).toBe(true);
  scheduler.checkIntegrity();
  scheduler.arrive(again.id);
  expect(again).toMatchObject({ state: 'prefilling', computedTokens: 16 });
  finish(scheduler);
  expect(again.state).toBe('finished');
});

test('a short run of host blocks is computed again if the rule says so', () => {
  const scheduler = new Scheduler(config);
  for (const content of [1, 2]) {
    scheduler.submit({ prompt: prompt(content, 18), outputTokensMax: 1 }, at);
    finish(scheduler);
  }
  const again = scheduler.submit({ prompt: prompt(1, 12), outputTokensMax: 1 }, at);
  finish(scheduler);
  expect(again.state).toBe('finished');
  expect(scheduler.metrics.receivedTokens).toBe(0);
});

test('windows and token ids are refused', () => {
  const windowed = [{ name: 'sliding', blockCount: 6, window: 8, hostBlockCount: 20 }];
  expect(() => new Scheduler({ ...config, groups: windowed })).toThrow('hostCache keeps no windows');
  const scheduler = new Scheduler(config);
  expect(() => scheduler.submit({ prompt: [1, 2, 3], outputTokensMax: 1 }, at)).toThrow('only the length');
});
