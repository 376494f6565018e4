import { seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import type { Scheduler, ServingConfig, StepPlan } from './index.ts';
import { tablesText } from './plan-text.ts';
import { smallConfig, TestDriver } from './testing/test-driver.ts';

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
    const outcome = driver.scheduler.commit([{ sequenceId: second.id, tokens: [1] }], seconds(0));
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

test('a wrong commit is a bug', () => {
  const wrong = (results: (plan: StepPlan) => Parameters<Scheduler['commit']>[0]): (() => void) => {
    return () => {
      const { scheduler } = new TestDriver(smallConfig);
      scheduler.submit({ prompt: [1, 2, 3], outputTokensMax: 5 }, seconds(0));
      scheduler.commit(results(scheduler.step(seconds(0))), seconds(0));
    };
  };
  const idOf = (plan: StepPlan) => plan.entries[0]?.sequence.id ?? expect.fail('an empty plan');
  expect(wrong(() => [])).toThrow('sequence 0 samples: its result is missing or out of order');
  expect(wrong((plan) => [{ sequenceId: idOf(plan), tokens: [1, 2] }])).toThrow('2 tokens for 0 drafts');
  expect(wrong((plan) => [0, 0].map(() => ({ sequenceId: idOf(plan), tokens: [1] })))).toThrow(
    '2 results for a step that takes 1',
  );
});
