import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemErrorCode } from './system-error.ts';

test('an error of the system has its code, another error has none', () => {
  let caught: unknown;
  try {
    readFileSync('/no such file');
  } catch (error) {
    caught = error;
  }
  expect(systemErrorCode(caught)).toBe('ENOENT');
  const others = [
    new Error('other'),
    Object.assign(new Error('numeric'), { code: 7 }),
    { code: 'ENOENT' },
    null,
  ];
  expect(others.map(systemErrorCode)).toEqual(others.map(() => undefined));
});
