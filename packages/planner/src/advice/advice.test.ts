import { largerHardware, resolveHardware, shippedRegistry } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import type { Parallelism } from '../bytes/parallelism.ts';
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
      "hold the weights in awq, for 6 of the 16 users: 6 planned, 6 at most, fits",
      "spread the model over 4 x NVIDIA GeForce RTX 4090: 16 planned, 34 at most, fits",
      "hold the weights in awq, and spread the model over 2 x NVIDIA GeForce RTX 4090: 16 planned, 34 at most, fits",
    ]
  `);
});

test('an 8-bit checkpoint can go to 4 bits', () => {
  expect(adviceFor(1, { model: 'Qwen/Qwen3-30B-A3B-FP8' }).map(said)).toMatchInlineSnapshot(`
    [
      "hold the weights in awq: 1 planned, 6 at most, fits",
      "serve a file in Q4_K_M with llama.cpp: 1 planned, 8 at most, fits",
      "spread the model over 2 x NVIDIA GeForce RTX 4090: 1 planned, 16 at most, fits",
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
  expect(first?.flags).toBe(`--weights Q4_K_M -np ${first?.users} -c ${(first?.users ?? 0) * 8192}`);
});

test('if this device can serve all users, the advice is the smallest changes that do so', () => {
  let served = 0;
  for (const model of variedModels) {
    for (const users of [1, 16, 64]) {
      const advice = adviceFor(users, { model, gpu: 'h100' });
      expect(advice.length).toBeLessThanOrEqual(3);
      for (const piece of advice) expect(piece.fits, said(piece)).toBe(true);
      const isSameDevice = ({ change }: Advice): boolean =>
        !/spread the model|instead|limit the context|a file in/.test(change);
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

/** Pieces of advice for 70B on eight H100 at 32k. */
function adviceForLayout(parallelism: Parallelism, users: number): readonly string[] {
  const model = 'meta-llama/Llama-3.3-70B-Instruct';
  const workload = { contextTokens: 32_768, users };
  return plan(request({ model, engine: 'vllm', parallelism, workload })).advice.map(
    (piece) => `${said(piece)}; ${piece.flags}`,
  );
}

test('the same cards in another layout are proposed, whether the users fit or not', () => {
  const groups = { tensor: 4, pipeline: 1, data: 2, expertParallel: false };
  expect(adviceForLayout(groups, 16)).toMatchInlineSnapshot(`
    [
      "lay out the same 8 devices as tp8: 16 planned, 42 at most, fits; --tensor-parallel-size 8 --data-parallel-size 1",
      "keep the KV cache in fp8: 16 planned, 58 at most, fits; --kv-cache-dtype fp8",
      "spread the model over 16 x NVIDIA H100 SXM 80GB: 16 planned, 98 at most, fits; --tensor-parallel-size 8 --pipeline-parallel-size 2 --data-parallel-size 1",
    ]
  `);
  expect(adviceForLayout(groups, 40)[0]).toBe(
    'lay out the same 8 devices as tp8: 40 planned, 42 at most, fits; --tensor-parallel-size 8 --data-parallel-size 1',
  );
  const wide = { ...groups, tensor: 8, data: 1 };
  expect(adviceForLayout(wide, 16).join()).not.toContain('lay out');
});

test('more devices than a plan with data groups has are counted with the groups', () => {
  const groups = { tensor: 2, pipeline: 1, data: 2, expertParallel: false };
  const asked = { engine: 'vllm', model: 'meta-llama/Llama-3.3-70B-Instruct', parallelism: groups } as const;
  const { advised } = planWithRequests(request({ ...asked, workload: { contextTokens: 32_768, users: 40 } }));
  const more = advised.filter(({ advice }) => advice.change.includes('spread the model'));
  expect(more.length).toBeGreaterThan(0);
  for (const { advice, request: changed } of more) {
    const { hardware } = plan(changed);
    expect(advice.change).toContain(`spread the model over ${hardware.devices} x`);
    expect(advice.cost).toContain(`${hardware.devices / 4} times the hardware`);
  }
});

test('fewer bits and more cards are proposed together where that takes fewer cards', () => {
  expect(adviceFor(1, { model: 'meta-llama/Llama-3.3-70B-Instruct' }).map(said)).toMatchInlineSnapshot(`
    [
      "use NVIDIA B200 SXM 180GB instead: 1 planned, 11 at most, fits",
      "hold the weights in awq, and spread the model over 2 x NVIDIA GeForce RTX 4090: 1 planned, 1 at most, fits",
      "spread the model over 8 x NVIDIA GeForce RTX 4090: 1 planned, 13 at most, fits",
    ]
  `);
});

test('for few users, a file under another engine is proposed where the asked engine fails', () => {
  const adviceOf = (users: number): readonly Advice[] => {
    const workload = { contextTokens: 32_768, users };
    const asked = { model: 'openai/gpt-oss-20b', gpu: 'rtx-4060-ti-16gb', engine: 'vllm', workload } as const;
    return plan(request(asked)).advice;
  };
  expect(adviceOf(1).map((piece) => `${said(piece)}; ${piece.flags}`)).toMatchInlineSnapshot(`
    [
      "serve a file in MXFP4_MOE with llama.cpp: 1 planned, 6 at most, fits; --engine llama.cpp --weights MXFP4_MOE",
      "spread the model over 2 x NVIDIA GeForce RTX 4060 Ti 16 GB: 1 planned, 16 at most, fits; --tensor-parallel-size 2",
    ]
  `);
  expect(adviceOf(16).some(({ change }) => change.includes('llama.cpp'))).toBe(false);
});

test('what serves some users at the asked context comes before a shorter context', () => {
  const parallelism = { tensor: 2, pipeline: 1, data: 1, expertParallel: false };
  const workload = { contextTokens: 32_768, users: 16 };
  const asked = request({ model: 'Qwen/Qwen3-32B', gpu: 'l40s', engine: 'vllm', parallelism, workload });
  expect(plan(asked).advice.map(said)).toMatchInlineSnapshot(`
    [
      "hold the weights in awq, for 7 of the 16 users: 7 planned, 7 at most, fits",
      "hold the weights in fp8, for 5 of the 16 users: 5 planned, 5 at most, fits",
      "limit the context to 4,608 tokens: 16 planned, 16 at most, fits",
    ]
  `);
});
