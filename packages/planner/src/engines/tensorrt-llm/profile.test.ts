/** Compares the profile with start-up logs of TensorRT-LLM, and tests its cache, command and refusals. */
import { readFileSync } from 'node:fs';
import { resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ledgerBytes } from '../../bytes/ledger.ts';
import { plan } from '../../plan.ts';
import { model, request } from '../../test-models.ts';
import { figureErrors } from '../../validation/statistics.ts';
import { validateRecords } from '../../validation/validate.ts';
import type { RawRecord } from '../contract/log-record.ts';
import type { PlanRequest } from '../engine-list.ts';
import { predictTensorrtLlmRecord } from './log-record.ts';
import { prepareTensorrtLlm } from './profile.ts';

type Choices = Parameters<typeof request>[0];

const logs: readonly RawRecord[] = JSON.parse(
  readFileSync(new URL('../../../../../fixtures/logs/tensorrt-llm-startup.json', import.meta.url), 'utf8'),
);
const resolver = { model, hardware: resolveHardware };
const tensor = (ways: number): PlanRequest['parallelism'] => ({
  ...{ tensor: ways, pipeline: 1, data: 1 },
  expertParallel: false,
});

function planned(choices: Choices): ReturnType<typeof plan> {
  return plan(request({ ...choices, engine: 'tensorrt-llm' }));
}

function prepared(choices: Choices): ReturnType<typeof prepareTensorrtLlm> {
  return prepareTensorrtLlm(request({ ...choices, engine: 'tensorrt-llm' }));
}

describe.each(logs.map((log) => [String(log.id), log] as const))('%s', (_id, log) => {
  test('the cache from the memory or the size that the log printed', () => {
    const answer = predictTensorrtLlmRecord(log, resolver);
    const sizes = ['kv_tokens', 'kv_blocks', 'kv_bytes_per_token', 'tokens_per_block'];
    const compared = figureErrors([answer]).filter(
      ({ field }) => sizes.includes(field) || (field === 'kv_gib' && answer.endToEnd === undefined),
    );
    expect(compared.length).toBeGreaterThan(0);
    for (const { field, predicted, reported, error } of compared)
      expect(Math.abs(error), `${field} ${predicted} for ${reported}`).toBeLessThan(0.001);
  });

  test('the cache from the inputs alone', () => {
    const { endToEnd, ...answer } = predictTensorrtLlmRecord(log, resolver);
    if (endToEnd === undefined) return expect(log.backend).toBe('tensorrt');
    const [tokens] = figureErrors([{ ...answer, predicted: { kv_tokens: endToEnd.kv_tokens ?? null } }]);
    expect(Math.abs(tokens?.error ?? 1)).toBeLessThan(0.03);
  });
});

test('any field of a record gives an answer or a reason', () => {
  const field = fc.oneof(fc.string(), fc.double(), fc.integer(), fc.constant(null), fc.jsonValue());
  const keys = fc.constantFrom(...Object.keys(logs[0] ?? {}));
  fc.assert(
    fc.property(fc.constantFrom(...logs), keys, field, (log, key, value) => {
      const [answer] = validateRecords([{ ...log, [key]: value }], resolver).records;
      expect(typeof answer?.supported).toBe('boolean');
    }),
    { numRuns: 60 },
  );
});

test('the cache, the headroom and the other entries sum to the card, in whole blocks', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('Qwen/Qwen3-30B-A3B', 'openai/gpt-oss-20b', 'deepseek-ai/DeepSeek-V2-Lite-Chat'),
      fc.constantFrom('0.18.0', '0.20.0', '1.2.1'),
      fc.double({ min: 0.05, max: 0.99, noNaN: true }),
      (name, engineVersion, freeGpuMemoryFraction) => {
        const deployment = prepared({ model: name, engineVersion, options: { freeGpuMemoryFraction } });
        const fixed = ledgerBytes({ entries: deployment.fixed });
        expect(fixed + deployment.poolBytes).toBe(deployment.capacityBytes);
        expect(deployment.kvTokens % (engineVersion === '0.18.0' ? 64 : 32)).toBe(0);
        const free = deployment.capacityBytes - fixed + (deployment.fixed.at(-1)?.bytes ?? 0);
        expect(Math.abs(deployment.poolBytes / free - freeGpuMemoryFraction)).toBeLessThan(0.001);
      },
    ),
    { numRuns: 25 },
  );
});

test('attention data parallelism copies the cache and shares the users', () => {
  const asked: Choices = { model: 'deepseek-ai/DeepSeek-V3', gpu: 'h200', parallelism: tensor(8) };
  const split = prepared(asked);
  const copied = prepared({ ...asked, options: { attentionDp: true } });
  expect(copied.tokenBytes).toBe(split.tokenBytes);
  expect(copied.dataGroups).toBe(8);
  expect(copied.weightBytes).toBeGreaterThan(split.weightBytes);
});

test('the command names what flags can say, and a note names the lines of the file', () => {
  const { engine, notes } = planned({
    ...{ parallelism: tensor(2), kvFormat: 'fp8' },
    options: { freeGpuMemoryFraction: 0.8, maxBatchSize: 64, cacheTokensMax: 100_000 },
  });
  expect(engine.command).toMatchInlineSnapshot(
    `"trtllm-serve serve meta-llama/Llama-3.1-8B-Instruct --max_seq_len 8192 --tp_size 2 --kv_cache_free_gpu_memory_fraction 0.8 --max_batch_size 64 --extra_llm_api_options options.yaml"`,
  );
  expect(notes.join('\n')).toMatchInlineSnapshot(
    `"trtllm-serve has no flags for some options: write them into options.yaml, on a line each: kv_cache_config: {dtype: fp8, max_tokens: 100000}"`,
  );
  expect(planned({}).engine.command).not.toContain('options.yaml');
});

test('a card without room for the weights does not start, and a fix does', () => {
  const asked: Choices = { model: 'Qwen/Qwen3-30B-A3B', gpu: 'rtx-4090' };
  const { start } = planned(asked);
  expect(start.starts).toBe(false);
  expect(start.fix?.command).toContain('trtllm-serve serve');
});

describe('what the engine refuses', () => {
  const codeOf = (choices: Choices): unknown => {
    try {
      planned(choices);
      return null;
    } catch (error) {
      return (error as { readonly code?: unknown }).code;
    }
  };

  test.each<readonly [string, Choices]>([
    ['no-data-parallel', { parallelism: { ...tensor(1), data: 2 } }],
    ['engine-device', { gpu: 't4' }],
    ['engine-device', { gpu: 'mi300x' }],
    ['bad-kv-format', { kvFormat: 'q8_0' }],
    ['bad-engine-version', { engineVersion: 'latest' }],
    ['attention-not-modelled', { model: 'Qwen/Qwen3.5-4B' }],
    ['attention-not-modelled', { model: 'deepseek-ai/DeepSeek-V4-Flash' }],
  ])('%s', (code, choices) => {
    expect(codeOf(choices)).toBe(code);
  });
});
