/** What happens to a scheduler when the outside goes wrong: steps given up, slow readers, full and slow queues. */
import { PlimsollError, seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { policies, type ServingConfig } from './index.ts';
import { smallConfig, TestDriver } from './testing/test-driver.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
  }
  return expect.unreachable('a PlimsollError was expected');
}

describe('abandon', () => {
  test('a step that was given up is computed again, with the same text', () => {
    const text = (abandons: boolean): number[] => {
      const driver = new TestDriver(smallConfig);
      const sequence = driver.submit(0, 6);
      driver.steps(3);
      if (abandons) {
        driver.scheduler.step(seconds(3));
        driver.scheduler.abandon();
        driver.scheduler.checkIntegrity();
        expect([sequence.state, sequence.computedTokens, sequence.preemptionCount]).toEqual([
          'preempted',
          0,
          1,
        ]);
      }
      driver.finish();
      return [...sequence.tokens];
    };
    expect(text(true)).toEqual(text(false));
  });

  test('what the step moved to the host is dropped, because the move may not have happened', () => {
    const driver = new TestDriver({
      ...smallConfig,
      groups: [{ name: 'full', blockCount: 6, window: null, hostBlockCount: 6 }],
      policy: { ...policies.fcfs, preemption: 'spill' },
    });
    driver.submit(0, 8, { output: 9 });
    driver.submit(100, 7, { output: 12 });
    driver.steps(5);
    const plan = driver.scheduler.step(seconds(5));
    expect(plan.blockTransfers.map(({ kind }) => kind)).toContain('spill');
    driver.scheduler.abandon();
    driver.scheduler.checkIntegrity();
    expect(driver.scheduler.occupancy[0]).toMatchObject({ owned: 0, hostOwned: 0 });
    driver.finish();
  });
});

describe('pause', () => {
  test('a paused sequence keeps its blocks and gets no step; the others go on', () => {
    const driver = new TestDriver(smallConfig);
    const slow = driver.submit(0, 6, { output: 20 });
    const other = driver.submit(50, 6, { output: 4 });
    driver.steps(2);
    driver.scheduler.pause(slow.id);
    const { length } = slow.tokens;
    driver.steps(2);
    expect(slow.tokens).toHaveLength(length);
    expect(other.state).toBe('finished');
    expect([driver.scheduler.isIdle, driver.scheduler.pausedCount]).toEqual([true, 1]);
    expect(driver.step()).toBe('step 4: 0 tokens');
    driver.scheduler.resume(slow.id);
    driver.finish();
    expect(slow.tokens).toHaveLength(26);
  });

  test('a paused sequence is the first to give way, and stays out of the queue until it is resumed', () => {
    const driver = new TestDriver({
      ...smallConfig,
      groups: [{ name: 'full', blockCount: 6, window: null }],
    });
    const slow = driver.submit(0, 12, { output: 8 });
    driver.step();
    driver.scheduler.pause(slow.id);
    const next = driver.submit(100, 16, { output: 4 });
    driver.steps(5);
    expect([slow.state, next.state]).toEqual(['preempted', 'finished']);
    expect(driver.scheduler.isIdle).toBe(true);
    driver.scheduler.resume(slow.id);
    driver.finish();
    expect(slow.state).toBe('finished');
  });
});

describe('the queue', () => {
  const one: ServingConfig = { ...smallConfig, runningMax: 1, waitingMax: 2, queueSecondsMax: 5 };

  test('is bounded, except for work that was accepted before', () => {
    const driver = new TestDriver(one);
    driver.submit(0, 4);
    driver.submit(10, 4);
    expect(codeOf(() => driver.submit(20, 4))).toBe('queue-full');
    driver.scheduler.submit({ prompt: [1, 2], outputTokensMax: 1, continues: true }, seconds(0));
    driver.step();
    expect(driver.scheduler.metrics).toMatchObject({ submitted: 3, refused: 1 });
    driver.finish();
  });

  test('is bounded in tokens too; what has a place counts no more', () => {
    const driver = new TestDriver({ ...smallConfig, runningMax: 1, waitingTokensMax: 20 });
    driver.submit(0, 12);
    expect(codeOf(() => driver.submit(20, 9))).toBe('queue-full');
    driver.step();
    driver.submit(20, 9);
    driver.submit(40, 11);
    expect(codeOf(() => driver.submit(60, 1))).toBe('queue-full');
    driver.finish();
  });

  test('ends what waited too long for its first place, and nothing that had one', () => {
    const driver = new TestDriver(one);
    const served = driver.submit(0, 4, { output: 10 });
    driver.step();
    const late = driver.submit(10, 4);
    driver.steps(5);
    expect(late.state).toBe('waiting');
    driver.steps(2);
    expect([late.state, late.finishReason, late.finishedAt]).toEqual(['finished', 'expired', 7]);
    driver.finish();
    expect(served.finishReason).toBe('length');
    expect(driver.scheduler.metrics.expired).toBe(1);
  });

  test('times of a request', () => {
    const driver = new TestDriver(one);
    driver.submit(0, 8, { output: 2 });
    const second = driver.submit(0, 8, { output: 3 });
    driver.finish();
    const { submittedAt, admittedAt, firstTokenAt, finishedAt, cachedTokens } = second;
    expect({ submittedAt, admittedAt, firstTokenAt, finishedAt, cachedTokens }).toEqual({
      submittedAt: 0,
      admittedAt: 2,
      firstTokenAt: 2,
      finishedAt: 4,
      cachedTokens: 4,
    });
  });
});
