/**
 * Compares published benchmarks with the planner's predictions; the sample has one benchmark of each kind of record.
 */
import { modelSpecFromConfig } from '@plimsoll/model-files';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import { describe, expect, test } from 'vitest';
import type { Resolver } from '../engines/contract/log-record.ts';
import { predictPerformanceRecord } from './performance-record.ts';
import sample from './performance-sample.json' with { type: 'json' };
import { workloadOf } from './performance-workload.ts';
import { quantile } from './statistics.ts';

const resolver: Resolver = {
  model: (name) => {
    const record = resolveModel(name);
    return modelSpecFromConfig(record.config, {
      id: record.id,
      ...(record.quantizationInferred !== null && { quantizationFromName: record.quantizationInferred }),
    });
  },
  hardware: resolveHardware,
};
const answers = sample.map((record) => predictPerformanceRecord(record, resolver));

/** Ratios of predicted to measured for the figures whose name matches; figures without a prediction are left out. */
function ratios(field: RegExp): readonly number[] {
  const found: number[] = [];
  for (const { predicted, reported } of answers) {
    for (const [key, measured] of Object.entries(reported)) {
      const ours = predicted[key];
      if (field.test(key) && typeof ours === 'number' && typeof measured === 'number')
        found.push(ours / measured);
    }
  }
  return found;
}

describe('published measurements', () => {
  test('the planner supports every record of the sample', () => {
    expect(answers.filter((answer) => !answer.supported)).toEqual([]);
    expect(sample.every((record) => record.url.startsWith('https://'))).toBe(true);
  });

  test('throughput and time per token: half of the figures within a fifth, all within a factor of two', () => {
    const errors = ratios(/tokens_per_s|requests_per_s|tpot|itl/).map((ratio) => Math.abs(Math.log(ratio)));
    const sorted = errors.toSorted((left, right) => left - right);
    expect(sorted.length).toBeGreaterThan(20);
    expect(quantile(sorted, 0.5)).toBeLessThan(Math.log(1.2));
    expect(sorted.at(-1)).toBeLessThan(Math.log(2));
  });

  test('predictions have the keys of the measurements', () => {
    for (const { predicted, reported } of answers) {
      expect(Object.keys(predicted)).toEqual(Object.keys(reported));
    }
  });
});

describe('the workload of a record', () => {
  const record = (fields: object): Record<string, unknown> => ({
    ...{ id: 'x', model: 'm', engine: 'e', notes: '', quote: '', measured: {}, workload: {} },
    ...fields,
  });

  test('a prompt after cached tokens', () => {
    const notes =
      'llama-bench pp2048 @ d8192 at context depth 8192; PREFILL-ONLY: total_tokens_per_s = prompt tok/s';
    expect(workloadOf(record({ notes, workload: { input_len: 2048 } }))).toEqual({
      ...{ kind: 'prefill', input: 2048, depth: 8192 },
    });
  });

  test('split workers, with and without stated counts', () => {
    const lengths = { input_len: 4000, output_len: 1000, concurrency: 64 };
    const notes = 'DISAGGREGATED prefill 2x(tp1 dp4 ep0 bs1) + decode x(tp8 dp1 ep0 bs)';
    expect(workloadOf(record({ notes, workload: lengths }))).toEqual({
      ...{ kind: 'split', input: 4000, output: 1000, concurrency: 64 },
      prefill: { workers: 2, workersStated: true, tensor: 1, data: 4, batch: 1 },
      decode: { workers: 1, workersStated: false, tensor: 8, data: 1, batch: null },
    });
  });

  test('a benchmark that names its dataset instead of lengths', () => {
    const mlperf = record({
      model: 'llama3.1-405b',
      notes: 'audited MLPerf closed division; stated accuracy-run TOKENS_PER_SAMPLE=650.5',
      quote: '"Scenario": "Server"',
      measured: { output_tokens_per_s: 1 },
    });
    expect(workloadOf(mlperf)).toMatchObject({
      ...{ kind: 'loop', input: 9428, output: 650.5, limits: { tpotSeconds: 0.175 } },
    });
  });

  test('a record without lengths is refused, not guessed', () => {
    const silent = record({ measured: { requests_per_s: 3 }, workload: { concurrency: 4 } });
    expect(workloadOf(silent)).toMatchObject({ kind: 'unknown' });
  });
});
