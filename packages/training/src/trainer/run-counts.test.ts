import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addCounts, metricsOf, noCounts, type RunCounts } from './run-counts.ts';

const guess = (supervised: number, correct: number) => ({ supervised, correct, covered: 0, acceptance: 0 });

test('ratios come from sums: the mean of the means of batches would be another number', () => {
  const small: RunCounts = { loss: 6, positions: 2, guesses: [guess(2, 2), guess(2, 1)] };
  const large: RunCounts = {
    ...{ loss: 10, positions: 14 },
    guesses: [{ supervised: 8, correct: 4, covered: 4, acceptance: 1 }, guess(6, 3)],
  };
  expect(metricsOf(addCounts(small, large))).toMatchInlineSnapshot(`
    {
      "acceptance": [
        0.25,
        null,
      ],
      "accuracy": [
        0.6,
        0.5,
      ],
      "loss": 1,
      "simulatedLength": 0.8999999999999999,
      "simulatedLengthWithBonus": 1.9,
    }
  `);
});

test('nothing counted gives no metrics; a guess that was never supervised ends the simulated length', () => {
  expect(metricsOf(noCounts)).toBeNull();
  const gap = { loss: 1, positions: 1, guesses: [guess(1, 1), guess(0, 0), guess(1, 1)] };
  expect(metricsOf(gap)).toMatchObject({ accuracy: [1, null, 1], simulatedLength: 1 });
});

test('drafts of whole passes are counted, and runs without them add none', () => {
  const drafted = (accepted: number, count: number): RunCounts => ({
    ...{ loss: 1, positions: 2, guesses: [guess(4, 2), guess(4, 2)], passes: { accepted, count } },
  });
  const sum = addCounts(addCounts(drafted(5, 3), noCounts), drafted(1, 1));
  expect(sum.passes).toEqual({ accepted: 6, count: 4 });
  // The product of the accuracies would be 0.75: right guesses of a pass come together.
  expect(metricsOf(sum)).toMatchObject({ simulatedLength: 1.5, simulatedLengthWithBonus: 2.5 });
  expect(metricsOf({ ...drafted(0, 0) })).toMatchObject({ simulatedLength: 0 });
});

test('any division of a set into batches has the same sums', () => {
  const batch = fc.record({
    ...{ loss: fc.nat(100), positions: fc.nat(9) },
    guesses: fc.array(
      fc.record({ supervised: fc.nat(9), correct: fc.nat(9), covered: fc.nat(9), acceptance: fc.nat(9) }),
    ),
  });
  fc.assert(
    fc.property(fc.array(batch), fc.nat(10), (batches, cut) => {
      const sum = (part: readonly RunCounts[]): RunCounts => part.reduce(addCounts, noCounts);
      expect(addCounts(sum(batches.slice(0, cut)), sum(batches.slice(cut)))).toEqual(sum(batches));
    }),
  );
});
