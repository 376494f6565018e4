import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstDaySince } from './since-date.ts';

test('a year and a month begin with their first day', () => {
  expect(['2026', '2026-08', ' 2026-08-15 ', '2024-02-29'].map(firstDaySince)).toEqual([
    '2026-01-01',
    '2026-08-01',
    '2026-08-15',
    '2024-02-29',
  ]);
});

test('other texts are refused with the value and the form', () => {
  for (const text of [
    '',
    'august',
    '2026-13',
    '2026-02-30',
    '2026-8',
    '2026/08',
    '20260815',
    '-1',
    '2025-02-29',
  ]) {
    expect(() => firstDaySince(text), text).toThrow(/--since .* is not allowed/);
  }
});

test('any text is a day of the calendar or a typed error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{4}(-\d{2}){0,2}$/)), (text) => {
      try {
        expect(firstDaySince(text)).toMatch(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/);
      } catch (error) {
        expect(error).toBeInstanceOf(PlimsollError);
      }
    }),
  );
});
