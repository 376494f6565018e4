import { largerHardware, resolveHardware, shippedRegistry } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { plan, planWithRequests } from '../plan.ts';
import { request, variedModels } from '../test-models.ts';
import type { Advice } from './advice.ts';

test('a piece of advice has the figures of a plan of its request', () => {
  let followed = 0;
  for (const model of variedModels) {
    const asked = request({ model, engine: 'vllm', workload: { contextTokens: 4096, users: 64 } });
    const { plan: whole, advised } = planWithRequests(asked);
    expect(advised.map(({ advice }) => advice)).toEqual(whole.advice);
    for (const { advice, request: changed } of advised) {
      const { fits, capacity, speed } = plan(changed);
      expect({ fits, usersMax: capacity.usersMax, tpotSeconds: speed.tpotSeconds }, model).toEqual({
        fits: advice.fits,
        usersMax: advice.usersMax,
        tpotSeconds: advice.tpotSeconds,
      });
      followed++;
    }
  }
  expect(followed).toBeGreaterThan(10);
});

/** Advice for `users` users of 8,192 tokens, with all larger devices to choose from. */
function adviceFor(users: number, options: Parameters<typeof request>[0]): readonly Advice[] {
  const hardware = resolveHardware(options.gpu ?? 'rtx-4090');
  const largerDevices = (bytesMin: number) => largerHardware(shippedRegistry, hardware, bytesMin);
  const workload = { contextTokens: 8192, users };
  return plan(request({ engine: 'vllm', ...options, hardware, workload, largerDevices })).advice;
}

const said = ({ change, users, usersMax, fits }: Advice): string =>
  `${change}: ${users} planned, ${usersMax} at most, ${fits ? 'fits' : 'does not fit'}`;

test('if only more hardware serves all users, a change that serves some of them on this device comes first', () => {
  expect(adviceFor(16, { model: 'Qwen/Qwen3-30B-A3B' }).map(said)).toMatchInlineSnapshot(`
    [
      "hold the weights in awq, for 5 of the 16 users: 5 planned, 5 at most, fits",
      "spread the model over 4 x NVIDIA GeForce RTX 4090: 16 planned, 31 at most, fits",
      "use NVIDIA H100 PCIe 80GB instead: 16 planned, 18 at most, fits",
    ]
  `);
});

test('an 8-bit checkpoint can go to 4 bits', () => {
  expect(adviceFor(1, { model: 'Qwen/Qwen3-30B-A3B-FP8' }).map(said)).toMatchInlineSnapshot(`
    [
      "hold the weights in awq: 1 planned, 5 at most, fits",
      "spread the model over 2 x NVIDIA GeForce RTX 4090: 1 planned, 14 at most, fits",
      "use NVIDIA A100 PCIe 40GB instead: 1 planned, 7 at most, fits",
    ]
  `);
  expect(adviceFor(1, { model: 'Qwen/Qwen3-30B-A3B', weights: 'fp8' })[0]?.change).toBe(
    'hold the weights in awq',
  );
  const fourBits = adviceFor(64, { model: 'Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4' });
  expect(fourBits.filter(({ change }) => change.includes('weights'))).toEqual([]);
});

test('advice for llama.cpp sets slots and cache for the users that it serves', () => {
  const model = 'Qwen/Qwen3-30B-A3B';
  const [first] = adviceFor(200, { model, engine: 'llama.cpp', weights: 'Q8_0', gpu: 'rtx-5090' });
  expect(first?.change).toMatch(/^hold the weights in Q4_K_M, for \d+ of the 200 users$/);
  expect(first?.flags).toBe(`with a Q4_K_M file -np ${first?.users} -c ${(first?.users ?? 0) * 8192}`);
});

test('if this device can serve all users, the advice is the smallest changes that do so', () => {
  let served = 0;
  for (const model of variedModels) {
    for (const users of [1, 16, 64]) {
      const advice = adviceFor(users, { model, gpu: 'h100' });
      expect(advice.length).toBeLessThanOrEqual(3);
      for (const piece of advice) expect(piece.fits, said(piece)).toBe(true);
      const isSameDevice = ({ change }: Advice): boolean => !/spread the model|instead/.test(change);
      if (!advice.some((piece) => isSameDevice(piece) && piece.users === users)) continue;
      served++;
      expect(advice.map((piece) => piece.users)).toEqual(advice.map(() => users));
    }
  }
  expect(served).toBeGreaterThan(10);
});

test('a shorter context shortens the prompt', () => {
  const workload = { contextTokens: 65_536, promptTokens: 61_440, users: 2 };
  const { advised } = planWithRequests(request({ gpu: 'rtx-4090', engine: 'vllm', workload }));
  const shorter = advised.find(({ advice }) => advice.change.startsWith('limit the context'))?.request;
  expect(shorter?.workload.contextTokens).toBeLessThan(61_440);
  expect(shorter?.workload.promptTokens).toBe(shorter?.workload.contextTokens);
});
