import { engineFlags, resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { withOwnContext } from '../../own-context.ts';
import { type Plan, plan } from '../../plan.ts';
import { request } from '../../test-models.ts';
import type { PlanRequest } from '../engine-list.ts';
import { pastedEngines } from '../paste/pasted-engines.ts';
import { readCommand } from '../paste/read-command.ts';
import { ollamaRelease } from './release.ts';
import { automaticBatch, predictedBytes } from './server-defaults.ts';

type Choices = Parameters<typeof request>[0];

const asked = (choices: Choices = {}): PlanRequest =>
  request({ gpu: 'rtx-4090', engine: 'ollama', ...choices });
const planned = (choices: Choices = {}): Plan => plan(asked(choices));
const pair = { tensor: 1, pipeline: 2, data: 1, expertParallel: false };

test.each([
  ['rtx-3060', {}, 4096],
  ['rtx-4090', {}, 32_768],
  ['rtx-4090', { options: { gpuOverheadBytes: 2 ** 31 } }, 4096],
  ['rtx-4090', { parallelism: pair }, 131_072],
  ['m3-max-64gb', {}, 131_072],
  ['cpu-server-ddr5', {}, 4096],
  ['h100', { model: 'Qwen/Qwen3-8B' }, 40_960],
  ['h100', { engineVersion: '0.12.0' }, 4096],
] as const)('%s %o: the default context follows the memory of the devices', (gpu, choices, tokens) => {
  expect(withOwnContext(asked({ gpu, ...choices }), 'auto').workload.contextTokens).toBe(tokens);
});

test('a plan is the plan of llama-server with the options that Ollama passes', () => {
  const ours = planned({ workload: { contextTokens: 8192, users: 2 } });
  const options = { gpuLayers: 'auto', batchTokens: 1024, physicalBatchTokens: 1024 } as const;
  const inner = planned({
    engine: 'llama.cpp',
    engineVersion: 'b10488',
    workload: { contextTokens: 8192, users: 2 },
    options,
  });
  expect(ours.ledger).toEqual(inner.ledger);
  expect(ours.engine).toEqual({
    name: 'ollama',
    version: '0.32.15',
    command:
      'OLLAMA_CONTEXT_LENGTH=8192 OLLAMA_NUM_PARALLEL=2 ollama serve & ollama run Llama-3.1-8B-Instruct:Q4_K_M',
  });
});

test('layers that do not fit go to the host, and the batch shrinks where the estimate leaves no room', () => {
  const { fits, notes, ledger } = planned({ gpu: 'rtx-3060', model: 'Qwen/Qwen3-32B' });
  expect(fits).toBe(true);
  expect(notes.join()).toMatch(/\d+ of 65 layers on the device/);
  expect(ledger.entries.some(({ tier, tag }) => tier === 'host' && tag.startsWith('layers'))).toBe(true);
  const at = (gpu: string, contextTokens: number): number =>
    automaticBatch(asked({ gpu, workload: { contextTokens, users: 1 } }), true);
  expect([at('h100', 4096), at('h100', 8192), at('h100', 65_536)]).toEqual([512, 1024, 2048]);
  // The estimate of 65,536 tokens is 12.6 GiB: 79 % of 16 GiB.
  expect(predictedBytes(asked({ workload: { contextTokens: 65_536, users: 1 } })) / 2 ** 30).toBeCloseTo(
    12.58,
    1,
  );
  expect(at('rtx-4080', 65_536)).toBe(512);
  expect(automaticBatch(asked({ gpu: 'gtx-1060-6gb' }), false)).toBe(256);
});

test('a model that fits on one device stays there unless the server spreads', () => {
  const devices = [resolveHardware('rtx-3060'), resolveHardware('rtx-4090')] as const;
  const both = { devices, hardware: devices[0], parallelism: pair };
  const single = planned(both);
  expect(single.perDevice?.map(({ hardware }) => hardware)).toEqual(['NVIDIA GeForce RTX 4090']);
  expect(single.notes.join()).toContain('1 of 2');
  expect(planned({ ...both, options: { spreads: true } }).perDevice).toHaveLength(2);
  expect(planned({ ...both, model: 'Qwen/Qwen3-32B' }).perDevice).toHaveLength(2);
});

test('the printed command is read back as the same question', () => {
  const engines = pastedEngines.map((face) => ({ face, known: engineFlags(face.name) }));
  const choices: Choices = {
    kvFormat: 'q8_0',
    workload: { contextTokens: 16_384, users: 3 },
    options: { flashAttention: true, gpuOverheadBytes: 1024, spreads: true, fit: false, fitMarginMib: [512] },
  };
  const reading = readCommand(planned(choices).engine.command ?? '', engines);
  expect(reading.model).toBe('Llama-3.1-8B-Instruct:Q4_K_M');
  expect(Object.fromEntries(reading.flags)).toEqual({
    context: '16384',
    users: '3',
    kv: 'q8_0',
    fa: 'on',
    'gpu-overhead': '1024',
    'sched-spread': 'on',
    fit: 'off',
    'fit-target': '512',
  });
});

test('some families have a single slot; a second user then waits', () => {
  const hybrid = planned({ model: 'Qwen/Qwen3.5-9B', workload: { contextTokens: 4096, users: 2 } });
  expect(hybrid.start).toMatchObject({ starts: false, reason: { code: 'too-many-users' } });
  expect(planned({ workload: { contextTokens: 4096, users: 2 } }).start.starts).toBe(true);
});

test('releases have the llama.cpp that they ship; older ones say that they have a runner of their own', () => {
  expect(ollamaRelease('0.32.7').llamaCppBuild).toBe(10_091);
  expect(ollamaRelease(undefined).llamaCppBuild).toBe(10_488);
  expect(planned({ engineVersion: '0.12.3' }).notes.join()).toContain('0.12.3 has a runner of its own');
  expect(() => planned({ engineVersion: 'b5000' })).toThrow(/not an Ollama version/);
});
