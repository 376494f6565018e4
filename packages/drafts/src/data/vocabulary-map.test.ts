import fc from 'fast-check';
import { expect, test } from 'vitest';
import { draftOffsets, storedVocabularyMap, VocabularyCounter } from './vocabulary-map.ts';

function counted(vocabSize: number, ids: readonly number[]): VocabularyCounter {
  const counter = new VocabularyCounter(vocabSize);
  counter.add({ inputIds: ids, lossMask: ids.map(() => 1) });
  return counter;
}

test('the most common tokens of the loss, ties by first sight, filled up with low ids', () => {
  const counter = new VocabularyCounter(10);
  counter.add({ inputIds: [9, 9, 9, 7, 4, 7, 4, 2], lossMask: [0, 0, 0, 1, 1, 1, 1, 1] });
  expect([...counter.map(2).draftToTarget]).toEqual([4, 7]);
  expect([...counter.map(1).draftToTarget]).toEqual([7]);
  const map = counter.map(5);
  expect([...map.draftToTarget]).toEqual([0, 1, 2, 4, 7]);
  expect([...draftOffsets(map)]).toEqual([0n, 0n, 0n, 1n, 3n]);
  expect([...map.isDrafted]).toEqual([1, 1, 1, 0, 1, 0, 0, 1, 0, 0]);
  expect(counter.coverage(counter.map(1))).toBe(2 / 5);
  expect(counter.distinct).toBe(3);
  expect(() => counter.map(11)).toThrow(/does not fit/);
});

test('a stored map comes back, and a contradiction is refused', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(49), { maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (ids, size) => {
      const map = counted(50, ids).map(size);
      expect(map.draftToTarget).toHaveLength(size);
      expect(storedVocabularyMap(draftOffsets(map), map.isDrafted)).toEqual(map);
      const wrong = Uint8Array.from(map.isDrafted);
      wrong[map.draftToTarget[0] ?? 0] = 0;
      expect(() => storedVocabularyMap(draftOffsets(map), wrong)).toThrow(/contradicts itself/);
    }),
  );
  expect(() => storedVocabularyMap([0n, -1n], Uint8Array.of(1, 0))).toThrow(/maps draft token 1 to 0/);
});
