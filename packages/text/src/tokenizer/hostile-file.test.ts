/** tokenizer.json and what it carries, damaged at random or made to be large: a tokenizer, or a typed error. */
import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonConfig, jsonVariants } from './fixtures.test-data.ts';
import { JsonReader } from './json-reader.ts';
import { tokenizerFromJson } from './json-tokenizer.ts';
import { readNormalizer } from './normalize/normalizer.ts';

function outcome(act: () => unknown): string {
  try {
    act();
    return 'fine';
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}

const text = 'Hello wörld  12345 <s> 日本語 aaaa\n';

function read(tokenizer: unknown): string {
  return outcome(() => {
    const read = tokenizerFromJson({ tokenizer });
    read.decode(read.encode(text, { parseSpecial: true }));
  });
}

const bpe = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] };
const replace = { type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(256) };

test('files that ask for more than their size', () => {
  let nested: unknown = 'x';
  for (let level = 0; level < 100_000; level++) nested = [nested];
  const files = {
    farId: { model: { ...bpe, vocab: { a: 8_000_000 } } },
    farAddedToken: { model: bpe, added_tokens: [{ id: 8_000_000, content: 'x' }] },
    longToken: { model: { ...bpe, vocab: { ['a'.repeat(10_000)]: 0 } } },
    idAroundTexts: {
      model: bpe,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: 'x' } }, { Sequence: {} }],
        special_tokens: { x: { ids: [70_000] } },
      },
    },
    manySteps: {
      model: bpe,
      normalizer: { type: 'Sequence', normalizers: new Array(1000).fill({ type: 'NFC' }) },
    },
    growingText: { model: bpe, normalizer: { type: 'Sequence', normalizers: new Array(8).fill(replace) } },
    growingTokens: {
      model: bpe,
      decoder: { type: 'Sequence', decoders: new Array(3).fill(replace) },
      added_tokens: [{ id: 3, content: 'aaa' }],
    },
    deepValue: { model: { ...bpe, merges: nested } },
    deepVocabulary: { model: { ...bpe, vocab: nested } },
    unknownId: { model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 7 } },
    longReplacement: { model: bpe, normalizer: { ...replace, pattern: { String: 'a'.repeat(1000) } } },
  };
  expect(
    Object.fromEntries(Object.entries(files).map(([name, file]) => [name, read(file)])),
  ).toMatchInlineSnapshot(`
    {
      "deepValue": "tokenizer-invalid",
      "deepVocabulary": "tokenizer-invalid",
      "farAddedToken": "tokenizer-invalid",
      "farId": "tokenizer-invalid",
      "growingText": "tokenizer-limit",
      "growingTokens": "tokenizer-limit",
      "idAroundTexts": "tokenizer-invalid",
      "longReplacement": "tokenizer-limit",
      "longToken": "tokenizer-limit",
      "manySteps": "tokenizer-limit",
      "unknownId": "tokenizer-invalid",
    }
  `);
});

const wrong = fc.constantFrom<unknown>(
  ...[null, true, -1, 0.5, 2 ** 31, 1e300, '', 'a', '\ud800', [], {}, [[]], ['a', 'b'], { type: 'Sequence' }],
);

/** The value with one part of it replaced, by a path of random turns. */
function damaged(value: unknown, turns: readonly number[], by: unknown): unknown {
  const [turn, ...rest] = turns;
  if (turn === undefined || typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  const key = keys[turn % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const inner = damaged((value as Readonly<Record<string, unknown>>)[key], rest, by);
  if (Array.isArray(value)) return value.with(Number(key), inner);
  return { ...value, [key]: inner };
}

test('files with one wrong value', () => {
  const files = jsonVariants.map(jsonConfig);
  const property = fc.property(
    fc.constantFrom(...files),
    fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
    wrong,
    (file, turns, by) => void read(damaged(file, turns, by)),
  );
  fc.assert(property, { numRuns: 400 });
});

test('a precompiled map of random bytes ends', () => {
  const property = fc.property(
    fc.uint8Array({ minLength: 0, maxLength: 400 }),
    fc.nat(60),
    (bytes, units) => {
      const blob = Uint8Array.from([4 * units, 0, 0, 0, ...bytes]);
      const charsmap = btoa(String.fromCharCode(...blob));
      const config = new JsonReader({ type: 'Precompiled', precompiled_charsmap: charsmap }, 'normalizer');
      outcome(() => readNormalizer(config)(`${text}\u0000é\u0301`));
    },
  );
  fc.assert(property, { numRuns: 500 });
});
