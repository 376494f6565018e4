import { modelSpecFromConfig } from '@plimsoll/model-files';
import { expect, test } from 'vitest';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { plan } from '../../plan.ts';
import { model, request } from '../../test-models.ts';
import type { LlamaCppOptions } from './options.ts';

const MiB = 1024 ** 2;
const gemma = modelSpecFromConfig(
  {
    model_type: 'gemma3_text',
    hidden_size: 640,
    head_dim: 256,
    num_hidden_layers: 18,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    intermediate_size: 2048,
    sliding_window: 512,
    sliding_window_pattern: 6,
    vocab_size: 262144,
    max_position_embeddings: 32768,
  },
  { id: 'gemma-3-270m' },
);
const cpu = { engine: 'llama.cpp' as const, gpu: 'cpu-server-ddr5' };

function mib(entries: readonly LedgerEntry[], tag: RegExp): number {
  const bytes = entries
    .filter((entry) => tag.test(`${entry.category}/${entry.tag}`))
    .map((entry) => entry.bytes);
  return Math.round((bytes.reduce((sum, size) => sum + size, 0) / MiB) * 100) / 100;
}

test('without a number of users the server has four slots in one cache: gemma-3-270m as v0.5.0 loads it', () => {
  const question = { ...cpu, spec: gemma, weights: 'Q4_K_M', workload: { contextTokens: 2048, users: 1 } };
  const automatic = plan(request({ ...question, usersAreDefault: true }));
  const { entries } = automatic.ledger;
  // Printed by llama.cpp v0.5.0 with -c 2048 -np 4 -kvu, and by its allocator.
  expect(mib(entries, /kv-cache\/(full|sliding)/)).toBe(36);
  expect(mib(entries, /compute buffer/)).toBe(21.77);
  expect(mib(entries, /logits/)).toBe(4);
  expect(automatic.engine.command).toContain('-c 2048');
  expect(automatic.engine.command).not.toContain('-np');
  const one = plan(request(question)).ledger.entries;
  expect(mib(one, /kv-cache\/(full|sliding)/)).toBe(21);
  expect(mib(one, /compute buffer/)).toBe(20.77);
  const split = plan(request({ ...question, workload: { contextTokens: 512, users: 4 } })).ledger.entries;
  expect(mib(split, /compute buffer/)).toBe(18.77);
});

test('a CPU keeps a repacked copy beside the mapped file; a tied head is in the file once', () => {
  const question = { ...cpu, spec: gemma, weights: 'Q4_K_M', workload: { contextTokens: 2048, users: 1 } };
  const mapped = plan(request(question)).ledger.entries;
  expect(mib(mapped, /weights\/layers/)).toBe(65.16);
  expect(mib(mapped, /weights\/embedding/)).toBe(170);
  expect(mib(mapped, /weights\/repacked copy, CPU/)).toBe(12.66);
  const read = plan(request({ ...question, options: { mapsFile: false } })).ledger.entries;
  expect(mib(read, /weights\//)).toBe(mib(mapped, /weights\/(?!repacked)/));
  const plain = plan(request({ ...question, options: { repacksWeights: false } })).ledger.entries;
  expect(mib(plain, /weights\/repacked/)).toBe(0);
});

test('the library makes logits for every token of a batch', () => {
  const question = { ...cpu, spec: gemma, weights: 'Q4_K_M', workload: { contextTokens: 2048, users: 4 } };
  const all = plan(
    request({ ...question, workload: { contextTokens: 512, users: 4 }, options: { outputs: 'tokens' } }),
  );
  expect(mib(all.ledger.entries, /compute buffer/)).toBe(514.5);
});

test('flash attention casts a cache in F32 to F16', () => {
  const question = { ...cpu, spec: gemma, weights: 'Q4_K_M', workload: { contextTokens: 2048, users: 1 } };
  const wide = plan(request({ ...question, kvFormat: 'fp32' })).ledger.entries;
  expect(mib(wide, /compute buffer/)).toBe(20.52);
});

test('a page of the file that CPU and device map counts once', () => {
  const question = { engine: 'llama.cpp' as const, gpu: 'm3-max-64gb', weights: 'Q4_K_M' };
  for (const spec of [gemma, model('meta-llama/Llama-3.1-8B-Instruct')]) {
    const { ledger } = plan(request({ ...question, spec }));
    const file = mib(ledger.entries, /weights/);
    const onCpu = plan(request({ ...cpu, weights: 'Q4_K_M', spec, options: { repacksWeights: false } }));
    expect(Math.abs(file - mib(onCpu.ledger.entries, /weights/))).toBeLessThan(0.02);
  }
});

test('a build after the newest known one is planned as that, and a note says so', () => {
  const noted = (engineVersion: string): string =>
    plan(request({ ...cpu, spec: gemma, engineVersion })).notes.join();
  expect(noted('v0.5.0')).not.toMatch(/newer/);
  expect(noted('v0.9.1')).toMatch(/v0.9.1 is newer than the rules .* end at v0.5.0/);
  expect(noted('99999')).toMatch(/newer/);
  expect(plan(request({ ...cpu, spec: gemma, engineVersion: '0.4.0' })).engine.version).toBe('v0.4.0');
  expect(() => plan(request({ ...cpu, engineVersion: '1.2' }))).toThrow(/not a version/);
});

test('more devices than llama.cpp lists are refused before any graph is built', () => {
  const over = (pipeline: number) =>
    plan(
      request({
        engine: 'llama.cpp',
        gpu: 'rtx-4090',
        parallelism: { tensor: 1, pipeline, data: 1, expertParallel: false },
      }),
    );
  expect(over(16).engine.command).toContain('llama-server');
  expect(() => over(17)).toThrow(/at most 16 devices; this start names 17/);
});

test('--no-op-offload leaves operations on weights in host memory to the CPU', () => {
  const asked = { engine: 'llama.cpp', gpu: 'rtx-4090', model: 'Qwen/Qwen3-30B-A3B' } as const;
  const compute = (options: LlamaCppOptions, tier: string): number =>
    plan(request({ ...asked, weights: 'Q4_K_M', options: { ...options, cpuExpertLayers: 'all' } }))
      .ledger.entries.filter((entry) => entry.tag.startsWith('compute buffer') && entry.tier === tier)
      .reduce((sum, entry) => sum + entry.bytes, 0);
  expect(compute({ offloadsOperations: false }, 'device')).toBeLessThan(compute({}, 'device'));
  expect(compute({ offloadsOperations: false }, 'host')).toBeGreaterThan(compute({}, 'host'));
});
