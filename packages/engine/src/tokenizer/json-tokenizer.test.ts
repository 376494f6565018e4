import { expect, test } from 'vitest';
import { jsonTokenizer, jsonVariants, nastyTexts, spaced } from './fixtures.test-data.ts';

test.each(jsonVariants)('$model, $name: the ids of the tokenizers library', (variant) => {
  const tokenizer = jsonTokenizer(variant);
  for (const [index, text] of nastyTexts.entries()) {
    const parsed = variant.parsed[index];
    const shown = { text, parsed: spaced(tokenizer.encode(text, { parseSpecial: true })) };
    expect(shown).toEqual({ text, parsed });
    const plain = { text, plain: spaced(tokenizer.encode(text)) };
    expect(plain).toEqual({ text, plain: variant.plain[String(index)] ?? parsed });
  }
});
