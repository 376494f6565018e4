import fc from 'fast-check';
import { expect, it } from 'vitest';
import { settledLayers } from './layer-periods.ts';

const kept = (text: string): string =>
  settledLayers([...text])
    .map((index) => text[index])
    .join('');

it('keeps the ends of a run and an even number of layers fewer', () => {
  expect(kept('d'.repeat(3) + 'm'.repeat(58))).toBe('dddmmmm');
  expect(kept('a'.repeat(33))).toBe('aaaaa');
  expect(kept('llllig'.repeat(10))).toBe('llllig'.repeat(4));
  expect(kept('ab')).toBe('ab');
});

it('keeps first and last, in order, without repeats', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 60 }), (keys) => {
      const positions = settledLayers(keys);
      expect(positions[0]).toBe(0);
      expect(positions.at(-1)).toBe(keys.length - 1);
      expect([...new Set(positions)].sort((left, right) => left - right)).toEqual(positions);
    }),
  );
});
