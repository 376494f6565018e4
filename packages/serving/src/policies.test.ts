import { seconds } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { policies, type SequenceView, type ServingConfig } from './index.ts';
import { arrivalOrder } from './rank-rules.ts';
import { counting, smallConfig, TestDriver } from './testing/test-driver.ts';

describe('preemption', () => {
  const tight: ServingConfig = { ...smallConfig, groups: [{ name: 'full', blockCount: 6, window: null }] };

  test('takes from the last in order; what was computed is found again as far as it survives', () => {
    const driver = new TestDriver(tight);
    driver.submit(0, 8, { output: 9 });
    driver.submit(100, 7, { output: 12 });
    driver.steps(5);
    const preempted = driver.step();
    driver.steps(3);
    expect([preempted, '...', driver.steps(2)].join('\n')).toMatchInlineSnapshot(`
      "step 5: 1 tokens
        preempt #1
        decode #0 [12, 13) in 0 1 4 5
      ...
      step 9: 4 tokens
        prefill #1 [8, 12) in 2 3 5
      step 10: 1 tokens
        decode #1 [12, 13) in 2 3 5 4"
    `);
    driver.finish();
    expect(driver.scheduler.metrics).toMatchObject({ preemptions: 1, discardedTokens: 11, finished: 2 });
  });

  test('spills to the host and comes back without computing', () => {
    const spilling: ServingConfig = {
      ...tight,
      groups: [{ name: 'full', blockCount: 6, window: null, hostBlockCount: 4 }],
      policy: { ...policies.fcfs, preemption: 'spill' },
    };
    const driver = new TestDriver(spilling);
    driver.submit(0, 8, { output: 9 });
    driver.submit(100, 7, { output: 12 });
    driver.steps(5);
    const preempted = driver.step();
    driver.steps(3);
    expect([preempted, '...', driver.steps(2)].join('\n')).toMatchInlineSnapshot(`
      "step 5: 1 tokens
        preempt #1
        spill 2 -> 0
        spill 3 -> 1
        spill 5 -> 2
        decode #0 [12, 13) in 0 1 4 5
      ...
      step 9: 1 tokens
        restore 0 -> 3
        restore 1 -> 2
        restore 2 -> 5
        decode #1 [11, 12) in 3 2 5
      step 10: 1 tokens
        decode #1 [12, 13) in 3 2 5 4"
    `);
    driver.finish();
    expect(driver.scheduler.metrics).toMatchObject({
      prefixQueryTokens: 15,
      discardedTokens: 0,
      spills: 1,
      spilledBlocks: 3,
      restoredBlocks: 3,
    });
  });

  test('a higher priority pushes out a lower one, where the policy says so', () => {
    const urgent = (policy: ServingConfig['policy']): string => {
      const driver = new TestDriver({ ...tight, policy });
      driver.submit(0, 12, { output: 12 });
      driver.step();
      driver.submit(100, 16, { priority: 1 });
      return driver.step();
    };
    expect(urgent(policies.fcfs)).not.toContain('preempt');
    expect(urgent(policies.priority)).toMatchInlineSnapshot(`
      "step 1: 16 tokens
        preempt #0
        prefill #1 [0, 16) in 3 4 5 2"
    `);
  });

  test('does not push out equals, whatever their order', () => {
    const rule = arrivalOrder({ secondsPerPriority: 60, secondsPerToken: 1 });
    const policy = { ...policies.priority, rule };
    const driver = new TestDriver({ ...tight, policy });
    driver.submit(0, 16, { output: 8 });
    driver.step();
    driver.submit(100, 9);
    expect(driver.step()).toMatchInlineSnapshot(`
      "step 1: 1 tokens
        decode #0 [16, 17) in 0 1 2 3 4"
    `);
  });

  test('is not for drafts: they use what is left or are left out', () => {
    const driver = new TestDriver({ ...tight, tokenBudget: 24 });
    const { id } = driver.submit(0, 8, { output: 12 });
    driver.submit(100, 11, { output: 2 });
    expect(
      [driver.step(new Map([[id, { drafts: [900, 901, 902, 903, 904] }]])), driver.step()].join('\n'),
    ).toMatchInlineSnapshot(`
      "step 0: 19 tokens
        prefill #0 [0, 8) in 0 1
        prefill #1 [0, 11) in 2 3 4
      step 1: 5 tokens
        decode #0 [8, 12), 3 drafts in 0 1 5
        decode #1 [11, 12) in 2 3 4"
    `);
  });
});

describe('order', () => {
  /** Three prompts in this order: long; short; urgent and of middle length. One at a time. */
  function served(policy: ServingConfig['policy']): number[] {
    const driver = new TestDriver({ ...smallConfig, runningMax: 1, policy });
    driver.submit(0, 16, { output: 2 });
    driver.submit(100, 2, { output: 2 });
    driver.submit(200, 8, { output: 2, priority: 2 });
    const order: number[] = [];
    while (order.length < 3) {
      driver.step();
      order.push(...driver.outcome.finished.map(({ sequence }) => sequence.id));
    }
    return order;
  }

  test('follows the policy', () => {
    expect(served(policies.fcfs)).toEqual([0, 1, 2]);
    expect(served(policies.priority)).toEqual([2, 0, 1]);
    expect(served(policies.shortestFirst)).toEqual([1, 2, 0]);
  });

  test('ageing: under a stream of urgent requests an old one waits a bounded time, without ageing for ever', () => {
    const waited = (secondsPerPriority: number): number | null => {
      const policy = { ...policies.priority, rule: arrivalOrder({ secondsPerPriority }) };
      const driver = new TestDriver({ ...smallConfig, runningMax: 1, policy });
      const old = driver.submit(0, 8, { output: 1 });
      for (let step = 0; step < 400; step++) {
        // One urgent request per second, each of which takes the one place for a second.
        driver.submit(1000 + step * 10, 4, { output: 1, priority: 2 });
        driver.step();
        if (old.admittedAt !== null) return old.admittedAt;
      }
      return null;
    };
    // Two levels of priority are worth 2 x 20 s: what is submitted before then may overtake, nothing later.
    expect(waited(20)).toBe(40);
    expect(waited(1e6)).toBeNull();
  });
});

test('starvation-free: nobody is overtaken by what came later than the head start allows', () => {
  const kinds = fc.record({
    wait: fc.constantFrom(0, 1, 3),
    length: fc.integer({ min: 1, max: 30 }),
    output: fc.integer({ min: 1, max: 20 }),
    priority: fc.integer({ min: 0, max: 3 }),
  });
  const weights = fc.record({
    secondsPerPriority: fc.constantFrom(0, 2, 10),
    secondsPerToken: fc.constantFrom(0, 0.1, 1),
  });
  fc.assert(
    fc.property(
      fc.array(kinds, { maxLength: 40 }),
      weights,
      fc.record({ preemptForWaiting: fc.boolean(), runningMax: fc.integer({ min: 1, max: 4 }) }),
      (requests, weight, { preemptForWaiting, runningMax }) => {
        const policy = { ...policies.fcfs, rule: arrivalOrder(weight), preemptForWaiting };
        const driver = new TestDriver({ ...smallConfig, runningMax, policy });
        const all = requests.map(({ wait, length, output, priority }, index) => {
          for (let count = 0; count < wait; count++) driver.step();
          return driver.submit(index * 100, length, { output, priority });
        });
        driver.finish(5000);
        for (const early of all) {
          for (const late of all) {
            const [earlyStart, lateStart] = [early.admittedAt ?? Infinity, late.admittedAt ?? Infinity];
            if (lateStart >= earlyStart || late.submittedAt < early.submittedAt) continue;
            const headStart =
              weight.secondsPerPriority * (late.priority - early.priority) +
              weight.secondsPerToken * (early.promptLength - late.promptLength);
            expect(late.submittedAt - early.submittedAt).toBeLessThanOrEqual(headStart);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

describe('fair share', () => {
  /** Runs two tenants with work in their queues until `steps` are over, and counts their tokens. */
  function tokensOf(policy: ServingConfig['policy']): Record<string, number> {
    const driver = new TestDriver({ ...smallConfig, runningMax: 1, policy });
    const request = (tenant: string, first: number): void => {
      const prompt = Array.from({ length: 8 }, (_, index) => first + index);
      driver.scheduler.submit({ prompt, outputTokensMax: 4, tenant }, seconds(driver.now));
    };
    // One tenant queues everything at once; the other asks for one request after the other.
    for (let index = 0; index < 60; index++) request('greedy', 100 * index);
    const served: Record<string, number> = { greedy: 0, modest: 0 };
    request('modest', 10_000);
    for (let step = 0; step < 200; step++) {
      driver.step();
      for (const { sequence } of driver.outcome.finished) {
        served[sequence.tenant] = (served[sequence.tenant] ?? 0) + sequence.tokens.length;
        if (sequence.tenant === 'modest') request('modest', 10_000 + 100 * step);
      }
    }
    return served;
  }

  test('a tenant that queues many requests gets no more than one that queues one', () => {
    const { greedy = 0, modest = 0 } = tokensOf(policies.fairShare);
    expect(modest).toBeGreaterThan(0.8 * greedy);
    expect(tokensOf(policies.fcfs).modest).toBe(0);
  });

  test('a request of another tenant waits for the running requests, not for a hundred queued ones', () => {
    const driver = new TestDriver({
      ...smallConfig,
      groups: [{ name: 'full', blockCount: 4000, window: null }],
      contextMax: 400,
      tokenBudget: 512,
      policy: policies.fairShare,
    });
    const request = (tenant: string, first: number): SequenceView =>
      driver.scheduler.submit(
        { prompt: counting(first, 200), outputTokensMax: 100, tenant },
        seconds(driver.now),
      );
    for (let index = 0; index < 100; index++) request('greedy', 1000 * index);
    driver.steps(3);
    const modest = request('modest', 500_000);
    while (modest.firstTokenAt === null) driver.step();
    // The eight running requests end after about a hundred steps; first come, first served takes 1,200.
    expect(modest.firstTokenAt).toBeLessThan(110);
  });

  test('requests of a tenant stay in order although answers are shorter than expected', () => {
    const driver = new TestDriver({ ...smallConfig, runningMax: 1, policy: policies.fairShare });
    const request = (first: number, output: number): SequenceView =>
      driver.scheduler.submit({ prompt: [first, 2, 3], outputTokensMax: output }, seconds(driver.now));
    const first = request(10, 30);
    const second = request(20, 2);
    driver.step(new Map([[first.id, { finished: 'stop' }]]));
    const third = request(30, 2);
    driver.finish();
    expect(second.admittedAt).toBeLessThan(third.admittedAt ?? 0);
  });

  test('tenants that appear without end overtake a waiting request for a bounded time', () => {
    const admittedAt = (): number | null => {
      const driver = new TestDriver({ ...smallConfig, runningMax: 1, policy: policies.fairShare });
      const request = (tenant: string, output: number): SequenceView =>
        driver.scheduler.submit(
          { prompt: [driver.now, 2, 3, 4], outputTokensMax: output, tenant },
          seconds(driver.now),
        );
      request('old', 20);
      const waiting = request('old', 1);
      for (let step = 0; step < 400; step++) {
        request(`new ${step}`, 1);
        driver.step();
        if (waiting.admittedAt !== null) return waiting.admittedAt;
      }
      return null;
    };
    // About twenty tenants wait at any time, each with 6 tokens; the waiting request starts 44 tokens later than they.
    expect(admittedAt() ?? 400).toBeLessThan(250);
  });

  test('priority comes before shares', () => {
    const driver = new TestDriver({ ...smallConfig, runningMax: 1, policy: policies.fairShare });
    const request = (tenant: string, first: number, priority: number): SequenceView =>
      driver.scheduler.submit(
        { prompt: counting(first, 8), outputTokensMax: 2, tenant, priority },
        seconds(driver.now),
      );
    const early = Array.from({ length: 5 }, (_, index) => request('busy', 100 * index, 0));
    const other = request('other', 5000, 0);
    const urgent = request('busy', 6000, 1);
    driver.finish();
    const order = [...early, other, urgent].sort(
      (left, right) => (left.admittedAt ?? 0) - (right.admittedAt ?? 0),
    );
    expect(order.map(({ id }) => id).slice(0, 3)).toEqual([urgent.id, early[0]?.id, other.id]);
  });

  test('an idle tenant saves nothing up, and one that left takes no memory', () => {
    const rule = policies.fairShare.rule();
    const prompt = new Array<number>(100).fill(1);
    const now = seconds(0);
    for (let index = 0; index < 10; index++)
      rule.admitted?.({
        rank: rule.rank({ prompt, outputTokensMax: 1, tenant: 'a' }, now),
        priority: 0,
        promptLength: 100,
        outputExpected: 1,
      });
    expect(rule.rank({ prompt, outputTokensMax: 1, tenant: 'b' }, now)).toBe(1020);
    expect(rule.rank({ prompt, outputTokensMax: 1, tenant: 'a' }, now)).toBe(1020);
  });
});

describe('overtaking', () => {
  const tight: ServingConfig = { ...smallConfig, groups: [{ name: 'full', blockCount: 8, window: null }] };

  test('a head that does not fit lets a bounded number of later ones pass', () => {
    const admitted = (skipHeadMax: number): number[] => {
      const driver = new TestDriver({ ...tight, skipHeadMax });
      driver.submit(0, 12, { output: 16 });
      driver.step();
      driver.submit(100, 24, { output: 4 });
      for (let index = 0; index < 4; index++) driver.submit(200 + 10 * index, 3, { output: 1 });
      const before: number[] = [];
      for (let step = 0; step < 6; step++) {
        driver.step();
        before.push(...driver.outcome.finished.map(({ sequence }) => sequence.id));
      }
      driver.finish();
      return before;
    };
    expect(admitted(0)).toEqual([]);
    expect(admitted(2)).toEqual([2, 3]);
  });
});
