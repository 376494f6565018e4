import { resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { type Plan, plan } from '../../plan.ts';
import { request } from '../../test-models.ts';

type Choices = Parameters<typeof request>[0];

const planned = (choices: Choices): Plan => plan(request({ engine: 'llama.cpp', ...choices }));
const devices = [resolveHardware('rtx-4070-ti'), resolveHardware('rtx-3090-ti')] as const;
const pair = {
  devices,
  hardware: devices[0],
  parallelism: { tensor: 1, pipeline: 2, data: 1, expertParallel: false },
};

test('the reason names every device that lacks memory, and by how much', () => {
  const { start } = planned({
    ...pair,
    model: 'Qwen/Qwen2.5-72B-Instruct',
    options: { tensorSplit: [1, 1] },
  });
  expect(start.reason?.code).toBe('memory-short');
  expect(start.reason?.message).toMatch(
    /^memory is missing: [\d.]+ GiB on CUDA0 \(NVIDIA GeForce RTX 4070 Ti\)$/,
  );
});

test('the fix starts: a cache of 8 bits if that is enough, else layers in host memory', () => {
  const long = planned({
    model: 'Qwen/Qwen3-32B',
    gpu: 'rtx-4090',
    workload: { contextTokens: 24_576, users: 1 },
  });
  expect(long.start).toMatchObject({ starts: false, fix: { flags: '-fa on -ctk q8_0 -ctv q8_0' } });
  const large = planned({ model: 'Qwen/Qwen2.5-72B-Instruct', gpu: 'rtx-4090' });
  expect(large.start.fix?.flags).toMatch(/-ngl auto$/);
  expect(large.start.fix?.command).toMatch(/ -ngl \d\d$/);
  const old = planned({ model: 'Qwen/Qwen2.5-72B-Instruct', gpu: 'rtx-4090', engineVersion: 'b6000' });
  expect(old.start.fix?.flags).toMatch(/-ngl \d\d$/);
});

test('a start that the engine fits by itself needs no fix', () => {
  const { start, fits } = planned({
    model: 'Qwen/Qwen2.5-72B-Instruct',
    gpu: 'rtx-4090',
    options: { gpuLayers: 'auto' },
  });
  expect([start.starts, fits]).toEqual([true, true]);
});

test('a start on several devices that fits only without pipelining starts, as the engine tries again without', () => {
  const four = { parallelism: { tensor: 1, pipeline: 4, data: 1, expertParallel: false } };
  const asked = { ...four, gpu: 'rtx-4090', weights: 'Q8_0', model: 'Qwen/Qwen2.5-72B-Instruct' };
  const wide = { workload: { contextTokens: 45_056, users: 1 }, options: { physicalBatchTokens: 2048 } };
  const newer = planned({ ...asked, ...wide });
  const older = planned({ ...asked, ...wide, engineVersion: 'b7500' });
  expect([newer.start.starts, older.start.starts]).toEqual([true, false]);
});
