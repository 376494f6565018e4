import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameDistance } from './name-distance.ts';

/** Computes the distance by its recurrence; exponential, so for short texts only. */
function slowDistance(left: string, right: string): number {
  if (left === '' || right === '') return left.length + right.length;
  const [a, b] = [left.slice(0, -1), right.slice(0, -1)];
  const same = left.at(-1) === right.at(-1);
  const candidates = [
    slowDistance(a, right) + 1,
    slowDistance(left, b) + 1,
    slowDistance(a, b) + (same ? 0 : 1),
  ];
  if (left.length > 1 && right.length > 1 && left.at(-1) === right.at(-2) && left.at(-2) === right.at(-1)) {
    candidates.push(slowDistance(left.slice(0, -2), right.slice(0, -2)) + 1);
  }
  return Math.min(...candidates);
}

const shortText = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });

test('equals its definition, up to the limit', () => {
  fc.assert(
    fc.property(shortText, shortText, fc.integer({ min: 1, max: 8 }), (left, right, limit) => {
      expect(nameDistance(left, right, limit)).toBe(Math.min(limit, slowDistance(left, right)));
    }),
  );
});

test('counts a swap of neighbours once', () => {
  expect(nameDistance('qwne3', 'qwen3', 9)).toBe(1);
  expect(nameDistance('h100', 'h200', 9)).toBe(1);
});
