import { expect, test } from 'vitest';
import { request } from '../test-models.ts';
import { codeOf, column, output, solved } from './solve.test-data.ts';

const replica = request({});

test('energy is power over output, and every factor multiplies it', () => {
  const base = solved('energy', {}, { replica });
  expect(output(base, 'watts')).toBe(700);
  expect(output(base, 'joulesPerOutputToken')).toBeCloseTo(700 / output(base, 'tokensPerSecond'), 12);
  expect(output(base, 'joulesPerRequest')).toBeCloseTo(256 * output(base, 'joulesPerOutputToken'), 9);
  const full = solved(
    'energy',
    { powerShare: 0.5, otherPower: 150, pue: 1.2, carbonIntensity: 345, electricityPrice: 0.1 },
    { replica },
  );
  expect(output(full, 'watts')).toBe((350 + 150) * 1.2);
  const kwh = output(full, 'kwhPerMillionOutput');
  expect(kwh).toBeCloseTo((output(full, 'joulesPerOutputToken') * 1e6) / 3.6e6, 12);
  expect(output(full, 'gramsPerMillionOutput')).toBeCloseTo(345 * kwh, 9);
  expect(output(full, 'usdPerMillionOutput')).toBeCloseTo(0.1 * kwh, 9);
  expect(base.outputs.gramsPerMillionOutput).toBe(null);
});

test('more requests at once never take more energy per token', () => {
  const joules = column(solved('energy', { users: 256 }, { replica }), 'joulesPerOutputToken');
  expect(joules).toEqual(joules.toSorted((left, right) => right - left));
});

test('requests that do not fit, and a device of unknown power, are infeasible', () => {
  expect(codeOf(() => solved('energy', { users: 5000 }, { replica }))).toBe('infeasible');
  const { hardware } = replica;
  const unknown = { ...replica, hardware: { ...hardware, tdpWatts: null } };
  expect(codeOf(() => solved('energy', {}, { replica: unknown }))).toBe('infeasible');
});
