import { shippedRegistry } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sglangStartLog } from './engines/sglang/start-log.ts';
import { vllmStartLog } from './engines/vllm/start-log.ts';
import { plan, singleDevice } from './index.ts';
import { checkStartLog, startLogCharactersMax } from './start-log.ts';
import { model } from './test-models.ts';

const llama = plan({
  spec: model('meta-llama/Llama-3.1-8B-Instruct'),
  hardware: shippedRegistry.resolveHardware('h100'),
  engine: 'vllm',
  engineVersion: '0.19.0',
  parallelism: singleDevice,
  options: { gpuMemoryUtilization: 0.95, maxNumSeqs: 1024, maxNumBatchedTokens: 8192 },
  workload: { contextTokens: 8192, users: 1 },
});

// https://github.com/llm-d-incubation/llm-d-planner/pull/205: vLLM 0.19.0, Llama-3.1-8B-Instruct on one H100.
const newLog = `INFO Model loading took 14.99 GiB memory and 4.568988 seconds
INFO Memory profiling takes 17.70 seconds. Total non KV cache memory: 17.12GiB; torch peak memory increase: 1.89GiB; non-torch forward increase memory: 0.25GiB; weights memory: 14.99GiB.
INFO Available KV cache memory: 58.11 GiB
INFO GPU KV cache size: 476,016 tokens
INFO Maximum concurrency for 8,192 tokens per request: 58.11x`;

test('every figure of the planned engine is within 3 % of the log', () => {
  const { rows, otherContext } = checkStartLog(llama, vllmStartLog, newLog);
  expect(otherContext).toBeNull();
  expect(rows.map(({ figure, printed }) => `${figure} ${printed}`)).toEqual([
    'weights 14.99',
    'activations 1.89',
    'outside 0.25',
    'kvCache 58.11',
    'kvTokens 476016',
    'concurrency 58.11',
  ]);
  for (const { figure, planned, printed } of rows)
    expect(Math.abs((planned ?? 0) / printed - 1), figure).toBeLessThan(0.03);
});

test('the lines of older releases are read', () => {
  // https://github.com/vllm-project/vllm/issues/10517: an RTX 3090 under a release of 2024.
  const { rows, otherContext } = checkStartLog(
    llama,
    vllmStartLog,
    `Loading model weights took 14.9888 GB
Memory profiling results: total_gpu_memory=23.58GiB initial_memory_usage=15.34GiB peak_torch_memory=17.06GiB memory_usage_post_profile=15.35GiB non_torch_memory=0.35GiB kv_cache_size=3.81GiB gpu_memory_utilization=0.90
Maximum concurrency for 20000 tokens per request: 1.56x`,
  );
  expect(otherContext).toBe(20_000);
  expect(rows.map(({ figure, printed, planned }) => [figure, printed, planned !== null])).toEqual([
    ['weights', 14.9888, true],
    ['outside', 0.35, true],
    ['kvCache', 3.81, true],
    // The log counts it for another context, so no figure of the plan compares with it.
    ['concurrency', 1.56, false],
  ]);
});

test('the last of several starts counts, and a shortage is a negative number', () => {
  const { rows } = checkStartLog(llama, vllmStartLog, `${newLog}\nAvailable KV cache memory: -2.14 GiB`);
  expect(rows.find(({ figure }) => figure === 'kvCache')?.printed).toBe(-2.14);
});

// H100, Qwen3-30B-A3B-FP8, a release of August 2026.
const sglangLog = `Load weight begin. avail mem=78.48 GB
Load weight end. elapsed=9.1 s, type=Qwen3MoeForCausalLM, avail mem=49.33 GB, mem usage=29.15 GB.
KV Cache is allocated. dtype: torch.bfloat16, #tokens: 392920, K size: 17.99 GB, V size: 17.99 GB
max_total_num_tokens=392920, chunked_prefill_size=8192, max_running_requests=4096, context_len=40960`;

test('keys and values that an engine prints apart are one figure, and a comma after a number is none of it', () => {
  const planned = plan({
    spec: model('Qwen/Qwen3-30B-A3B-FP8'),
    hardware: shippedRegistry.resolveHardware('h100'),
    engine: 'sglang',
    engineVersion: '0.5.18',
    parallelism: singleDevice,
    workload: { contextTokens: 40_960, users: 1 },
  });
  const { rows } = checkStartLog(planned, sglangStartLog, sglangLog);
  expect(rows.map(({ figure, printed }) => `${figure} ${printed}`)).toEqual([
    'weights 29.15',
    'kvCache 35.98',
    'kvTokens 392920',
  ]);
  for (const row of rows)
    expect(Math.abs((row.planned ?? 0) / row.printed - 1), row.figure).toBeLessThan(0.01);
});

test('any text gives rows of finite numbers or no rows', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), fc.nat(6), (noise, cut) => {
      const lines = newLog.split('\n').slice(0, cut).join(noise);
      for (const { printed, planned } of checkStartLog(llama, vllmStartLog, lines + noise).rows) {
        expect(Number.isFinite(printed)).toBe(true);
        expect(planned === null || Number.isFinite(planned)).toBe(true);
      }
    }),
  );
  expect(checkStartLog(llama, vllmStartLog, 'nothing of the kind').rows).toEqual([]);
});

test('colors, time stamps, ranks and line ends of any system change nothing', () => {
  const prefix = '\u001b[1;36m(EngineCore_0 pid=4242)\u001b[0;0m INFO 11-30 02:48:08 [gpu_worker.py:298]';
  const worn = newLog
    .replaceAll('INFO', prefix)
    .replaceAll('\n', '\r\n')
    .replace('Available', '\u001b[32mAvailable');
  expect(checkStartLog(llama, vllmStartLog, worn)).toEqual(checkStartLog(llama, vllmStartLog, newLog));
  expect(checkStartLog(llama, vllmStartLog, newLog.replaceAll('\n', ' '))).toEqual(
    checkStartLog(llama, vllmStartLog, newLog),
  );
});

test('a text of ten megabytes is refused, and a long log is read to its end', () => {
  const long = 'A'.repeat(10_000_000);
  expect(() => checkStartLog(llama, vllmStartLog, long)).toThrowError(
    expect.objectContaining({ code: 'start-log-too-long', value: 10_000_000, limit: startLogCharactersMax }),
  );
  const start = 'Model loading took 1'.repeat(300_000);
  expect(checkStartLog(llama, vllmStartLog, start).rows).toEqual([]);
  expect(checkStartLog(llama, vllmStartLog, `${start}\n${newLog}`)).toEqual(
    checkStartLog(llama, vllmStartLog, newLog),
  );
});
