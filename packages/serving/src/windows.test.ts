/** The prefix cache of models with sliding windows: what a finished sequence leaves, and what pushes it out. */
import { seconds } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { policies, Scheduler, type ServingConfig } from './index.ts';
import { runToEnd } from './testing/run-steps.ts';
import { smallConfig, TestDriver } from './testing/test-driver.ts';

const blockSize = 16;
const window = 1024;
const chunk = 512;
/** Blocks of the last window of a finished sequence, which starts inside a block. */
const windowBlocks = window / blockSize + 1;
/** Most blocks that a running sequence holds. */
const runningBlocks = (window + chunk) / blockSize + 1;

function config(windowedBlocks: number): ServingConfig {
  return {
    blockSize,
    groups: [
      { name: 'full', blockCount: 4000, window: null },
      { name: 'sliding', blockCount: windowedBlocks, window },
    ],
    contextMax: 16_384,
    runningMax: 8,
    tokenBudget: chunk,
    policy: policies.fcfs,
  };
}

/** Runs one request alone to its end, and returns all its tokens and the share of its prompt that was cached. */
function turn(scheduler: Scheduler, prompt: readonly number[], outputTokens: number) {
  const sequence = scheduler.submit({ prompt, outputTokensMax: outputTokens }, seconds(0));
  runToEnd(scheduler, ({ id }) => ({ tokens: [id % 30_000] }));
  scheduler.checkIntegrity();
  return { tokens: [...sequence.tokens], cachedShare: sequence.cachedTokens / prompt.length };
}

function tokensOf(session: number, start: number, length: number): number[] {
  return Array.from({ length }, (_, index) => 1000 * (session + 1) + ((start + index) % 997));
}

/** Sessions of 3,000 tokens take turns of 100 new tokens and 50 of output; returns the least cached share of a turn. */
function leastShareOfTurns(scheduler: Scheduler, sessions: number, shared: readonly number[] = []): number {
  const texts = Array.from({ length: sessions }, (_, session) => [...shared, ...tokensOf(session, 0, 3000)]);
  let least = 1;
  for (let round = 0; round < 4; round++) {
    for (let session = 0; session < sessions; session++) {
      const text = texts[session] ?? [];
      const prompt = round === 0 ? text : [...text, ...tokensOf(session, text.length, 100)];
      const { tokens, cachedShare } = turn(scheduler, prompt, 50);
      if (round > 0) least = Math.min(least, cachedShare);
      texts[session] = tokens;
    }
  }
  return least;
}

describe('sessions that take turns', () => {
  test('find their cache if their last windows and one running sequence fit', () => {
    for (const sessions of [3, 8]) {
      const scheduler = new Scheduler(config(sessions * windowBlocks + runningBlocks));
      expect(leastShareOfTurns(scheduler, sessions)).toBeGreaterThan(0.9);
    }
  });

  test('a prompt that all sessions begin with stays cached although windows leave it', () => {
    const sessions = 6;
    const shared = tokensOf(90, 0, 1200);
    const scheduler = new Scheduler(config((sessions + 1) * windowBlocks + runningBlocks));
    expect(leastShareOfTurns(scheduler, sessions, shared)).toBeGreaterThan(0.9);
    const { cachedShare } = turn(scheduler, [...shared, ...tokensOf(50, 0, 60)], 10);
    expect(cachedShare).toBeGreaterThan(0.9);
  });
});

test('blocks that slide out are taken before the windows of finished sequences', () => {
  const driver = new TestDriver({
    ...smallConfig,
    groups: [{ name: 'sliding', blockCount: 10, window: 8 }],
  });
  // Blocks 0 to 4 hold 17 tokens. A prompt that continues after 16 tokens reads from position 9 on: blocks 2 and 3.
  driver.submit(0, 16, { output: 2 });
  driver.steps(2);
  driver.submit(100, 48, { output: 1 });
  driver.finish();
  const next = driver.submit(0, 17, { output: 1 });
  driver.step();
  expect(next.cachedTokens).toBe(16);
});

test('a sequence past its prompt reserves its window alone, so that more sequences of whole length run', () => {
  const blocks = 3 * (windowBlocks + 1) + runningBlocks;
  const whole: ServingConfig = { ...config(blocks), admission: 'sequence', admissionReserve: 0 };
  const scheduler = new Scheduler(whole);
  const request = { prompt: { length: 3000 }, outputTokensMax: 400 };
  for (let count = 0; count < 4; count++) scheduler.submit(request, seconds(0));
  let most = 0;
  while (!scheduler.isIdle) {
    scheduler.step(seconds(0));
    most = Math.max(most, scheduler.runningCount);
    scheduler.commitCounted(seconds(0));
    scheduler.checkIntegrity();
  }
  expect(most).toBe(4);
  expect(scheduler.metrics.preemptions).toBe(0);
});
