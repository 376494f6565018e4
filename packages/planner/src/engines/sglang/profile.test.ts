/**
 * Compares the profile with nine start-up logs of SGLang, from 0.4.1 to 0.5.18. The inputs and figures come from the
 * logs.
 */
import { readFileSync } from 'node:fs';
import { resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan } from '../../plan.ts';
import { model, request } from '../../test-models.ts';
import { figureErrors } from '../../validation/statistics.ts';
import { validateRecords } from '../../validation/validate.ts';
import type { RawRecord } from '../contract/log-record.ts';
import type { PlanRequest } from '../engine-list.ts';
import { predictSglangRecord } from './log-record.ts';
import { prepareSglang } from './profile.ts';

const logs: readonly RawRecord[] = JSON.parse(
  readFileSync(new URL('../../../../../fixtures/logs/sglang-startup.json', import.meta.url), 'utf8'),
);
const resolver = { model, hardware: resolveHardware };

/** Logs round to hundredths of a GiB, and a slot of recurrent state is 0.14 GiB. */
const tolerances: Readonly<Record<string, number>> = {
  kv_tokens: 0.005,
  kv_gib: 0.006,
  k_gib: 0.006,
  state_slots: 0.01,
};

describe.each(logs.map((log) => [String(log.id), log] as const))('%s', (_id, log) => {
  test('pools from the free memory that the log printed', () => {
    const answer = predictSglangRecord(log, resolver);
    const compared = figureErrors([answer]).filter(({ field }) => field in tolerances);
    expect(compared.length).toBeGreaterThan(1);
    for (const { field, predicted, reported, error } of compared)
      expect(Math.abs(error), `${field} ${predicted} for ${reported}`).toBeLessThan(tolerances[field] ?? 0);
  });

  test('tokens from the inputs alone', () => {
    const { endToEnd, ...answer } = predictSglangRecord(log, resolver);
    if (endToEnd === undefined) return expect(log.gpu).toMatch(/GB card/);
    const errors = figureErrors([{ ...answer, predicted: endToEnd }]);
    const tokens = errors.find(({ field }) => field === 'kv_tokens');
    expect(Math.abs(tokens?.error ?? 1)).toBeLessThan(0.02);
  });
});

test('a log without a card and free memory is compared by the size of its pool', () => {
  const log = { id: 'sized', engine: 'SGLang', model: 'Qwen/Qwen3-8B', gpu: 'not stated', version: '0.5.9' };
  const predicted = (reported: RawRecord): unknown =>
    predictSglangRecord({ ...log, reported }, resolver).predicted;
  // 36 layers x 8 heads x 128 x 2 tensors x 2 bytes = 147,456 bytes per token.
  expect(predicted({ kv_gib: 14.4 })).toEqual({ kv_tokens: 104_857, full_tokens: 104_857 });
  expect(() => predicted({ avail_end_gib: 2 })).toThrow('no size of one pool');
});

test('a card that the registry does not know is taken by its free memory', () => {
  const log = {
    id: 'unknown',
    engine: 'SGLang',
    model: 'Qwen/Qwen3-8B',
    version: '0.5.9',
    mem_fraction_static: 0.8,
  };
  const reported = { avail_before_weights_gib: 47, avail_after_weights_gib: 31.6 };
  const named = predictSglangRecord({ ...log, gpu: 'Any Card X1', reported }, resolver);
  // 31.6 - 47 x 0.2 = 22.2 GiB of 147,456 bytes.
  expect(named.predicted?.kv_tokens).toBe(161_655);
  expect(named.endToEnd).toBeUndefined();
  expect(() => predictSglangRecord({ ...log, gpu: 'Any Card X1', reported: {} }, resolver)).toThrow(
    'registry',
  );
});

test('a record of another engine is not read, and any fields give an answer or a reason', () => {
  const field = fc.oneof(fc.string(), fc.double(), fc.integer(), fc.constant(null), fc.jsonValue());
  fc.assert(
    fc.property(
      fc.constantFrom(...logs),
      fc.constantFrom(...Object.keys(logs[0] ?? {})),
      field,
      (log, key, value) => {
        const [answer] = validateRecords([{ ...log, [key]: value }], resolver).records;
        expect(typeof answer?.supported).toBe('boolean');
      },
    ),
    { numRuns: 60 },
  );
});

describe('the default share of the pools', () => {
  const share = (choices: Parameters<typeof request>[0]): number =>
    Number(prepareSglang(request({ ...choices, engine: 'sglang' })).settings.memFractionStatic.toFixed(4));
  const tensor = (ways: number): PlanRequest['parallelism'] => ({
    ...{ tensor: ways, pipeline: 1, data: 1 },
    expertParallel: false,
  });

  test('by release and card', () => {
    expect({
      'H100, 0.4.1': share({ engineVersion: '0.4.1' }),
      '8 x H100, 0.4.6': share({ engineVersion: '0.4.6', parallelism: tensor(8) }),
      'H200, 0.4.7': share({ engineVersion: '0.4.7', gpu: 'h200' }),
      '8 x H100, 0.5.2': share({ engineVersion: '0.5.2', parallelism: tensor(8) }),
      'RTX 4090, 0.4.8': share({ engineVersion: '0.4.8', gpu: 'rtx-4090' }),
      'H100, 0.5.9': share({ engineVersion: '0.5.9' }),
      'H100, 0.5.15': share({ engineVersion: '0.5.15' }),
      'B200, 0.5.15': share({ engineVersion: '0.5.15', gpu: 'b200' }),
      'RTX 5090, 0.5.20': share({ engineVersion: '0.5.20', gpu: 'rtx-5090' }),
      'MI300X, AITER': share({
        engineVersion: '0.5.9',
        gpu: 'mi300x',
        workload: { contextTokens: 32_768, users: 1 },
      }),
      'Gemma 3, 0.5.9': share({ engineVersion: '0.5.9', model: 'google/gemma-3-12b-it' }),
      'DeepSeek V3, a draft, 0.5.9': share({
        ...{ engineVersion: '0.5.9', gpu: 'h200', model: 'deepseek-ai/DeepSeek-V3', parallelism: tensor(8) },
        options: { speculativeAlgorithm: 'EAGLE' },
      }),
    }).toMatchInlineSnapshot(`
      {
        "8 x H100, 0.4.6": 0.81,
        "8 x H100, 0.5.2": 0.831,
        "B200, 0.5.15": 0.854,
        "DeepSeek V3, a draft, 0.5.9": 0.882,
        "Gemma 3, 0.5.9": 0.7596,
        "H100, 0.4.1": 0.88,
        "H100, 0.5.15": 0.83,
        "H100, 0.5.9": 0.835,
        "H200, 0.4.7": 0.8718,
        "MI300X, AITER": 0.7369,
        "RTX 4090, 0.4.8": 0.879,
        "RTX 5090, 0.5.20": 0.777,
      }
    `);
  });
});

test('pools, headroom and the other entries sum to the card', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        'Qwen/Qwen3-30B-A3B',
        'Qwen/Qwen3.5-4B',
        'openai/gpt-oss-20b',
        'google/gemma-4-26B-A4B',
      ),
      fc.constantFrom('0.4.5', '0.5.2', '0.5.9', '0.5.14', '0.5.20'),
      fc.integer({ min: 1, max: 64 }),
      (name, engineVersion, users) => {
        const deployment = prepareSglang(
          request({ model: name, engine: 'sglang', engineVersion, workload: { contextTokens: 4096, users } }),
        );
        const fixed = deployment.fixed.reduce((sum, entry) => sum + entry.bytes, 0);
        expect(deployment.capacityBytes - fixed).toBe(deployment.poolBytes);
        expect(deployment.pools.tokens).toBeGreaterThan(0);
      },
    ),
    { numRuns: 25 },
  );
});

test('a 4-bit cache has scales, and on desktop Blackwell a copy of one layer', () => {
  const asked = { model: 'Qwen/Qwen3-8B', engine: 'sglang', kvFormat: 'nvfp4' } as const;
  const cell = (gpu: string, engineVersion: string): number =>
    prepareSglang(request({ ...asked, gpu, engineVersion })).stage.layout.fullCellBytes;
  // 36 layers x 8 heads x (128 / 2 + 128 / 16) bytes x 2 tensors, and 8 x 128 x 2 bytes of the copy.
  expect(cell('h100', '0.5.9')).toBe(41_472);
  expect(cell('rtx-5090', '0.5.18')).toBe(41_472 + 2048);
  expect(cell('b200', '0.5.18')).toBe(41_472 + 2048);
  expect(cell('b200', '0.5.22')).toBe(41_472);
  const flag = (gpu: string, engineVersion: string): string =>
    /--kv-cache-dtype (\S+)/.exec(
      plan(request({ ...asked, gpu, engineVersion })).engine.command ?? '',
    )?.[1] ?? '';
  expect([flag('h100', '0.5.9'), flag('h100', '0.5.18'), flag('b200', '0.5.18')]).toEqual([
    'fp4_e2m1',
    'fp4_mx_block16',
    'nvfp4',
  ]);
  expect(() => cell('h100', '0.5.4')).toThrow('no 4-bit KV cache');
  expect(() => cell('mi300x', '0.5.9')).toThrow('no 4-bit KV cache');
});

test('windowed layers have their own pool from the first release that supports it', () => {
  const pools = (engineVersion: string) =>
    prepareSglang(request({ model: 'openai/gpt-oss-20b', engine: 'sglang', engineVersion })).pools;
  expect(pools('0.5.7').windowTokens).toBeNull();
  const { tokens, windowTokens } = pools('0.5.9');
  expect(windowTokens).toBe(Math.floor(tokens * 0.8));
});

test('a draft reduces the pools from 0.5.14, and before it reduces the free memory', () => {
  const asked = (engineVersion: string, options = {}) =>
    prepareSglang(
      request({
        ...{ model: 'deepseek-ai/DeepSeek-V3', gpu: 'h200', engine: 'sglang', engineVersion, options },
        parallelism: { tensor: 8, pipeline: 1, data: 1, expertParallel: false },
      }),
    );
  const drafted = { speculativeAlgorithm: 'EAGLE', memFractionStatic: 0.85 };
  const plain = { memFractionStatic: 0.85 };
  expect(asked('0.5.9', drafted).pools.tokens).toBe(asked('0.5.9', plain).pools.tokens);
  const { pools, stage } = asked('0.5.18', drafted);
  expect(pools.tokens).toBeLessThan(asked('0.5.18', plain).pools.tokens);
  expect(stage.draft?.layers).toBe(1);
});

test('with data-parallel attention --tp counts all devices', () => {
  const answer = plan(
    request({
      ...{ model: 'deepseek-ai/DeepSeek-V3', gpu: 'h200', engine: 'sglang', engineVersion: '0.5.9' },
      parallelism: { tensor: 8, pipeline: 1, data: 8, expertParallel: false },
      options: { dpAttention: true },
    }),
  );
  expect(answer.hardware.devices).toBe(8);
  expect(answer.engine.command).toContain('--tp-size 8 --dp-size 8');
  expect(answer.engine.command).toContain('--enable-dp-attention');
  const replicas = plan(
    request({
      engine: 'sglang',
      parallelism: { tensor: 2, pipeline: 1, data: 2, expertParallel: false },
    }),
  );
  expect(replicas.hardware.devices).toBe(4);
});
