/** The profile against what vLLM printed, for 21 start-ups from 0.6 to 0.29. Inputs and figures are the logs' own. */
import { readFileSync } from 'node:fs';
import { resolveHardware } from '@plimsoll/registry';
import { describe, expect, test } from 'vitest';
import { model, request } from '../../test-models.ts';
import { figureErrors } from '../../validation/statistics.ts';
import type { RawRecord } from '../contract/log-record.ts';
import { predictVllmRecord } from './log-record.ts';
import { prepareVllm } from './profile.ts';

const logs: readonly RawRecord[] = JSON.parse(
  readFileSync(new URL('../../../../../fixtures/logs/vllm-startup.json', import.meta.url), 'utf8'),
);

/** Relative error allowed per figure: what the logs' own rounding and the fitted constants leave open. */
const tolerances: Readonly<Record<string, number>> = {
  weights_gib: 0.016,
  kv_cache_gib: 0.055,
  kv_tokens: 0.003,
  gpu_blocks: 0.003,
  max_concurrency: 0.006,
  total_gpu_gib: 0.001,
};

describe.each(logs.map((log) => [String(log.id), log] as const))('%s', (_id, log) => {
  test('weights, cache, blocks and tokens', () => {
    const answer = predictVllmRecord(log, { model, hardware: resolveHardware });
    expect(answer.supported).toBe(true);
    const compared = figureErrors([answer]).filter(
      // With an assumed utilisation the error of the cache would be the assumption's.
      ({ field }) => field in tolerances && (field !== 'kv_cache_gib' || 'gpu_memory_utilization' in log),
    );
    expect(compared.length).toBeGreaterThan(0);
    for (const figure of compared) {
      expect(
        Math.abs(figure.error),
        `${figure.field} ${figure.predicted} for ${figure.reported}`,
      ).toBeLessThan(tolerances[figure.field] ?? 0);
    }
  });
});

test('a release decides the sampler, and the sampler the activation peak', () => {
  const peak = (engineVersion: string): number => {
    const deployment = prepareVllm({ ...request({ engine: 'vllm', engineVersion }) });
    return deployment.fixed.find((entry) => entry.category === 'activations')?.bytes ?? 0;
  };
  const gib = ['0.8.5', '0.16.0', '0.17.0', '0.19.0', '0.21.0', '0.29.0'].map(
    (version) => peak(version) / 2 ** 30,
  );
  expect(gib.map((value) => Number(value.toFixed(2)))).toMatchInlineSnapshot(`
    [
      4.76,
      4.76,
      1.88,
      1.88,
      1.82,
      0.92,
    ]
  `);
});

test('hybrid groups: Gemma 3 has five sliding groups and one full group of eight layers', () => {
  const deployment = prepareVllm(
    request({ model: 'google/gemma-3-12b-it', engine: 'vllm', engineVersion: '0.19.0' }),
  );
  expect(deployment.layout.groups).toBe(6);
  expect(deployment.layout.blockBytes).toBe(8 * 16 * 8 * 512 * 2);
  expect(deployment.layout.sequenceBlocks(8192)).toBe(512 + 5 * 513);
});

test('utilisation that does not leave room for one sequence is a plan that does not start', () => {
  const deployment = prepareVllm(
    request({
      model: 'meta-llama/Llama-3.3-70B-Instruct',
      engine: 'vllm',
      workload: { contextTokens: 4096, users: 1 },
    }),
  );
  expect(deployment.poolBytes).toBeLessThan(0);
});
