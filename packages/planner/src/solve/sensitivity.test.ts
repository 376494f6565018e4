import { expect, test } from 'vitest';
import type { EngineName } from '../engines/engine-list.ts';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import { field, mlsysim, mlsysimAssumptions, mlsysimRequest, output, solved } from './solve.test-data.ts';

test('mlsysim 0.3.0: decode of one request follows the bandwidth by the share of its reads', () => {
  const [vector] = mlsysim('SensitivitySolver');
  expect(field(vector?.answer ?? {}, 'sensitivities.memory_bandwidth')).toBeCloseTo(-0.0875, 4);
  const replica = mlsysimRequest({ assumptions: { ...mlsysimAssumptions, layerSeconds: 1e-5 } });
  const result = solved('sensitivity', { users: 1, contextTokens: 1 }, { replica });
  const [bandwidth, compute] = result.rows ?? [];
  const reads = 1 - (32 * 1e-5) / output(result, 'tpotSeconds');
  expect(bandwidth?.tpotChange).toBeCloseTo(-reads / 11, 9);
  expect(compute?.tpotChange).toBe(0);
  expect(result.outputs).toMatchObject({
    tpotLimit: 'bandwidth',
    ttftLimit: 'compute',
    usersLimit: 'capacity',
  });
});

test.each(['none', 'vllm', 'sglang', 'tensorrt-llm', 'llama.cpp'] as const)(
  '%s: the unchanged device has the step times of a plan, and no improvement makes anything slower',
  (engine: EngineName) => {
    const replica = request({ engine, workload: { contextTokens: 4096, users: 1 } });
    const result = solved('sensitivity', { users: 1 }, { replica });
    const { speed } = prepare(replica);
    expect(output(result, 'tpotSeconds')).toBeCloseTo(speed.decodeSeconds(1, 4096), 12);
    expect(output(result, 'ttftSeconds')).toBeCloseTo(speed.prefillSeconds(2048), 12);
    for (const { tpotChange, ttftChange, usersChange } of result.rows ?? []) {
      expect(tpotChange).toBeLessThanOrEqual(1e-12);
      expect(ttftChange).toBeLessThanOrEqual(1e-12);
      expect(usersChange).toBeGreaterThanOrEqual(0);
    }
  },
);

test('a tensor-parallel decode also follows its link and its overheads', () => {
  const replica = request({
    model: 'meta-llama/Llama-3.1-70B-Instruct',
    parallelism: { tensor: 8, pipeline: 1, data: 1, expertParallel: false },
  });
  const rows = solved('sensitivity', { users: 64 }, { replica }).rows ?? [];
  const changes = Object.fromEntries(rows.map(({ property, tpotChange }) => [property, tpotChange]));
  expect(changes.link).toBeLessThan(0);
  expect(changes.overhead).toBeLessThan(0);
});
