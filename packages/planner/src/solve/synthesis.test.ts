import { listHardware, resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import {
  codeOf,
  field,
  mlsysim,
  mlsysimAssumptions,
  mlsysimRequest,
  output,
  solved,
} from './solve.test-data.ts';

test('mlsysim 0.3.0: the bandwidth of one request is its reads over the latency', () => {
  const [vector] = mlsysim('SynthesisSolver');
  const theirs = field(vector?.answer ?? {}, 'required_bw');
  const spec = request({ model: 'meta-llama/Llama-3.1-70B-Instruct' }).spec;
  const replica = mlsysimRequest({ spec, assumptions: { ...mlsysimAssumptions, computeEfficiency: 1e9 } });
  const result = solved('synthesis', { tpotLimit: 0.05, contextTokens: 1 }, { replica });
  // Theirs reads the input embedding of 2.1 GB as well.
  const embedding = (128_256 * 8192 * 2) / 0.05;
  expect((output(result, 'bandwidthNeeded') + embedding) / theirs).toBeCloseTo(1, 2);
});

test('at the needed bandwidth the time per token is the limit', () => {
  const replica = request({});
  const bandwidth = output(solved('synthesis', { tpotLimit: 0.006 }, { replica }), 'bandwidthNeeded');
  const { hardware } = replica;
  const memory = { ...hardware.memory, bandwidthBytesPerSecond: bandwidth };
  const { speed } = prepare({ ...replica, hardware: { ...hardware, memory } });
  expect(speed.decodeSeconds(1, 2048)).toBeCloseTo(0.006, 9);
});

test('devices meet the limits, and the cheapest is first', () => {
  const devices = listHardware().map(({ id }) => resolveHardware(id));
  const result = solved('synthesis', { tpotLimit: 0.02, users: 4 }, { replica: request({}), devices });
  const rows = result.rows ?? [];
  expect(rows.length).toBeGreaterThan(5);
  const prices = rows.map(({ perHourUsd }) =>
    typeof perHourUsd === 'number' ? perHourUsd : Number.POSITIVE_INFINITY,
  );
  expect(prices).toEqual(prices.toSorted((left, right) => left - right));
  for (const { tpotSeconds } of rows) expect(tpotSeconds).toBeLessThanOrEqual(0.02);
});

test('a latency below the floor is infeasible and names the floor', () => {
  const replica = request({});
  expect(codeOf(() => solved('synthesis', { tpotLimit: 1e-4 }, { replica }))).toBe('infeasible');
  const result = solved('synthesis', { tpotLimit: 0.02, ttftLimit: 1e-4 }, { replica });
  expect(result.outputs.computeNeeded).toBe(null);
  expect(result.notes[0]).toContain('no compute gives the first token in time');
});
