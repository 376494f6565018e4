import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import intervals from '@plimsoll/registry/engines/speed-intervals.json' with { type: 'json' };
import { expect, test } from 'vitest';
import { measuredEngine } from '../speed/run-terms.ts';
import { predictPerformanceRecord } from './performance-record.ts';

const resolver = {
  model: (name: string) => {
    const record = resolveModel(name);
    return modelSpecFromConfig(record.config, { id: record.id });
  },
  hardware: resolveHardware,
};

const record = {
  id: 'sample',
  engine: 'vLLM 0.10.0',
  model: 'meta-llama/Llama-3.1-70B',
  precision: 'fp8',
  gpu: 'H200 SXM',
  gpu_count: 1,
  tp: 1,
  workload: { input_len: 1024, output_len: 256, concurrency: 4 },
  measured: { output_tokens_per_s: 100, ttft_ms: null, tpot_ms: 20 },
};

test('every predicted figure has an interval around it', () => {
  const { predicted, interval = {} } = predictPerformanceRecord(record, resolver);
  for (const field of ['output_tokens_per_s', 'tpot_ms']) {
    const [low, high] = interval[field] ?? [0, 0];
    expect(low).toBeLessThan(Number(predicted[field]));
    expect(high).toBeGreaterThan(Number(predicted[field]));
  }
});

test('the basis is what decided the constants', () => {
  const basis = (change: object): string | undefined =>
    predictPerformanceRecord({ ...record, ...change }, resolver).basis;
  expect(basis({})).toBe('measured');
  expect(basis({ gpu: 'H20', model: 'Qwen/Qwen3-4B' })).toBe('fitted');
  const local = { engine: 'llama.cpp b6000', precision: 'gguf-Q4_0', model: 'Qwen/Qwen3-4B' };
  expect(basis({ ...local, gpu: 'Ryzen 7 7840HS' })).toBe('datasheet');
});

test('factors bracket 1, so that a prediction without bias lies in its interval', () => {
  for (const [stratum, fields] of Object.entries(intervals.factors)) {
    for (const [field, [low = 0, high = 0]] of Object.entries(fields)) {
      expect(low, `${stratum} ${field}`).toBeGreaterThan(0);
      expect(high, `${stratum} ${field}`).toBeGreaterThan(low);
    }
    expect(Object.keys(fields)).toContain('any');
  }
});

test('engines are told apart by any of their names', () => {
  expect(['NVIDIA NIM 1.0', 'SGLang 0.4.2', 'llama.cpp b6918+', 'MLC'].map(measuredEngine)).toEqual([
    'tensorrt-llm',
    'sglang',
    'llama.cpp',
    'other',
  ]);
});
