import { expect, test } from 'vitest';
import { byteLevelIds, ggufTokenizer, nastyTexts, scoreBpeIds, spaced } from './fixtures.test-data.ts';

test.each(Object.keys(byteLevelIds))('pre-tokenizer %s gives the ids of the tokenizers library', (pre) => {
  const tokenizer = ggufTokenizer('byte-level.gguf', { 'tokenizer.ggml.pre': pre });
  const ids = nastyTexts.map((text) =>
    spaced(tokenizer.encode(text, { addSpecial: false, parseSpecial: true })),
  );
  const expected = byteLevelIds[pre] ?? [];
  expect(Object.fromEntries(nastyTexts.map((text, index) => [text, ids[index]]))).toEqual(
    Object.fromEntries(nastyTexts.map((text, index) => [text, expected[index]])),
  );
});

test('a vocabulary with scores gives the ids of sentencepiece', () => {
  const tokenizer = ggufTokenizer('score-bpe.gguf');
  const ids = nastyTexts.map((text) => spaced(tokenizer.encode(text, { addSpecial: false })));
  expect(Object.fromEntries(nastyTexts.map((text, index) => [text, ids[index]]))).toEqual(
    Object.fromEntries(nastyTexts.map((text, index) => [text, scoreBpeIds.ids[index]])),
  );
});
