/** Records that omit what decides their pools: the figures are missing, and a reason names the omission. */
import { resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';
import { model } from '../../test-models.ts';
import { validateRecords } from '../../validation/validate.ts';
import type { RawRecord } from '../contract/log-record.ts';
import { predictSglangRecord } from './log-record.ts';

const resolver = { model, hardware: resolveHardware };

// https://docs.sglang.ai/start/send_request.html: Llama 3.1 8B on an H100, whose share is the default of the release.
const log: RawRecord = {
  id: 'llama',
  engine: 'SGLang',
  date: '2025-01-23',
  model: 'meta-llama/Llama-3.1-8B-Instruct',
  gpu: 'H100 80GB',
  tensor_parallel: 1,
};
const reported = {
  avail_before_weights_gib: 78.81,
  avail_after_weights_gib: 63.72,
  kv_tokens: 444_500,
  kv_gib: 54.26,
  avail_after_pool_gib: 8.34,
};

const answer = (changed: RawRecord, figures: RawRecord = {}): ReturnType<typeof predictSglangRecord> =>
  predictSglangRecord({ ...log, ...changed, reported: { ...reported, ...figures } }, resolver);

test('a record that agrees with the defaults has all figures', () => {
  const { predicted, endToEnd, undetermined } = answer({});
  expect(undetermined).toEqual([]);
  expect(predicted.kv_tokens).toBeCloseTo(444_500, -2);
  expect(endToEnd?.kv_tokens).toBeCloseTo(444_500, -4);
});

test.each<readonly [string, RawRecord, RawRecord, RegExp]>([
  [
    'a share that is not stated',
    {},
    { kv_gib: 40, kv_tokens: 327_680 },
    /the share is not stated: the pools take 0\.699/,
  ],
  [
    'a cap that is not stated',
    {},
    { kv_gib: null, avail_after_pool_gib: 63 },
    /63\.00 GiB are free after the pools/,
  ],
  ['a draft that is not named', { date: '2026-07-11', speculative: 'EAGLE3' }, {}, /draft model of "EAGLE3"/],
  [
    'neither release nor date',
    {
      date: null,
      model: 'deepseek-ai/DeepSeek-V4-Flash',
      gpu: 'H20',
      tensor_parallel: 8,
      mem_fraction_static: 0.6,
    },
    { avail_before_weights_gib: 93.58, avail_after_weights_gib: 57.01, kv_gib: null },
    /neither release nor date is stated: \d+ tokens under 0\.5\.\d+/,
  ],
])('%s', (_case, changed, figures, reason) => {
  const { predicted, endToEnd, undetermined } = answer(changed, figures);
  expect(undetermined?.join('; ')).toMatch(reason);
  expect(predicted).not.toHaveProperty('kv_tokens');
  expect(endToEnd).toEqual({});
  // Figures that do not depend on the omission stay.
  expect(predicted).toHaveProperty('total_gpu_gib');
});

test('a stated share decides, whatever the log prints', () => {
  const { predicted, undetermined } = answer(
    { mem_fraction_static: 0.88 },
    { kv_gib: 40, kv_tokens: 327_680 },
  );
  expect(undetermined).toEqual([]);
  expect(predicted.kv_tokens).toBeCloseTo(444_500, -2);
});

test('memory of other programs concerns only the figures from the inputs alone', () => {
  const held = {
    avail_before_weights_gib: 40,
    avail_after_weights_gib: 24.91,
    kv_gib: 20.11,
    kv_tokens: 164_741,
  };
  const { predicted, endToEnd, undetermined } = answer({}, { ...held, avail_after_pool_gib: 3.5 });
  expect(undetermined?.join()).toMatch(/^end to end: other programs held 38\.\d\d GiB of the device$/);
  expect(predicted.kv_tokens).toBeCloseTo(164_741, -3);
  expect(predicted).not.toHaveProperty('weights_gib');
  expect(endToEnd).toEqual({});
});

test('without the free memory before the load, that memory is what the weights left and the weights', () => {
  const { predicted, undetermined } = answer(
    { mem_fraction_static: 0.88 },
    { avail_before_weights_gib: null, kv_gib: null, avail_after_pool_gib: null },
  );
  expect(undetermined).toEqual([]);
  expect(Math.abs(Number(predicted.kv_tokens) / 444_500 - 1)).toBeLessThan(0.002);
});

test('the summary lists such records, and statistics leave them out', () => {
  const { summary } = validateRecords(
    [
      { ...log, reported },
      { ...log, id: 'capped', reported: { ...reported, kv_gib: null, avail_after_pool_gib: 63 } },
    ],
    resolver,
  );
  expect(summary.undetermined.map(({ id }) => id)).toEqual(['capped']);
  expect(summary.fields.kv_tokens?.count).toBe(1);
});
