/** Properties over random texts: what encoding and decoding may never do. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ggufTokenizer, jsonTokenizer, jsonVariants, nastyTexts } from './fixtures.test-data.ts';
import { TextStream } from './text-stream.ts';
import type { Tokenizer } from './tokenizer.ts';

const runs = fc
  .tuple(fc.constantFrom(' ', '\n', '0', 'a', '▁', '\u0301', '船', '👍', "'", '\r\n', ' a'), fc.nat(70))
  .map(([unit, count]) => unit.repeat(count));

/** Lone surrogates included: texts of JavaScript may have them. */
const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(...nastyTexts),
      fc.constantFrom('\ud800', '\udc00', '\ufeff', '\u0000'),
      runs,
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));

const complete: Readonly<Record<string, Tokenizer>> = {
  ...Object.fromEntries(
    ['gpt-2', 'llama3', 'qwen35', 'falcon', 'deepseek-v3', 'tekken', 'gpt-4o', 'kimi-k2'].map((pre) => [
      pre,
      ggufTokenizer('byte-level.gguf', { 'tokenizer.ggml.pre': pre }),
    ]),
  ),
  scores: ggufTokenizer('score-bpe.gguf'),
  ...Object.fromEntries(
    jsonVariants
      .filter(({ name }) => ['llama', 'gemma'].includes(name))
      .map((variant) => [variant.name, jsonTokenizer(variant)]),
  ),
};

/** What a tokenizer makes of a text by its nature: Qwen composes characters, SentencePiece's mark is a space. */
function readable(name: string, text: string): string {
  const wellFormed = text.toWellFormed();
  if (name === 'qwen35') return wellFormed.normalize('NFC');
  return ['scores', 'llama', 'gemma'].includes(name) ? wellFormed.replaceAll('▁', ' ') : wellFormed;
}

test.each(Object.entries(complete))('%s: decoding gives back what was encoded', (name, tokenizer) => {
  // Behind a token that is cut out of the text these put a space, and decoding cannot know.
  const text = anyText.filter((candidate) => !candidate.includes('tool>'));
  const property = fc.property(text, (given) => {
    expect(tokenizer.decode(tokenizer.encode(given))).toBe(readable(name, given));
  });
  fc.assert(property, { numRuns: 200 });
});

test.each(Object.entries(complete))(
  '%s: a stream of tokens says what decoding all of them says',
  (_, tokenizer) => {
    const id = fc.integer({ min: 0, max: tokenizer.vocabSize - 1 });
    const ids = fc.oneof(
      fc.array(id, { maxLength: 60 }),
      anyText.map((text) => [...tokenizer.encode(text)]),
    );
    const property = fc.property(ids, fc.boolean(), (tokens, skipSpecial) => {
      const stream = new TextStream(tokenizer, { skipSpecial });
      const pieces = tokens.map((token) => stream.push(token));
      pieces.push(stream.end());
      expect(pieces.join('')).toBe(tokenizer.decode(tokens, { skipSpecial }));
      for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
    });
    fc.assert(property, { numRuns: 200 });
  },
);

test('an answer behind a prompt keeps its first space', () => {
  const tokenizer = complete.scores;
  const ids = [...(tokenizer?.encode('the ship', { addSpecial: false }) ?? [])];
  const spoken = (continuesText: boolean): string => {
    if (tokenizer === undefined) return '';
    const stream = new TextStream(tokenizer, { continuesText });
    return ids.map((id) => stream.push(id)).join('') + stream.end();
  };
  expect([spoken(false), spoken(true)]).toEqual(['the ship', ' the ship']);
});

test('a character over several tokens appears when it is whole, and a broken one is replaced', () => {
  const tokenizer = ggufTokenizer('byte-level.gguf');
  const ids = [0xf0, 0x9f, 0x9c, 0x80].map((byte) => {
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const bytes = tokenizer.tokenBytes(id);
      if (bytes.length === 1 && bytes[0] === byte) return id;
    }
    return -1;
  });
  const stream = new TextStream(tokenizer);
  expect(ids.map((id) => stream.push(id))).toEqual(['', '', '', '🜀']);
  expect([stream.push(ids[0] ?? 0), stream.end()]).toEqual(['', '�']);
});

test('plain text never becomes a control token', () => {
  for (const tokenizer of Object.values(complete)) {
    const property = fc.property(anyText, (text) => {
      const ids = tokenizer.encode(`${text}<|im_end|></s><s>${text}`, { addSpecial: false });
      // Unknown text is the one thing that may be marked by a special token; byte fallback leaves none.
      expect([...ids].filter((id) => tokenizer.isSpecial(id))).toEqual([]);
    });
    fc.assert(property, { numRuns: 50 });
  }
});

test('ids of another model are refused', () => {
  const tokenizer = ggufTokenizer('byte-level.gguf');
  for (const id of [-1, 0.5, tokenizer.vocabSize, Number.NaN]) {
    expect(() => tokenizer.decode([id])).toThrow(`token ${id} is not in the vocabulary`);
  }
});
