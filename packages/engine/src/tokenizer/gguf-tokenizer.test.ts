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
  // Behind a token that is cut out of the text, sentencepiece puts no space and llama.cpp does, as Hugging Face's
  // conversion of Llama 2 (`Prepend`) does too. The engine does as they do.
  const texts = nastyTexts.filter((text) => !text.includes('<tool>'));
  const ids = texts.map((text) => [text, spaced(tokenizer.encode(text, { addSpecial: false }))]);
  const expected = texts.map((text) => [text, scoreBpeIds.ids[nastyTexts.indexOf(text)]]);
  expect(Object.fromEntries(ids)).toEqual(Object.fromEntries(expected));
});
