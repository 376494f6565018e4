import { describe, expect, test } from 'vitest';
import { byField, compare, statistics, worst } from './figures.ts';

const records = [
  { id: 'a', reported: { weights_gib: 10, kv_tokens: 1000, total_gpu_gib: 0 } },
  { id: 'b', reported: { weights_gib: 4, kv_tokens: null, model_buffers_mib: { GPU: 30, CPU: 10 } } },
  { id: 'c', reported: { weights_gib: -2 } },
];
const predictions = new Map([
  ['a', { weights_gib: 11, kv_tokens: 500, total_gpu_gib: 5 }],
  ['b', { weights_gib: 4, kv_tokens: 7, model_buffers_mib: { GPU: 20, CPU: 10 } }],
  ['c', { weights_gib: -1 }],
]);

describe('comparisons', () => {
  test('are relative to the printed value, sum maps, and leave out figures that cannot be compared', () => {
    const found = compare(records, predictions).map(
      ({ id, field, error }) => `${id} ${field} ${error.toFixed(3)}`,
    );
    expect(found).toEqual([
      'a weights_gib 0.100',
      'a kv_tokens -0.500',
      'b weights_gib 0.000',
      'b model_buffers_mib -0.250',
      'c weights_gib 0.500',
    ]);
  });

  test('of named fields only', () => {
    expect([...byField(compare(records, predictions, ['kv_tokens'])).keys()]).toEqual(['kv_tokens']);
  });

  test('the worst list has one figure per record', () => {
    expect(worst(compare(records, predictions), 2).map(({ id, field }) => `${id} ${field}`)).toEqual([
      'a kv_tokens',
      'c weights_gib',
    ]);
  });

  test('statistics of no comparisons are null', () => {
    expect(statistics([])).toBeNull();
    expect(statistics(compare(records, predictions, ['weights_gib']))?.medianError).toBeCloseTo(0.1);
  });
});
