import fc from 'fast-check';
import { expect, test } from 'vitest';
import { largestBelow, largestWithin } from './boundary-search.ts';

/** Needs of 1 to `limit`: lines, curves and steps with a floor, as blocks and buffers make them. */
const needs = fc
  .record({
    floor: fc.nat(1000),
    slope: fc.double({ min: 0, max: 50, noNaN: true }),
    power: fc.constantFrom(0.5, 1, 2),
    block: fc.integer({ min: 1, max: 64 }),
  })
  .map(
    ({ floor, slope, power, block }) =>
      (value: number) =>
        floor + slope * (Math.ceil(value / block) * block) ** power,
  );

test('the largest value that fits is found, from any start', () => {
  fc.assert(
    fc.property(
      needs,
      fc.integer({ min: 0, max: 300 }),
      fc.double({ min: 0, max: 20_000, noNaN: true }),
      fc.double({ min: -10, max: 1000, noNaN: true }),
      (need, limit, room, near) => {
        let expected = 0;
        while (expected < limit && need(expected + 1) <= room) expected++;
        expect(largestWithin({ limit, room, near }, need)).toBe(expected);
      },
    ),
  );
});

test('a bound below the need changes no result, and saves the exact needs beyond it', () => {
  fc.assert(
    fc.property(
      needs,
      fc.integer({ min: 0, max: 300 }),
      fc.double({ min: 0, max: 20_000, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (need, limit, room, share) => {
        const boundary = { limit, room, near: 7 };
        const exact = (value: number): number => {
          expect(need(value) * share).toBeLessThanOrEqual(room);
          return need(value);
        };
        const found = largestBelow(boundary, { exact, least: (value) => need(value) * share });
        expect(found).toBe(largestWithin(boundary, need));
      },
    ),
  );
});

function calls(near: number, limit: number, need: (value: number) => number): number {
  let count = 0;
  largestWithin({ limit, room: 1_000_000, near }, (value) => {
    count++;
    return need(value);
  });
  return count;
}

test('a need that grows like a line takes few calls, and any other need no more than twice those of halving', () => {
  expect(calls(10, 1e6, (value) => 500 + 7.3 * value)).toBeLessThanOrEqual(5);
  expect(calls(1e6, 1e6, (value) => 500 + 7.3 * value)).toBeLessThanOrEqual(5);
  expect(calls(1, 131_072, (value) => 100_000 * Math.ceil(value / 256))).toBeLessThanOrEqual(36);
  expect(calls(1, 2 ** 30, (value) => (value < 12_345 ? 0 : 2_000_000))).toBeLessThanOrEqual(60);
});
