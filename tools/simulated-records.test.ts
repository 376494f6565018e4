import { modelSpecFromConfig } from '@plimsoll/model-files';
import { type RecordAnswer, validateRecords } from '@plimsoll/planner/validation';
import { resolveHardware, resolveModel } from '@plimsoll/registry';
import { simulatedLoop } from '@plimsoll/simulator/validation';
import { expect, test } from 'vitest';

const resolver = {
  model: (name: string) => {
    const record = resolveModel(name);
    return modelSpecFromConfig(record.config, { id: record.id });
  },
  hardware: resolveHardware,
};

const closedLoop = {
  id: 'closed-loop',
  source: 'test',
  date: '2025-09',
  engine: 'vLLM 0.10.0',
  model: 'meta-llama/Llama-3.1-8B-Instruct',
  precision: 'bf16',
  gpu: 'H100 SXM',
  gpu_count: 1,
  tp: 1,
  workload: { input_len: 1024, output_len: 256, concurrency: 16 },
  measured: { output_tokens_per_s: 1500, requests_per_s: 6, ttft_ms: 100, tpot_ms: 9, itl_ms: 9 },
  notes: '',
};

type Figures = Readonly<Record<string, number>>;

function answerTo(record: object, simulates = true): RecordAnswer {
  const { records } = validateRecords([record], resolver, simulates ? simulatedLoop : undefined);
  const [answer] = records;
  if (answer === undefined) throw new Error('a record without an answer');
  return answer;
}

test("a closed loop obeys Little's law", () => {
  const predicted = answerTo(closedLoop).predicted as Figures;
  const { requests_per_s = 0, ttft_ms = 0, tpot_ms = 0, output_tokens_per_s = 0 } = predicted;
  const outputTokens = output_tokens_per_s / requests_per_s;
  expect(outputTokens).toBeCloseTo(0.9 * 256, -1);
  const seconds = (ttft_ms + (outputTokens - 1) * tpot_ms) / 1e3;
  // The last clients of a run have no successor, so the mean number of requests in flight is a little below 16.
  expect(requests_per_s * seconds).toBeGreaterThan(14);
  expect(requests_per_s * seconds).toBeLessThan(16.2);
});

test('equal records have equal answers, and more clients wait longer for a first token', () => {
  expect(answerTo(closedLoop)).toEqual(answerTo(closedLoop));
  const crowded = { ...closedLoop, workload: { ...closedLoop.workload, concurrency: 128 } };
  const [few, many] = [closedLoop, crowded].map((record) => answerTo(record).predicted as Figures);
  expect(many?.ttft_ms).toBeGreaterThan(few?.ttft_ms ?? Infinity);
  expect(many?.output_tokens_per_s).toBeGreaterThan(few?.output_tokens_per_s ?? Infinity);
});

test('the first tokens of requests that are sent at once wait for all prompts', () => {
  const together = { ...closedLoop, notes: 'vLLM benchmark_throughput' };
  const apart = answerTo(closedLoop).predicted as Figures;
  expect((answerTo(together).predicted as Figures).ttft_ms).toBeGreaterThan(apart.ttft_ms ?? Infinity);
});

test('runs and layouts that are not simulated keep their closed forms', () => {
  const queue = { ...closedLoop, workload: { input_len: 1024, output_len: 256 } };
  const stages = { ...closedLoop, gpu_count: 2, tp: 1, pp: 2 };
  for (const record of [queue, stages]) expect(answerTo(record)).toEqual(answerTo(record, false));
  expect(answerTo(closedLoop)).not.toEqual(answerTo(closedLoop, false));
});
