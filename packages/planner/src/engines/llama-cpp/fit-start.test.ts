import { GiB } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { model } from '../../test-models.ts';
import { engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { deviceBytes } from './fit-layers.ts';
import { type FitLimits, fitStart } from './fit-start.ts';

const limits: Omit<FitLimits, 'freeBytes'> = { marginBytes: [GiB, GiB], contextMin: null, movesLayers: true };

function start(name: string, rest: Partial<LlamaCppInput> = {}): LlamaCppInput {
  const input = { fileType: 'Q4_K_M', contextTokens: 8192, backend: 'cuda', devices: 1, ...rest } as const;
  return { spec: model(name), ...input };
}

function used(input: LlamaCppInput): readonly number[] {
  return deviceBytes(engineMemory(input));
}

test('a start with room is left as it is', () => {
  const asked = start('Qwen/Qwen3-8B');
  expect(fitStart(asked, { ...limits, freeBytes: [24 * GiB] })).toBe(asked);
});

test('a dense model keeps as many layers as leave the margin free, and not one more', () => {
  const asked = start('Qwen/Qwen3-32B');
  const freeBytes = [12 * GiB];
  const fitted = fitStart(asked, { ...limits, freeBytes });
  const layers = Number(fitted.gpuLayers);
  expect(fitted.overrides).toEqual([]);
  expect(used(fitted)[0]).toBeLessThanOrEqual(11 * GiB);
  expect(used({ ...fitted, gpuLayers: layers + 1 })[0]).toBeGreaterThan(11 * GiB);
});

test('experts leave a device before dense layers do, and a part of one layer fills the rest', () => {
  const asked = start('Qwen/Qwen3-30B-A3B');
  const freeBytes = [12 * GiB];
  const fitted = fitStart(asked, { ...limits, freeBytes });
  expect(fitted.gpuLayers).toBe(49);
  const [first, ...rest] = fitted.overrides ?? [];
  expect(first?.pattern).toMatch(/ffn_(down\.|\(gate\||\(gate\|gate_up)/);
  expect(rest.every(({ pattern, backend }) => pattern.endsWith('_(ch|)exps') && backend === 1)).toBe(true);
  expect(used(fitted)[0]).toBeLessThanOrEqual(11 * GiB);
  expect(used({ ...fitted, overrides: rest })[0]).toBeGreaterThan(11 * GiB);
});

test('dense layers leave too where not even they fit without experts', () => {
  const asked = start('Qwen/Qwen3-235B-A22B');
  const fitted = fitStart(asked, { ...limits, freeBytes: [6 * GiB] });
  expect(Number(fitted.gpuLayers)).toBeLessThan(94);
  expect(used(fitted)[0]).toBeLessThanOrEqual(5 * GiB);
});

test('two devices fill from the last to the first, each below its own target', () => {
  for (const name of ['Qwen/Qwen2.5-72B-Instruct', 'openai/gpt-oss-120b']) {
    const asked = start(name, { devices: 2 });
    const fitted = fitStart(asked, { ...limits, freeBytes: [16 * GiB, 10 * GiB] });
    const [first = 0, second = 0] = used(fitted);
    expect(first, name).toBeLessThanOrEqual(15 * GiB);
    expect(second, name).toBeLessThanOrEqual(9 * GiB);
    expect(first + second, name).toBeGreaterThan(18 * GiB);
  }
});

test('an open context is reduced to whole steps before a layer moves', () => {
  const asked = start('Qwen/Qwen3-8B', { contextTokens: 40_960 * 4, sequences: 4, unifiedCache: true });
  const fitted = fitStart(asked, { ...limits, freeBytes: [12 * GiB], contextMin: 4096 });
  expect(fitted.gpuLayers).toBe(undefined);
  expect(fitted.contextTokens % 256).toBe(0);
  expect(fitted.contextTokens).toBeGreaterThan(4096);
  expect(used(fitted)[0]).toBeLessThanOrEqual(11.05 * GiB);
  const kept = fitStart(asked, { ...limits, freeBytes: [12 * GiB] });
  expect(kept.contextTokens).toBe(asked.contextTokens);
  expect(kept.gpuLayers).toBeLessThan(37);
});

test('layers that the user placed stay, and the CPU has only its context to shorten', () => {
  const placed = start('Qwen/Qwen3-32B', { gpuLayers: 999 });
  expect(fitStart(placed, { ...limits, freeBytes: [8 * GiB], movesLayers: false })).toEqual(placed);
  const host = start('Qwen/Qwen3-8B', { backend: 'cpu', devices: 0, contextTokens: 40_960 });
  const fitted = fitStart(host, { ...limits, freeBytes: [8 * GiB], contextMin: 4096 });
  expect(fitted.contextTokens).toBeLessThan(40_960);
});
