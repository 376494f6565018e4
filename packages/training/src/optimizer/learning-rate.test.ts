import { expect, test } from 'vitest';
import { checkSchedule, learningRateAt } from './learning-rate.ts';

const schedule = { peak: 1, kind: 'cosine', totalSteps: 12, warmupRatio: 0.35 } as const;

test('a rate rises in a line, then falls as a cosine to zero', () => {
  const rates = Array.from({ length: 13 }, (_, step) => learningRateAt(schedule, step).toFixed(3));
  expect(rates.join(' ')).toMatchInlineSnapshot(
    `"0.250 0.500 0.750 1.000 1.000 0.962 0.854 0.691 0.500 0.309 0.146 0.038 0.000"`,
  );
});

test('a constant rate stays at its peak', () => {
  const rates = [0, 3, 4, 11, 50].map((step) => learningRateAt({ ...schedule, kind: 'constant' }, step));
  expect(rates).toEqual([0.25, 1, 1, 1, 1]);
});

test.each([
  [{ peak: 0 }, 'learning_rate is 0'],
  [{ peak: Number.NaN }, 'learning_rate is NaN'],
  [{ totalSteps: 1.5 }, 'total_steps is 1.5'],
  [{ warmupRatio: 1 }, 'warmup_ratio is 1'],
])('a schedule with %o is refused', (change, message) => {
  expect(() => checkSchedule({ ...schedule, ...change })).toThrow(message);
  expect(() => checkSchedule(schedule)).not.toThrow();
});
