import { expect, test } from 'vitest';
import { isRight, readAnswer } from './exercise-key.ts';

test('answers are read as people type them', () => {
  const users = (text: string): number | null => readAnswer(text, 'users');
  expect(['4', ' 1,024 ', '4.5', '131_072', '4 users', '1 user', '4Users'].map(users)).toEqual([
    4, 1024, 4.5, 131_072, 4, 1, 4,
  ]);
  expect(
    ['', 'four', '-4', '1e3', '4 GiB', '.', '4 B', 'users'].filter((text) => users(text) !== null),
  ).toEqual([]);
});

test('bytes are read in any unit of bytes, rates with their time', () => {
  const bytes = (text: string): number | null => readAnswer(text, 'bytes');
  expect(
    ['131072', '131,072 bytes', '128 KiB', '128kib', '0.125 MiB', '131.072 kB', '131072 B'].map(bytes),
  ).toEqual(Array.from({ length: 7 }, () => 131_072));
  expect(['128 K', '128 KiB per token', 'KiB'].map(bytes)).toEqual([null, null, null]);
  const rate = (text: string): number | null => readAnswer(text, 'tokens per second');
  expect(['223', '223 tokens per second', '223 tokens/s', '223 tokens', '223 ms'].map(rate)).toEqual([
    223,
    223,
    223,
    223,
    null,
  ]);
});

test('a count is right or wrong, a rounded number may be near', () => {
  expect([isRight(4, 4, 0), isRight(3, 4, 0)]).toEqual([true, false]);
  expect([isRight(15, 14.96, 0.02), isRight(16, 14.96, 0.02)]).toEqual([true, false]);
});
