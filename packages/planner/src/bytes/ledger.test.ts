import { bytes } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { diffLedgers, formatDifference, type LedgerEntry, ledgerBytes } from './ledger.ts';

function entry(
  category: LedgerEntry['category'],
  tag: string,
  size: number,
  tier: LedgerEntry['tier'] = 'device',
): LedgerEntry {
  return {
    category,
    tag,
    tier,
    bytes: bytes(size),
    derivation: { formula: '', substituted: '', source: 'test' },
  };
}

test('sums by tier and category', () => {
  const ledger = {
    entries: [
      entry('weights', 'mlp', 10),
      entry('weights', 'head', 5),
      entry('kv-cache', 'full', 7),
      entry('weights', 'embeddings', 3, 'host'),
    ],
  };
  expect(ledgerBytes(ledger)).toBe(22);
  expect(ledgerBytes(ledger, { category: 'weights' })).toBe(15);
  expect(ledgerBytes(ledger, { category: 'weights', tier: 'host' })).toBe(3);
});

test('equal ledgers have no differences, for any order and split of their entries', () => {
  const planned = { entries: [entry('weights', 'mlp', 10), entry('kv-cache', 'full', 7)] };
  const actual = {
    entries: [entry('kv-cache', 'full', 7), entry('weights', 'mlp', 4), entry('weights', 'mlp', 6)],
  };
  expect(diffLedgers(planned, actual)).toEqual([]);
});

test('a difference names the planned and the actual bytes', () => {
  const planned = { entries: [entry('weights', 'mlp', 2 ** 30)] };
  const actual = {
    entries: [entry('weights', 'mlp', 2 ** 30 + 2 ** 28), entry('runtime', 'graphs', 2 ** 20)],
  };
  expect(diffLedgers(planned, actual).map(formatDifference)).toEqual([
    'weights/mlp (device): planned 1.00 GiB, actual 1.25 GiB',
    'runtime/graphs (device): planned 0 B, actual 1.00 MiB',
  ]);
});

test('a negative entry fails an assertion', () => {
  expect(() => ledgerBytes({ entries: [entry('weights', 'mlp', -1)] })).toThrowError(/negative/);
});
