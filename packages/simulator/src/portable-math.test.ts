import { createHash } from 'node:crypto';
import { seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { portableExp, portableLog } from './portable-math.ts';

/** A unit in the last place, and one for the engine's own error. */
const errorMax = 2 * Number.EPSILON;

test('log and exp are within two units in the last place of the engine', () => {
  const positive = fc.double({ min: 5e-324, max: 1.7e308, noNaN: true });
  fc.assert(
    fc.property(positive, (value) => {
      const own = Math.log(value);
      expect(Math.abs(portableLog(value) - own)).toBeLessThanOrEqual(errorMax * Math.abs(own));
    }),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(fc.double({ min: -700, max: 709, noNaN: true }), (value) => {
      const own = Math.exp(value);
      expect(Math.abs(portableExp(value) - own)).toBeLessThanOrEqual(errorMax * own);
    }),
    { numRuns: 5000 },
  );
});

test('ends of the range', () => {
  expect([0, 1, -1, Infinity, Number.NaN].map(portableLog)).toEqual([
    -Infinity,
    0,
    Number.NaN,
    Infinity,
    Number.NaN,
  ]);
  expect([0, 1, 710, -746, Infinity, -Infinity].map(portableExp)).toEqual([
    1,
    Math.E,
    Infinity,
    0,
    Infinity,
    0,
  ]);
  expect(portableExp(Number.NaN)).toBeNaN();
  expect(portableExp(-745)).toBe(5e-324);
  expect(portableLog(5e-324)).toBeCloseTo(-744.44, 2);
});

/** The same hash in every engine: the bits of many values. */
test('the bits are those of every machine', () => {
  const random = seededRandom(7);
  const values = Array.from({ length: 20_000 }, () => random());
  const bits = new Float64Array(
    values.flatMap((value) => [portableLog(value), portableLog(value * 1e6), portableExp(20 * value - 10)]),
  );
  expect(createHash('sha256').update(bits).digest('hex').slice(0, 16)).toMatchInlineSnapshot(
    `"8e94f69c1c537e01"`,
  );
});
