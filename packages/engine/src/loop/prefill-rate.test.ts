import { seconds } from '@plimsoll/foundation';
import { policies, Scheduler } from '@plimsoll/serving';
import { expect, test } from 'vitest';
import { PrefillRate } from './prefill-rate.ts';

/** Serves a long prompt beside seven decoding sequences on a machine of this speed; returns the durations of steps. */
function durations(tokensPerSecond: number, decodeSeconds: number): number[] {
  const scheduler = new Scheduler({
    blockSize: 16,
    groups: [{ name: 'full', blockCount: 4000, window: null }],
    contextMax: 32_768,
    runningMax: 8,
    tokenBudget: 512,
    policy: policies.fcfs,
  });
  const rate = new PrefillRate(scheduler.config.stepSecondsAim);
  const tokens = (count: number, first: number): number[] =>
    Array.from({ length: count }, (_, index) => first + index);
  const step = (): number => {
    const plan = scheduler.step(seconds(0), rate.tokensPerSecond);
    let duration = 0;
    for (const { kind, count } of plan.entries) {
      duration += kind === 'decode' ? decodeSeconds / 7 : count / tokensPerSecond;
    }
    rate.observe(plan, seconds(duration));
    const sampled = plan.entries.filter(({ samples }) => samples);
    scheduler.commit(
      sampled.map(({ sequence }) => ({ sequenceId: sequence.id, tokens: [7] })),
      seconds(0),
    );
    return duration;
  };
  for (let index = 0; index < 7; index++) {
    scheduler.submit({ prompt: tokens(5, 1000 * index), outputTokensMax: 5000 }, seconds(0));
  }
  for (let index = 0; index < 20; index++) step();
  scheduler.submit({ prompt: tokens(16_000, 100_000), outputTokensMax: 10 }, seconds(0));
  return Array.from({ length: 30 }, step);
}

test('steps that decode beside a long prompt settle at the aim of the scheduler', () => {
  // Small and large models, from 135M to 3B.
  for (const [rate, decode] of [
    [2500, 0.04],
    [700, 0.08],
    [200, 0.05],
  ] as const) {
    const all = durations(rate, decode);
    expect(Math.max(...all)).toBeLessThan(0.26);
    for (const duration of all.slice(10)) expect(Math.abs(duration - 0.15)).toBeLessThan(0.02);
  }
});

test('a model that is slower than the aim computes the least chunk', () => {
  for (const duration of durations(40, 0.3).slice(2)) expect(duration).toBeCloseTo(0.3 + 16 / 40, 5);
});
