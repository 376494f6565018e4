import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request } from '../test-models.ts';
import { distanceKm } from './placement.ts';
import { codeOf, column, output, solved } from './solve.test-data.ts';

const replica = request({});
const munich = { latitude: 48.14, longitude: 11.58 };

test('distances: Paris to London is 344 km, poles and antipodes are half the circumference', () => {
  expect(
    distanceKm({ latitude: 48.8566, longitude: 2.3522 }, { latitude: 51.5074, longitude: -0.1278 }),
  ).toBeCloseTo(343.6, 0);
  expect(distanceKm({ latitude: 90, longitude: 0 }, { latitude: -90, longitude: 50 })).toBeCloseTo(
    20_015.1,
    0,
  );
  const place = fc.record({
    latitude: fc.integer({ min: -90, max: 90 }),
    longitude: fc.integer({ min: -180, max: 180 }),
  });
  fc.assert(
    fc.property(place, place, (from, to) => {
      expect(distanceKm(from, to)).toBeCloseTo(distanceKm(to, from), 6);
      expect(distanceKm(from, to)).toBeLessThanOrEqual(20_016);
    }),
  );
});

test('carbon is that of solve energy at the intensity of the region', () => {
  const result = solved('placement', {}, { replica });
  const paris = result.rows?.find(({ region }) => region === 'europe-west9');
  const energy = solved('energy', { carbonIntensity: 34 }, { replica });
  expect(Number(paris?.gramsPerMillionOutput)).toBeCloseTo(output(energy, 'gramsPerMillionOutput'), 9);
});

test('without a price of carbon the cleanest region is first; a limit of the first token takes the near ones', () => {
  const anywhere = solved('placement', munich, { replica });
  expect(anywhere.outputs).toMatchObject({
    best: 'northamerica-northeast1 (Montreal)',
    nearest: 'europe-west6 (Zurich)',
  });
  const grams = column(anywhere, 'gramsPerMillionOutput');
  expect(grams).toEqual(grams.toSorted((left, right) => left - right));
  const idle = output(anywhere, 'ttftSeconds') - output(anywhere, 'roundTripSeconds');
  const near = solved('placement', { ...munich, ttftLimit: idle + 0.01 }, { replica });
  expect(near.outputs.best).toBe('europe-west9 (Paris)');
});

test('a price of carbon is added to the price of the output', () => {
  const free = solved('placement', {}, { replica });
  const priced = solved('placement', { carbonPrice: 100 }, { replica });
  const added = output(priced, 'perMillionOutputUsd') - output(free, 'perMillionOutputUsd');
  expect(added).toBeCloseTo((output(free, 'gramsPerMillionOutput') / 1e6) * 100, 12);
});

test('half a place, and a limit that no region keeps, are refused', () => {
  expect(codeOf(() => solved('placement', { latitude: 1 }, { replica }))).toBe('missing-input');
  expect(codeOf(() => solved('placement', { ...munich, ttftLimit: 0.001 }, { replica }))).toBe('infeasible');
});
