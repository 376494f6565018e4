import { expect, test } from 'vitest';
import { randomInteger, seededRandom } from './random.ts';

test('a seed gives one stream; close seeds give unrelated streams', () => {
  const first = seededRandom(1);
  const again = seededRandom(1);
  const other = seededRandom(2);
  const values = Array.from({ length: 1000 }, first);
  expect(Array.from({ length: 1000 }, again)).toEqual(values);
  const equal = Array.from({ length: 1000 }, other).filter((value, index) => value === values[index]);
  expect(equal.length).toBeLessThan(3);
});

test('uniform: every tenth of [0, 1) gets its share', () => {
  const random = seededRandom(42);
  const counts = new Array<number>(10).fill(0);
  for (let index = 0; index < 100_000; index++) {
    const bucket = randomInteger(random, 0, 10);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  // Chi-square with 9 degrees of freedom: 27.9 is the 0.1 % point.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(27.9);
});
