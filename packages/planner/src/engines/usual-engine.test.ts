import { shippedRegistry } from '@plimsoll/registry';
import usual from '@plimsoll/registry/engines/usual-engines.json' with { type: 'json' };
import { expect, test } from 'vitest';
import { engineNames } from './engine-list.ts';
import { usualEngine } from './usual-engine.ts';

const engineOf = (id: string): string => usualEngine(shippedRegistry.resolveHardware(id));

test('the usual engine of a device runs on the device', () => {
  expect(
    ['h100-sxm-80gb', 'v100-sxm-32gb', 'mi300x', 'tpu-v6e', 'gaudi3-128gb', 'rtx-4090'].map(engineOf),
  ).toEqual(Array.from({ length: 6 }, () => 'vllm'));
  // Pascal is below the compute capability of vLLM's kernels, and ROCm builds of vLLM leave gfx906 out.
  expect(['p40-24gb', 'gtx-1060-6gb', 'mi50-16gb', 'apple-m3-max-40-core-64gb'].map(engineOf)).toEqual(
    Array.from({ length: 4 }, () => 'llama.cpp'),
  );
  expect(['tpu-v1', 'groq-lpu', 'esp32-s3'].map(engineOf)).toEqual(['none', 'none', 'none']);
});

test('llama.cpp is the usual engine of a GGUF file on every device', () => {
  expect(usualEngine(shippedRegistry.resolveHardware('h100-sxm-80gb'), true)).toBe('llama.cpp');
});

test('every engine of the rules has a profile', () => {
  for (const { engine } of usual.rules) expect(engineNames).toContain(engine);
});

test('every device of the lists is in the registry', () => {
  for (const id of usual.rules.flatMap(({ devices = [] }) => devices))
    expect(shippedRegistry.resolveHardware(id).id).toBe(id);
});
