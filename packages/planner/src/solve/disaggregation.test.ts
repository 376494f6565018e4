import { readFileSync } from 'node:fs';
import { resolveHardware } from '@plimsoll/registry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request } from '../test-models.ts';
import { codeOf, mlsysimRequest, output, solved } from './solve.test-data.ts';

const replica = request({});
const usual = { rate: 20, tpotLimit: 0.03 };

interface ServingVector {
  readonly model: string;
  readonly hardware: string;
  readonly options: { readonly decode_hardware?: string };
  readonly seq_len: number;
  readonly batch_size: number;
  readonly ttft_ms: number;
}

test('mlsysim 0.3.0: the transfer of the cache adds the same time to the first token', () => {
  const file = new URL('../../../../fixtures/mlsysim/serving-vectors.json', import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly vectors: readonly ServingVector[];
  };
  const [together, split] = [undefined, 'H200'].map((decode) =>
    vectors.find(
      ({ model, hardware, seq_len, batch_size, options }) =>
        model === 'Llama3_8B' &&
        hardware === 'H100' &&
        seq_len === 2048 &&
        batch_size === 1 &&
        options.decode_hardware === decode &&
        Object.keys(options).length === (decode === undefined ? 0 : 1),
    ),
  );
  const given = { rate: 1, tpotLimit: 1, promptTokens: 2048, linkRate: 100e9 };
  const result = solved('disaggregation', given, { replica: mlsysimRequest() });
  const added = ((split?.ttft_ms ?? 0) - (together?.ttft_ms ?? 0)) / 1000;
  expect(added).toBeGreaterThan(0.002);
  expect(output(result, 'transferSeconds')).toBeCloseTo(added, 12);
});

test('more requests or shorter limits never take fewer workers; a faster link never lengthens the first token', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 10, max: 60 }), (rate, milliseconds) => {
      const tpotLimit = milliseconds / 1000;
      const at = (given: object) => solved('disaggregation', { rate, tpotLimit, ...given }, { replica });
      const base = at({});
      const busier = at({ rate: 2 * rate });
      for (const name of ['prefillWorkers', 'decodeWorkers'])
        expect(output(busier, name)).toBeGreaterThanOrEqual(output(base, name));
      expect(output(at({ tpotLimit: 2 * tpotLimit }), 'decodeWorkers')).toBeLessThanOrEqual(
        output(base, 'decodeWorkers'),
      );
      expect(output(at({ linkRate: 1e12 }), 'ttftSeconds')).toBeLessThan(output(base, 'ttftSeconds'));
    }),
    { numRuns: 25 },
  );
});

test('the limits hold at the answer', () => {
  const result = solved('disaggregation', { ...usual, ttftLimit: 0.3 }, { replica });
  expect(output(result, 'tpotSeconds')).toBeLessThanOrEqual(0.03);
  expect(output(result, 'ttftSeconds')).toBeLessThanOrEqual(0.3);
  const loose = solved('disaggregation', usual, { replica });
  expect(output(result, 'prefillWorkers')).toBeGreaterThanOrEqual(output(loose, 'prefillWorkers'));
});

test('the decode pool may be another device', () => {
  const other = solved('disaggregation', usual, { replica, decodeDevice: resolveHardware('h200') });
  const same = solved('disaggregation', usual, { replica });
  expect(output(other, 'decodeUsers')).toBeGreaterThan(output(same, 'decodeUsers'));
  expect(output(other, 'prefillSeconds')).toBe(output(same, 'prefillSeconds'));
});

test('a token or a first token that no worker gives in time is infeasible', () => {
  expect(codeOf(() => solved('disaggregation', { ...usual, tpotLimit: 1e-4 }, { replica }))).toBe(
    'infeasible',
  );
  expect(codeOf(() => solved('disaggregation', { ...usual, ttftLimit: 1e-3 }, { replica }))).toBe(
    'infeasible',
  );
});
