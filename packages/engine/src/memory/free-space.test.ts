/** Fuzzes FreeSpace against a model that marks every byte. */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FreeSpace } from './free-space.ts';

const sizeBytes = 512;

test('take, takeAt and give agree with a map of bytes', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const space = new FreeSpace(sizeBytes);
      const taken = new Uint8Array(sizeBytes);
      const held: { offset: number; size: number }[] = [];
      const isFree = (offset: number, size: number): boolean =>
        offset + size <= sizeBytes && !taken.subarray(offset, offset + size).includes(1);
      const hold = (offset: number, size: number): void => {
        taken.fill(1, offset, offset + size);
        held.push({ offset, size });
      };
      for (let step = 0; step < 80; step++) {
        const size = randomInteger(random, 1, 90);
        const choice = random();
        if (choice < 0.4) {
          const alignment = 2 ** randomInteger(random, 0, 6);
          let expected: number | null = 0;
          while (expected < sizeBytes && !isFree(expected, size)) expected += alignment;
          if (expected >= sizeBytes) expected = null;
          const offset = space.take(size, alignment);
          expect(offset).toBe(expected);
          if (offset !== null) hold(offset, size);
        } else if (choice < 0.6) {
          const offset = randomInteger(random, 0, sizeBytes);
          const wasFree = isFree(offset, size);
          expect(space.takeAt(offset, size)).toBe(wasFree);
          if (wasFree) hold(offset, size);
        } else if (held.length > 0) {
          const [range] = held.splice(randomInteger(random, 0, held.length), 1);
          if (range === undefined) continue;
          space.give(range.offset, range.size);
          taken.fill(0, range.offset, range.offset + range.size);
          expect(() => space.give(range.offset, range.size)).toThrowError('free already');
        }
        space.checkIntegrity();
        expect(space.freeBytes).toBe(taken.filter((byte) => byte === 0).length);
      }
      for (const range of held) space.give(range.offset, range.size);
      expect(space.isEmpty).toBe(true);
      expect(space.take(sizeBytes, 1)).toBe(0);
    }),
    { numRuns: 200 },
  );
});
