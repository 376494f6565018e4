import { seconds } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Plan, policies, Scheduler, type ServingConfig } from './index.ts';
import { tablesText } from './plan-text.ts';
import { counting, smallConfig, TestDriver } from './test-driver.ts';

describe('a step', () => {
  test('decodes first, then prefills in chunks within the budget', () => {
    const driver = new TestDriver(smallConfig);
    driver.submit(0, 6);
    const first = driver.step();
    driver.submit(100, 20);
    driver.submit(200, 9);
    expect([first, driver.steps(3)].join('\n')).toMatchInlineSnapshot(`
      "step 0: 6 tokens
        prefill #0 [0, 6) in 0 1
      step 1: 16 tokens
        decode #0 [6, 7) in 0 1
        prefill #1 [0, 15), no logits in 2 3 4 5
      step 2: 15 tokens
        decode #0 [7, 8) in 0 1
        prefill #1 [15, 20) in 2 3 4 5 6
        prefill #2 [0, 9) in 7 8 9
      step 3: 3 tokens
        decode #0 [8, 9) in 0 1 10
        decode #1 [20, 21) in 2 3 4 5 6 11
        decode #2 [9, 10) in 7 8 9"
    `);
  });

  test('gives every decoding sequence its token before anyone gets drafts', () => {
    const driver = new TestDriver({ ...smallConfig, tokenBudget: 6, runningMax: 4 });
    const ids = [driver.submit(0, 2), driver.submit(10, 2), driver.submit(20, 2)].map(({ id }) => id);
    const drafts = new Map(ids.map((id) => [id, { drafts: [900, 901, 902, 903] }]));
    driver.step(drafts);
    expect([driver.step(drafts), driver.step()].join('\n')).toMatchInlineSnapshot(`
      "step 1: 6 tokens
        decode #0 [2, 6), 3 drafts in 0 3
        decode #1 [2, 3) in 1
        decode #2 [2, 3) in 2
      step 2: 6 tokens
        decode #0 [3, 7), 3 drafts in 0 3
        decode #1 [3, 4) in 1
        decode #2 [3, 4) in 2"
    `);
    expect(driver.scheduler.metrics).toMatchObject({ draftedTokens: 6, acceptedTokens: 0 });
  });

  test('keeps accepted drafts and gives back the blocks of rejected ones', () => {
    const driver = new TestDriver({ ...smallConfig, tokenBudget: 32 }, 1);
    const { id, tokens } = driver.submit(0, 3);
    // A vocabulary of one token: 0 is right and 7 is wrong.
    driver.step(new Map([[id, { drafts: [0, 0, 7, 0, 0, 0] }]]));
    const text = driver.step(new Map([[id, { drafts: [0] }]]));
    expect([text, driver.step()].join('\n')).toMatchInlineSnapshot(`
      "step 1: 7 tokens
        decode #0 [3, 10), 6 drafts in 0 1 2
      step 2: 2 tokens
        decode #0 [6, 8), 1 drafts in 0 1"
    `);
    expect(tokens).toEqual([0, 1, 2, 0, 0, 0, 0, 0, 0]);
  });

  test('takes requests and cancellations while one is in flight', () => {
    const driver = new TestDriver(smallConfig);
    const first = driver.submit(0, 6);
    const second = driver.submit(50, 6);
    driver.engine.run(driver.scheduler.step(seconds(0)));
    driver.scheduler.abort(first.id);
    driver.scheduler.checkIntegrity();
    const third = driver.submit(90, 3);
    const outcome = driver.scheduler.commit([{ sequenceId: second.id, tokens: [1] }]);
    expect(outcome.finished).toEqual([]);
    expect([first.state, first.finishReason, second.state, third.state]).toEqual([
      'finished',
      'aborted',
      'decoding',
      'waiting',
    ]);
    expect(driver.step()).toMatchInlineSnapshot(`
      "step 1: 4 tokens
        decode #1 [6, 7) in 2 3
        prefill #2 [0, 3) in 0"
    `);
  });
});

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
        scheduler.commit([{ sequenceId: id, tokens: [5] }]);
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

describe('forks', () => {
  test('share everything; who writes first into the shared last block gets a copy', () => {
    const driver = new TestDriver(smallConfig);
    const { id } = driver.submit(0, 6);
    const first = driver.step(new Map([[id, { forks: [{ token: 1 }, { token: 2 }] }]]));
    const children = driver.outcome.forked.map(({ child }) => child);
    expect(children.map(tablesText)).toEqual(['0 1', '0 1']);
    expect([first, driver.step()].join('\n')).toMatchInlineSnapshot(`
      "step 0: 6 tokens
        prefill #0 [0, 6) in 0 1
      step 1: 3 tokens
        copy-on-write 1 -> 2
        copy-on-write 1 -> 3
        decode #0 [6, 7) in 0 2
        decode #1 [6, 7) in 0 3
        decode #2 [6, 7) in 0 1"
    `);
    expect(children.map(({ tokens }) => tokens[6])).toEqual([1, 2]);
    driver.finish();
    expect(driver.scheduler.occupancy[0]).toMatchObject({ owned: 0 });
  });

  test('wait when there is no place, and find the prefix in the cache', () => {
    const driver = new TestDriver({ ...smallConfig, runningMax: 1 });
    const { id } = driver.submit(0, 6, { output: 2 });
    driver.step();
    const child = driver.scheduler.fork(id);
    expect([child.state, tablesText(child)]).toEqual(['waiting', '']);
    expect(driver.steps(2)).toMatchInlineSnapshot(`
      "step 1: 1 tokens
        decode #0 [6, 7) in 0 1
      step 2: 3 tokens
        prefill #1 [4, 7) in 0 1"
    `);
  });

  test('copy the recurrent state', () => {
    const driver = new TestDriver({ ...smallConfig, groups: [], stateSlots: { count: 2 } });
    const { id } = driver.submit(0, 6, { output: 3 });
    driver.step();
    driver.scheduler.fork(id);
    expect(driver.step()).toMatchInlineSnapshot(`
      "step 1: 2 tokens
        fork state 0 -> 1
        decode #0 [6, 7) in state 0
        decode #1 [6, 7) in state 1"
    `);
  });
});

describe('rollback', () => {
  test('returns whole blocks and writes nothing that others read', () => {
    const driver = new TestDriver(smallConfig);
    const first = driver.submit(0, 12, { output: 20 });
    driver.step();
    const second = driver.submit(0, 13, { output: 20 });
    driver.step();
    expect([first, second].map(tablesText)).toEqual(['0 1 2 3', '0 1 2 4']);
    driver.scheduler.rollback(first.id, 7);
    driver.scheduler.checkIntegrity();
    expect(tablesText(first)).toBe('0 1');
    // Position 6 lies in block 1, which the other sequence reads: a copy.
    expect(driver.step()).toMatchInlineSnapshot(`
      "step 2: 2 tokens
        copy-on-write 1 -> 3
        decode #0 [6, 7) in 0 3
        decode #1 [13, 14) in 0 1 2 4"
    `);
  });

  test('behind the window computes anew', () => {
    const driver = new TestDriver({
      ...smallConfig,
      groups: [{ name: 'sliding', blockCount: 16, window: 4 }],
    });
    const { id } = driver.submit(0, 16, { output: 20 });
    driver.steps(2);
    driver.scheduler.rollback(id, 6);
    driver.scheduler.checkIntegrity();
    // Blocks 0 and 1 are still cached from the first time: only from position 4 on it is computed.
    expect(driver.step()).toMatchInlineSnapshot(`
      "step 2: 2 tokens
        prefill #0 [4, 6) in 0 4"
    `);
  });
});

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
});

describe('two cache groups', () => {
  test('the window gives its blocks back, and a hit needs both groups', () => {
    const config: ServingConfig = {
      ...smallConfig,
      groups: [
        { name: 'full', blockCount: 16, window: null },
        { name: 'sliding', blockCount: 8, window: 6 },
      ],
    };
    const driver = new TestDriver(config);
    driver.submit(0, 22, { output: 1 });
    const first = driver.steps(2);
    driver.submit(0, 22, { output: 1 });
    expect([first, driver.step()].join('\n')).toMatchInlineSnapshot(`
      "step 0: 16 tokens
        prefill #0 [0, 16), no logits in 0 1 2 3 | 0 1 2 3
      step 1: 6 tokens
        prefill #0 [16, 22) in 0 1 2 3 4 5 | -- 2 3 4 5
      step 2: 2 tokens
        prefill #1 [20, 22) in 0 1 2 3 4 5 | --- 3 4 5"
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
      const policy = { ...policies.priority, secondsPerPriority };
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
    preemptForWaiting: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(kinds, { maxLength: 40 }),
      weights,
      fc.integer({ min: 1, max: 4 }),
      (requests, weight, runningMax) => {
        const policy = { ...policies.fcfs, ...weight };
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
              policy.secondsPerPriority * (late.priority - early.priority) +
              policy.secondsPerToken * (early.promptLength - late.promptLength);
            expect(late.submittedAt - early.submittedAt).toBeLessThanOrEqual(headStart);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

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

  test('a wrong commit is a bug', () => {
    const wrong = (results: (plan: Plan) => Parameters<Scheduler['commit']>[0]): (() => void) => {
      return () => {
        const { scheduler } = new TestDriver(smallConfig);
        scheduler.submit({ prompt: [1, 2, 3], outputTokensMax: 5 }, seconds(0));
        scheduler.commit(results(scheduler.step(seconds(0))));
      };
    };
    const idOf = (plan: Plan) => plan.entries[0]?.sequence.id ?? expect.fail('an empty plan');
    expect(wrong(() => [])).toThrow('sequence 0 samples: its result is missing or out of order');
    expect(wrong((plan) => [{ sequenceId: idOf(plan), tokens: [1, 2] }])).toThrow('2 tokens for 0 drafts');
    expect(wrong((plan) => [0, 0].map(() => ({ sequenceId: idOf(plan), tokens: [1] })))).toThrow(
      '2 results for a step that takes 1',
    );
  });
});
