import { resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import type { PlanRequest } from '../../engines/engine-list.ts';
import { type Plan, plan } from '../../plan.ts';
import { request } from '../../test-models.ts';

const MiB = 1024 ** 2;
const devices = [resolveHardware('rtx-4070-ti'), resolveHardware('rtx-3090-ti')] as const;
const parallelism = { tensor: 1, pipeline: 2, data: 1, expertParallel: false };

function planned(options: PlanRequest['options'], rest: Partial<PlanRequest> = {}): Plan {
  return plan(
    request({
      engine: 'llama.cpp',
      hardware: devices[0],
      devices,
      parallelism,
      weights: 'Q4_K_M',
      options,
      ...rest,
    }),
  );
}

test('--tensor-split gives unlike devices their shares, and a plan shows every device', () => {
  const { perDevice, engine } = planned(
    { tensorSplit: [12, 28], gpuLayers: 40 },
    {
      ...request({ model: 'CohereForAI/c4ai-command-r-v01' }),
      engine: 'llama.cpp',
      hardware: devices[0],
      parallelism,
      engineVersion: 'b5000',
      workload: { contextTokens: 4096, users: 1 },
    },
  );
  expect(perDevice?.map(({ name, hardware }) => `${name} ${hardware}`)).toEqual([
    'CUDA0 NVIDIA GeForce RTX 4070 Ti',
    'CUDA1 NVIDIA GeForce RTX 3090 Ti',
  ]);
  // Printed by llama.cpp for these devices and shares.
  expect(perDevice?.map(({ cacheBytes }) => cacheBytes / MiB)).toEqual([1536, 3584]);
  expect(engine.command).toContain('-ts 12,28');
});

test('without shares unlike devices share by memory', () => {
  const [small, large] = planned({}).perDevice ?? [];
  expect(small?.cacheBytes).toBeLessThan(large?.cacheBytes ?? 0);
});

test('--override-tensor moves tensors to the buffer that it names', () => {
  const base = planned({}).perDevice ?? [];
  const host = planned({ tensorOverrides: [{ pattern: 'blk\\..*ffn_up', buffer: 'CPU' }] });
  const other = planned({ tensorOverrides: [{ pattern: 'ffn_up', buffer: 'CUDA1' }] }).perDevice ?? [];
  const weights = (plans: Plan['perDevice']): number =>
    (plans ?? []).reduce((sum, { weightBytes }) => sum + weightBytes, 0);
  expect(weights(host.perDevice)).toBeLessThan(weights(base));
  expect(weights(other)).toBe(weights(base));
  expect(other[0]?.weightBytes).toBeLessThan(base[0]?.weightBytes ?? 0);
  expect(host.engine.command).toContain("-ot 'blk\\..*ffn_up=CPU'");
});

test('--device and --split-mode none choose devices; a name without a device is refused', () => {
  const shown = (answer: Plan): readonly string[] =>
    (answer.perDevice ?? []).map(({ name, hardware }) => `${name} ${hardware}`);
  expect(shown(planned({ deviceNames: ['CUDA1'] }))).toEqual(['CUDA1 NVIDIA GeForce RTX 3090 Ti']);
  expect(shown(planned({ splitMode: 'none' }))).toEqual(['CUDA0 NVIDIA GeForce RTX 4070 Ti']);
  expect(() => planned({ deviceNames: ['CUDA2'] })).toThrow(/CUDA2 is not one of the 2 devices/);
  expect(() => planned({ tensorSplit: [1, 1, 1] })).toThrow(/3 shares for 2 devices/);
});
