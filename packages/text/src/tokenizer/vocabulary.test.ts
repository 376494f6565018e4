/** Texts are found by their bytes: everything that is there, nothing else, and the same as a list of strings would say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Vocabulary } from './vocabulary.ts';

/** Few characters, of all lengths in UTF-8, so that texts are often each other's beginnings. */
const character = fc.constantFrom('a', 'b', ' ', 'é', '▁', '語', '😀', '\ufeff');
const text = fc.string({ unit: character, maxLength: 6 });
const texts = fc.uniqueArray(text, { maxLength: 200 });

test('every text has its id, and no other text has one', () => {
  fc.assert(
    fc.property(texts, fc.array(text), (list, others) => {
      const vocabulary = Vocabulary.fromTexts(list, 'tokens');
      expect(list.map((each) => vocabulary.id(each))).toEqual(list.map((_, id) => id));
      expect(list.map((_, id) => vocabulary.text(id))).toEqual(list);
      for (const other of others) {
        const id = list.indexOf(other);
        expect(vocabulary.id(other)).toBe(id < 0 ? undefined : id);
      }
    }),
  );
});

test('single characters, and marks inside texts, are found as in the strings', () => {
  fc.assert(
    fc.property(texts, (list) => {
      const vocabulary = Vocabulary.fromTexts(list, 'tokens');
      const single = [...list.entries()].filter(([, each]) => [...each].length === 1);
      expect([...vocabulary.characters()]).toEqual(single.map(([id, each]) => [each.codePointAt(0), id]));
      expect(vocabulary.hasInside('▁')).toBe(list.some((each) => /[^▁]▁/.test(each)));
    }),
  );
});

test('the error for a repeated text names the place of the second', () => {
  expect(() => Vocabulary.fromTexts(['a', 'b', 'a'], 'tokens')).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: tokenizer: tokens[2] is a, needed is a text that 0 does not have]`,
  );
});

test('an id that a file skips has no text, and the empty text does not find it', () => {
  const vocabulary = Vocabulary.fromKeys(['a', 'c'], [0, 2], 'vocab');
  expect([vocabulary.size, vocabulary.text(1), vocabulary.id(''), vocabulary.id('c')]).toEqual([
    3,
    '',
    undefined,
    2,
  ]);
});
