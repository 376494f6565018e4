import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linearScale, logScale } from './scale.ts';

test('ticks lie on the axis, in order, and no more than have room', () => {
  const positive = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(positive, positive, fc.integer({ min: 2, max: 9 }), (a, b, ticksMax) => {
      const [min, max] = [Math.min(a, b), Math.max(a, b)];
      for (const scale of [logScale({ min, max, ticksMax }), linearScale({ max, ticksMax })]) {
        const places = scale.ticks.map((tick) => scale.at(tick));
        expect(places).toEqual(places.toSorted((left, right) => left - right));
        for (const place of places) expect(place).toBeGreaterThanOrEqual(-1e-6);
        for (const place of places) expect(place).toBeLessThanOrEqual(1 + 1e-6);
        expect(scale.ticks.length).toBeLessThanOrEqual(ticksMax + 1);
        expect(scale.at(max)).toBeLessThanOrEqual(1 + 1e-6);
      }
    }),
  );
});

test('axes read as a person would mark them', () => {
  expect(logScale({ min: 512, max: 131_072, ticksMax: 5, base: 2 }).ticks).toEqual([
    512, 2048, 8192, 32_768, 131_072,
  ]);
  expect(logScale({ min: 0.004, max: 12, ticksMax: 5 }).ticks).toEqual([0.01, 0.1, 1, 10]);
  expect(linearScale({ max: 79, ticksMax: 5 }).ticks).toEqual([0, 20, 40, 60, 80]);
  const gib = 1024 ** 3;
  expect(linearScale({ max: 79 * gib, ticksMax: 5, base: 2 }).ticks.map((tick) => tick / gib)).toEqual([
    0, 32, 64, 96,
  ]);
  expect(linearScale({ max: 0, ticksMax: 5 }).ticks).toEqual([0, 1]);
});
