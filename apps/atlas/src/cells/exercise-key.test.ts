import { expect, test } from 'vitest';
import { isRight, readAnswer } from './exercise-key.ts';

test('answers are read as people type them', () => {
  expect(['4', ' 1,024 ', '4.5', '131_072'].map(readAnswer)).toEqual([4, 1024, 4.5, 131_072]);
  expect(['', 'four', '-4', '1e3', '4 GiB', '.'].map(readAnswer)).toEqual([
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});

test('a count is right or wrong, a rounded number may be near', () => {
  expect([isRight(4, 4, 0), isRight(3, 4, 0)]).toEqual([true, false]);
  expect([isRight(15, 14.96, 0.02), isRight(16, 14.96, 0.02)]).toEqual([true, false]);
});
