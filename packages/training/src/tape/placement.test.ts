import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeByLifetime } from './placement.ts';

const lifetimes = fc
  .array(fc.record({ elements: fc.nat(500), first: fc.nat(30), length: fc.nat(12) }), { maxLength: 40 })
  .map((list) =>
    list.map(({ elements, first, length }, item) => ({ item, elements, first, last: first + length })),
  );

test('regions that live at the same time share no element, and the total is the end of the last', () => {
  fc.assert(
    fc.property(lifetimes, (lives) => {
      const { offsets, elements } = placeByLifetime(lives);
      const range = (item: number, size: number): readonly [number, number] => {
        const start = offsets.get(item) ?? -1;
        expect(start).toBeGreaterThanOrEqual(0);
        expect(start % 16).toBe(0);
        return [start, start + size];
      };
      let end = 0;
      for (const life of lives) {
        const [start, stop] = range(life.item, life.elements);
        end = Math.max(end, stop);
        for (const other of lives) {
          if (other.item <= life.item || other.first > life.last || life.first > other.last) continue;
          const [otherStart, otherStop] = range(other.item, other.elements);
          expect(Math.min(stop, otherStop) <= Math.max(start, otherStart)).toBe(true);
        }
      }
      expect(elements - end).toBeGreaterThanOrEqual(0);
      expect(elements - end).toBeLessThan(16);
    }),
  );
});

test('a chain of tensors, each read once, needs the room of two', () => {
  const chain = Array.from({ length: 10 }, (_, item) => ({
    item,
    elements: 64,
    first: item,
    last: item + 1,
  }));
  expect(placeByLifetime(chain).elements).toBe(128);
});
