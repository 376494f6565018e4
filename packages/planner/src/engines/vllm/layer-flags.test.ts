/** Flags of vLLM that change the cache of some layers. */
import { expect, test } from 'vitest';
import { request } from '../../test-models.ts';
import type { PlanRequest } from '../engine-list.ts';
import type { VllmDeployment } from './deployment.ts';
import { type VllmOptions, vllmOptions } from './options.ts';
import { prepareVllm } from './profile.ts';

function prepared(options: VllmOptions = {}, asked: Parameters<typeof request>[0] = {}): VllmDeployment {
  return prepareVllm(
    request({ engine: 'vllm', engineVersion: '0.22.0', ...asked, options } as Partial<PlanRequest>),
  );
}

function read(name: string, text: string): VllmOptions | null | undefined {
  return vllmOptions.find((option) => option.name === name)?.read?.(text);
}

test('the cache of layers in --kv-cache-dtype-skip-layers keeps the type of the model', () => {
  const perToken = (options: VllmOptions, asked = {}): number =>
    prepared(options, asked).groups.reduce((sum, group) => sum + group.layers * group.entryBytes, 0);
  const fp8 = { kvFormat: 'fp8' } as const;
  const layer = 8 * 2 * 128;
  expect(perToken({ cacheSkips: ['0', '31', '31'] }, fp8)).toBe(layer * (30 + 2 * 2));
  expect(perToken({ cacheSkips: ['0'] }, { kvFormat: 'bf16' })).toBe(layer * 64);
  const gemma = (cacheSkips: readonly string[]): number =>
    perToken({ cacheSkips }, { ...fp8, model: 'google/gemma-3-12b-it' });
  expect(gemma(['sliding_window'])).toBe(layer * 2 * (8 + 40 * 2));
  expect(read('kv-cache-dtype-skip-layers', 'sliding_window 3')).toEqual({
    cacheSkips: ['sliding_window', '3'],
  });
  expect(read('kv-cache-dtype-skip-layers', 'full_attention')).toBeNull();
});

test('a cache without windows is whole, and the context is no longer than the window', () => {
  const gemma = { model: 'google/gemma-3-12b-it' };
  const whole = prepared({ noWindows: true, maxModelLen: 1024 }, gemma);
  expect(whole.groups.map(({ kind, layers }) => ({ kind, layers }))).toEqual([{ kind: 'full', layers: 48 }]);
  expect(() => prepared({ noWindows: true, maxModelLen: 1025 }, gemma)).toThrow(
    'caps the context to the window of 1024 tokens, and 1025 are asked for',
  );
  expect(prepared({ noWindows: true }).printed).toEqual(prepared().printed);
});
