/** A long step is cut between operations and inside attention, and no part is left out. */
import type { KernelOperation } from '@plimsoll/kernels';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

function product(tokens: number): KernelOperation {
  const sizes = { rows: 100, columns: 10, tokens, outputStrideBytes: 400, accumulate: false };
  return { op: 'mat-mul', format: 'f32', weights: 0, activations: 0, output: 0, ...sizes, path: 'auto' };
}

function attention(tokens: number): KernelOperation {
  const pool = { keyPool: 0, valuePool: 0, blockStrideBytes: 64, blockTokens: 8, kvHeads: 1, headDim: 5 };
  const rows = { queries: 1000, queryStrideBytes: 40, output: 5000, outputStrideBytes: 80 };
  const scores = { scale: 1, window: null, softCap: null, scratch: 0 };
  const given = { tables: 100, positions: 200, tokens, heads: 2 };
  return { op: 'attention', kvFormat: 'f32', ...pool, ...rows, ...given, ...scores };
}

/** Token counts of the operations in each turn. */
function turns(operations: readonly KernelOperation[], multiplyAddsMax: number, keysMax = 10): number[][] {
  const parts = new Turns(keysMax, multiplyAddsMax).divide(operations);
  return parts.map((part) => part.map((one) => ('tokens' in one ? one.tokens : 0)));
}

test('a turn ends before an operation that would make it too long; a single long operation is a turn', () => {
  const step = [1, 2, 3, 9, 1].map(product);
  expect(turns(step, 3000)).toEqual([[1, 2], [3], [9], [1]]);
  expect(turns(step, 1e9)).toEqual([[1, 2, 3, 9, 1]]);
  expect(turns(step, 1)).toEqual([[1], [2], [3], [9], [1]]);
});

test('attention is cut between groups of eight tokens, with their addresses', () => {
  // A token costs 2 x 10 keys x 2 heads x 5.
  expect(turns([attention(30)], 200 * 20)).toEqual([[16], [14]]);
  expect(turns([attention(30)], 200 * 20, 4)).toEqual([[30]]);
  const parts = new Turns(10, 200 * 8).divide([attention(20)]);
  expect(parts).toHaveLength(3);
  const places = parts
    .flat()
    .map(
      (part) =>
        part.op === 'attention' && [part.queries, part.output, part.tables, part.positions, part.tokens],
    );
  expect(places).toEqual([
    [1000, 5000, 100, 200, 8],
    [1320, 5640, 132, 232, 8],
    [1640, 6280, 164, 264, 4],
  ]);
});

test('a list continues the turn of the list before it, and its first part is empty if the turn is full', () => {
  const divided = new Turns(10, 3000);
  const counts = (tokens: readonly number[]): number[] =>
    divided.divide(tokens.map(product)).map((part) => part.length);
  expect(counts([1, 1])).toEqual([2]);
  expect(counts([1, 1])).toEqual([1, 1]);
  expect(counts([3])).toEqual([0, 1]);
});
