import facts from '@plimsoll/registry/engines/dynamic-mixtures.json' with { type: 'json' };
import { expect, test } from 'vitest';
import { model } from '../test-models.ts';
import { type SizeRange, sizeNote } from './dynamic-mixtures.ts';
import { ggufFileBytes } from './gguf-spec.ts';

test('the ranges are those of the published files', () => {
  const percents = new Map<string, number[]>();
  for (const { model: name, weights, fileGigabytes } of facts.files) {
    const more = (fileGigabytes * 1e9) / ggufFileBytes(model(name), weights) - 1;
    percents.set(weights, [...(percents.get(weights) ?? []), Math.round(more * 100) || 0]);
  }
  const computed = [...percents].map(([weights, list]): [string, SizeRange] => [
    weights,
    { leastPercent: Math.min(...list), mostPercent: Math.max(...list) },
  ]);
  expect(Object.fromEntries(computed)).toEqual(facts.ranges);
});

test('a note says how the size of a mixture without rules is estimated', () => {
  expect([sizeNote('UD-Q4_K_XL'), sizeNote('Q8_K_XL'), sizeNote('UD-IQ1_S')]).toMatchInlineSnapshot(`
    [
      "UD-Q4_K_XL has tensor types that its publisher chose model by model: the size of Q4_K_M is planned, published files are 9 % smaller to 8 % larger; the .gguf itself, or its address on the Hub, gives the exact size",
      "Q8_K_XL has tensor types that its publisher chose model by model: the size of Q8_0 is planned, published files are 24 % larger; the .gguf itself, or its address on the Hub, gives the exact size",
      "UD-IQ1_S has tensor types that its publisher chose model by model: the size of IQ1_S is planned, no published file was compared; the .gguf itself, or its address on the Hub, gives the exact size",
    ]
  `);
  expect([sizeNote('Q4_K_M'), sizeNote('Q4_K_L'), sizeNote('Q3_K_XL')]).toEqual([null, null, null]);
});
