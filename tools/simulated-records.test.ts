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

test('a run of few requests is its first burst', () => {
  const short = { ...closedLoop, notes: 'random 1024/256, max-concurrency 16, 16 prompts' };
  const usual = answerTo(closedLoop).predicted as Figures;
  expect((answerTo(short).predicted as Figures).ttft_ms).toBeGreaterThan(2 * (usual.ttft_ms ?? Infinity));
});

test('releases that computed whole prompts first let later clients wait for a burst again and again', () => {
  const workload = { input_len: 3200, output_len: 400, concurrency: 32 };
  const equal = { ...closedLoop, workload, notes: 'fixed lengths (range ratio 1)' };
  const older = answerTo({ ...equal, engine: 'vLLM 0.7.3' }).predicted as Figures;
  expect(older.ttft_ms).toBeGreaterThan(1.1 * ((answerTo(equal).predicted as Figures).ttft_ms ?? Infinity));
});

test('a long prompt takes its window apart from the windows of the sequences that decode', () => {
  const workload = { input_len: 8192, output_len: 1024, concurrency: 64 };
  const windowed = {
    ...{ ...closedLoop, workload, engine: 'TensorRT-LLM 1.1', model: 'openai/gpt-oss-120b' },
    ...{ precision: 'fp4', gpu: 'B200 SXM' },
  };
  // The whole queue would wait for a place: about a minute.
  expect((answerTo(windowed).predicted as Figures).ttft_ms).toBeLessThan(10_000);
});

test('devices full of weights still hold the sequences of a run', () => {
  const workload = { input_len: 8192, output_len: 1024, concurrency: 8 };
  const full = {
    ...{ ...closedLoop, workload, engine: 'SGLang 0.5', model: 'deepseek-ai/DeepSeek-V3' },
    ...{ precision: 'fp8', gpu: 'B200 SXM', gpu_count: 4, tp: 4 },
  };
  expect((answerTo(full).predicted as Figures).ttft_ms).toBeLessThan(3000);
});

test('stages of a pipeline are simulated: both compute, so two devices serve more than one', () => {
  const stages = { ...closedLoop, gpu_count: 2, tp: 1, pp: 2 };
  const [one, two] = [closedLoop, stages].map((record) => answerTo(record).predicted as Figures);
  const gain = (two?.output_tokens_per_s ?? 0) / (one?.output_tokens_per_s ?? 1);
  expect(gain).toBeGreaterThan(1);
  expect(gain).toBeLessThan(2);
});

test('runs that are not simulated keep their closed forms', () => {
  const queue = { ...closedLoop, workload: { input_len: 1024, output_len: 256 } };
  expect(answerTo(queue)).toEqual(answerTo(queue, false));
  expect(answerTo(closedLoop)).not.toEqual(answerTo(closedLoop, false));
});

const openLoop = {
  ...closedLoop,
  workload: { input_len: 1024, output_len: 256, request_rate: 2 },
  notes: '200 successful requests',
};

test('arrivals at a rate do not wait for answers: a rate above the capacity makes a queue', () => {
  const calm = answerTo(openLoop).predicted as Figures;
  expect(calm.requests_per_s).toBeGreaterThan(1.5);
  expect(calm.requests_per_s).toBeLessThan(2.5);
  const crowded = { ...openLoop, workload: { ...openLoop.workload, request_rate: 200 } };
  const burst = answerTo(crowded).predicted as Figures;
  expect(burst.ttft_ms).toBeGreaterThan(5 * (calm.ttft_ms ?? Infinity));
  expect(burst.requests_per_s).toBeLessThan(100);
});

test('without a number of requests, an open loop has no time to first token', () => {
  expect(answerTo({ ...openLoop, notes: '' }).predicted.ttft_ms).toBeNull();
});

test('load generators that measure after a warm-up leave out the first burst', () => {
  const steady = answerTo({ ...closedLoop, notes: 'AIPerf' }).predicted as Figures;
  expect(steady.ttft_ms).toBeLessThan((answerTo(closedLoop).predicted as Figures).ttft_ms ?? 0);
});

test('a stated median is compared with the median, which bursts move less than the mean', () => {
  const median = answerTo({ ...closedLoop, notes: 'TTFT and ITL are medians' }).predicted as Figures;
  const unknown = answerTo({ ...closedLoop, notes: 'means or medians not stated' }).predicted as Figures;
  expect(unknown.ttft_ms).toBe((answerTo(closedLoop).predicted as Figures).ttft_ms);
  expect(median.ttft_ms).toBeLessThan(unknown.ttft_ms ?? 0);
});

test('answers that ended before the stated length have the length that the figures give', () => {
  const ended = { ...closedLoop, measured: { ...closedLoop.measured, output_tokens_per_s: 600 } };
  const { output_tokens_per_s = 0, requests_per_s = 1 } = answerTo(ended).predicted as Figures;
  expect(output_tokens_per_s / requests_per_s).toBeCloseTo(0.9 * 100, -1);
});
