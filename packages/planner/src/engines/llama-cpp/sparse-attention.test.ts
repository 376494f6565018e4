/**
 * Compressed attention and sparse indexers against llama.cpp v0.5.0: caches and compute buffers that libllama printed on a CPU
 * for the first layers of the published models, in MiB.
 */
import { expect, test } from 'vitest';
import { model } from '../../test-models.ts';
import { engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';

type Options = Partial<LlamaCppInput> & { readonly contextTokens: number };

function printed(name: string, layers: number, options: Options): readonly [cache: number, compute: number] {
  const whole = model(name);
  const spec = { ...whole, layers: whole.layers.slice(0, layers), predictionLayers: [] };
  const { host } = engineMemory({
    spec,
    fileType: 'Q4_K_M',
    backend: 'cpu',
    unifiedCache: false,
    ...options,
  });
  const mib = (bytes: number): number => Math.round((bytes / 1024 ** 2) * 100) / 100;
  return [mib(host.cache + host.state), mib(host.compute)];
}

test.each<readonly [Options, number, number]>([
  [{ contextTokens: 16_384 }, 16.16, 258.09],
  [{ contextTokens: 16_384, sequences: 2 }, 22.31, 254.09],
  // Every slot has a stream of the whole context, also in a unified cache.
  [{ contextTokens: 16_384, sequences: 4, unifiedCache: true }, 64.63, 258.1],
  [{ contextTokens: 65_536 }, 46.66, 306.38],
  [{ contextTokens: 4096, microBatchTokens: 256 }, 7.16, 125.95],
  [{ contextTokens: 16_384, flashAttention: false }, 16.16, 864.13],
])('DeepSeek V4 Flash, six layers: %o', (options, cache, compute) => {
  expect(printed('deepseek-ai/DeepSeek-V4-Flash', 6, options)).toEqual([cache, compute]);
});

test.each<readonly [Options, number, number]>([
  [{ contextTokens: 16_384 }, 132, 448.08],
  [{ contextTokens: 131_072 }, 1056, 944.08],
  [{ contextTokens: 16_384, keyType: 'q8_0', valueType: 'q8_0' }, 70.13, 448.08],
  [{ contextTokens: 16_384, flashAttention: false }, 132, 4576.07],
])('DeepSeek V3.2, six layers: %o', (options, cache, compute) => {
  expect(printed('deepseek-ai/DeepSeek-V3.2', 6, options)).toEqual([cache, compute]);
});

test('DeepSeek V3.2 caches 1,408 B per token and layer', () => {
  const [cache] = printed('deepseek-ai/DeepSeek-V3.2', 4, { contextTokens: 131_072 });
  expect((cache * 1024 ** 2) / 131_072 / 4).toBe(1408);
});

test.each<readonly [Options, number, number]>([
  [{ contextTokens: 16_384 }, 256, 388.58],
  [{ contextTokens: 16_384, sequences: 2 }, 256, 185.58],
  [{ contextTokens: 50_000, microBatchTokens: 2048, keyType: 'q8_0', valueType: 'q8_0' }, 416.5, 3982.35],
  // A unified cache of several slots reads every token, and so does a model without flash attention.
  [{ contextTokens: 16_384, sequences: 4, unifiedCache: true }, 256, 128.01],
  [{ contextTokens: 16_384, flashAttention: false }, 256, 2178.76],
])('MiniMax M3, seven layers: %o', (options, cache, compute) => {
  expect(printed('minimaxai/minimax-m3', 7, options)).toEqual([cache, compute]);
});

test('before one operation scored the entries, the scores of all heads filled the compute buffer', () => {
  const whole = model('deepseek-ai/DeepSeek-V4-Flash');
  const options = { spec: whole, fileType: 'Q4_K_M', backend: 'cuda', contextTokens: 1_048_576 } as const;
  const [old] = engineMemory({ ...options, build: 9842 }).devices;
  // The report says 67,094.60 MiB.
  expect((old?.compute ?? 0) / 1024 ** 2 / 67_094.6).toBeCloseTo(1, 1.9);
  const [fused] = engineMemory(options).devices;
  expect((fused?.compute ?? 0) / 1024 ** 2).toBeLessThan(2048);
});
