import { expect, test } from 'vitest';
import { type RopeScaling, ropeFrequencies, ropeTable } from './rope-table.ts';

function frequencies(scaling: RopeScaling, rotaryDim = 8, base = 10_000): number[] {
  return [...ropeFrequencies({ base, rotaryDim, scaling }).inverse].map((value) =>
    Number(value.toPrecision(9)),
  );
}

test('plain and linear frequencies', () => {
  expect(frequencies({ kind: 'none' })).toEqual([1, 0.1, 0.01, 0.001]);
  expect(frequencies({ kind: 'linear', factor: 4 })).toEqual([0.25, 0.025, 0.0025, 0.00025]);
  expect(frequencies({ kind: 'factors', factors: [1, 2, 4, 8], attentionFactor: 1 })).toEqual([
    1, 0.05, 0.0025, 0.000125,
  ]);
});

test('llama 3.1 keeps short waves, stretches long waves by 8, and blends the waves between', () => {
  const scaling = {
    kind: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalContext: 8192,
  } as const;
  const plain = ropeFrequencies({ base: 500_000, rotaryDim: 128, scaling: { kind: 'none' } }).inverse;
  const scaled = ropeFrequencies({ base: 500_000, rotaryDim: 128, scaling }).inverse;
  const ratios = [0, 20, 28, 29, 30, 32, 34, 35, 63].map((i) =>
    Number(((plain[i] ?? 0) / (scaled[i] ?? 1)).toPrecision(5)),
  );
  expect(ratios).toMatchInlineSnapshot(`
    [
      1,
      1,
      1,
      1.2075,
      1.5534,
      2.6945,
      5.2573,
      8,
      8,
    ]
  `);
});

test('YaRN keeps fast dimensions, divides slow dimensions, and has the magnitude 0.1 ln s + 1', () => {
  const scaling = {
    kind: 'yarn',
    factor: 4,
    originalContext: 32768,
    betaFast: 32,
    betaSlow: 1,
    attentionFactor: null,
  } as const;
  const plain = ropeFrequencies({ base: 1e6, rotaryDim: 128, scaling: { kind: 'none' } }).inverse;
  const { inverse, magnitude } = ropeFrequencies({ base: 1e6, rotaryDim: 128, scaling });
  const ratios = [0, 23, 30, 36, 40, 63].map((i) =>
    Number(((plain[i] ?? 0) / (inverse[i] ?? 1)).toPrecision(5)),
  );
  expect(ratios).toMatchInlineSnapshot(`
    [
      1,
      1,
      1.4468,
      2.3448,
      4,
      4,
    ]
  `);
  expect(magnitude).toBeCloseTo(1.1386294361, 9);
});

test('the table holds cosine and sine of position x frequency', () => {
  const output = new Float32Array(8);
  ropeTable(ropeFrequencies({ base: 10_000, rotaryDim: 4, scaling: { kind: 'none' } }), [0, 3], output);
  const expected = [1, 0, 1, 0, Math.cos(3), Math.sin(3), Math.cos(0.03), Math.sin(0.03)];
  expect([...output]).toEqual(expected.map((value) => Math.fround(value)));
});
