import { expect, test } from 'vitest';
import { createMemo, rememberFew } from './memo.ts';

test('a small memo evicts the least recently used value', () => {
  const small = { memo: createMemo<string>(), owner: {}, countMax: 2 };
  const computed: string[] = [];
  const ask = (key: string): string =>
    rememberFew(small, key, () => {
      computed.push(key);
      return `value of ${key}`;
    });
  const answers = ['a', 'b', 'a', 'c', 'a', 'b'].map(ask);
  expect(answers.at(-1)).toBe('value of b');
  // "c" evicted "b", because "a" was used after "b".
  expect(computed).toEqual(['a', 'b', 'c', 'b']);
  expect(rememberFew({ ...small, owner: {} }, 'a', () => 'of another owner')).toBe('of another owner');
});
