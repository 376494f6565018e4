import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Arena } from './arena.ts';

it('takes the tightest gap, then grows', () => {
  const arena = new Arena(16);
  const [first, second, third, fourth] = [64, 16, 32, 16].map((size) => arena.allocate(size));
  arena.free(first ?? 0, 64);
  arena.free(third ?? 0, 32);
  expect(arena.allocate(20)).toBe(third);
  expect(arena.allocate(80)).toBe(128);
  expect([second, fourth, arena.extent]).toEqual([64, 112, 208]);
});

it('joins freed neighbours and gives the end back', () => {
  const arena = new Arena(1);
  const offsets = [10, 20, 30].map((size) => arena.allocate(size));
  arena.free(offsets[1] ?? 0, 20);
  arena.free(offsets[0] ?? 0, 10);
  expect(arena.allocate(30)).toBe(0);
  arena.free(offsets[2] ?? 0, 30);
  expect(arena.allocate(5)).toBe(30);
  expect(arena.extent).toBe(60);
});

it('never hands out overlapping ranges and never exceeds the sum of what is asked for', () => {
  const step = fc.record({ size: fc.integer({ min: 1, max: 500 }), release: fc.nat({ max: 9 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom(1, 32, 128), (steps, alignment) => {
      const arena = new Arena(alignment);
      const live: { offset: number; size: number }[] = [];
      let asked = 0;
      for (const { size, release } of steps) {
        const freed = live[release];
        if (freed !== undefined) {
          arena.free(freed.offset, freed.size);
          live.splice(release, 1);
        }
        const offset = arena.allocate(size);
        asked += arena.aligned(size);
        expect(offset % alignment).toBe(0);
        for (const other of live) {
          const apart = offset + size <= other.offset || other.offset + other.size <= offset;
          expect(apart).toBe(true);
        }
        live.push({ offset, size });
      }
      const needed = live.reduce((sum, range) => sum + arena.aligned(range.size), 0);
      expect(arena.extent).toBeGreaterThanOrEqual(needed);
      expect(arena.extent).toBeLessThanOrEqual(asked);
    }),
  );
});
