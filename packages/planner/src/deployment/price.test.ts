/** The price of output includes the time of the prompts if their length is known. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { plan } from '../plan.ts';
import { request } from '../test-models.ts';
import type { Price } from './price.ts';

function priced(users: number, contextTokens: number, promptTokens?: number, cachedTokens?: number): Price {
  const workload = { contextTokens, users, promptTokens, cachedTokens };
  const { price } = plan(request({ engine: 'vllm', workload }));
  if (price === null) throw new Error('an H100 has a price');
  return price;
}

test('without a prompt length, the price counts output alone and says so', () => {
  const price = priced(8, 4096);
  const { speed } = plan(request({ engine: 'vllm', workload: { contextTokens: 4096, users: 8 } }));
  expect(price.countsPrompts).toBe(false);
  expect(price.perMillionOutputUsd).toBeCloseTo((price.perHourUsd / (speed.tokensPerSecond * 3600)) * 1e6, 9);
  // A prompt that fills the context leaves no output to carry its cost.
  expect(priced(8, 4096, 4096)).toEqual(price);
});

test('with a prompt length, the price covers a round of prompts and decode steps', () => {
  const { speed } = prepare(request({ engine: 'vllm' }));
  const [users, prompt, output] = [8, 3072, 1024];
  const round =
    users * speed.prefillSeconds(prompt) + (output - 1) * speed.decodeSeconds(users, prompt + output / 2);
  const price = priced(users, prompt + output, prompt);
  expect(price.countsPrompts).toBe(true);
  expect(price.perMillionOutputUsd).toBeCloseTo(
    (price.perHourUsd / 3600 / (users * output)) * round * 1e6,
    6,
  );
});

test('longer prompts before the same output cost more, cached prompts less', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 32 }),
      fc.integer({ min: 256, max: 4096 }),
      fc.integer({ min: 64, max: 1024 }),
      (users, prompt, output) => {
        const price = priced(users, prompt + output, prompt).perMillionOutputUsd;
        const longer = priced(users, 2 * prompt + output, 2 * prompt).perMillionOutputUsd;
        const cached = priced(users, prompt + output, prompt, Math.floor(prompt / 2)).perMillionOutputUsd;
        expect(longer).toBeGreaterThan(price);
        expect(cached).toBeLessThanOrEqual(price);
      },
    ),
    { numRuns: 40 },
  );
});

test('the price covers all devices; a plan that does not fit, or a device without a price, has no price', () => {
  const split = { tensor: 2, pipeline: 1, data: 1, expertParallel: false };
  const one = plan(request({ engine: 'vllm' })).price?.perHourUsd ?? 0;
  expect(plan(request({ engine: 'vllm', parallelism: split })).price?.perHourUsd).toBe(2 * one);
  expect(plan(request({ engine: 'vllm', model: 'deepseek-ai/DeepSeek-V3' })).price).toBe(null);
  expect(plan(request({ gpu: 'apple-m2-ultra-76-core' })).price).toBe(null);
});
