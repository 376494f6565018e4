import { PlimsollError } from '@plimsoll/foundation';
import type { GgufValue } from '@plimsoll/model-files/gguf';
import { ggufArray, ggufScalar, ggufString, ggufUint32 } from '@plimsoll/model-files/writing';
import { expect, test } from 'vitest';
import { byteLevelIds, ggufTokenizer, nastyTexts, scoreBpeIds, spaced } from './fixtures.test-data.ts';
import { tokenizerFromGguf } from './gguf-tokenizer.ts';
import { ggufPreTokenizer, ggufPreTokenizerNames } from './pre-tokenize/gguf-pre-tokenizers.ts';

test.each(Object.keys(byteLevelIds))('pre-tokenizer %s gives the ids of the tokenizers library', (pre) => {
  const tokenizer = ggufTokenizer('byte-level.gguf', { 'tokenizer.ggml.pre': pre });
  const expected = byteLevelIds[pre] ?? [];
  for (const [index, text] of nastyTexts.entries()) {
    const ids = spaced(tokenizer.encode(text, { addSpecial: false, parseSpecial: true }));
    expect({ text, ids }).toEqual({ text, ids: expected[index] });
  }
});

test('every pre-tokenizer that the table names can be made', () => {
  for (const name of ggufPreTokenizerNames) ggufPreTokenizer(name);
  expect(new Set(ggufPreTokenizerNames).size).toBe(ggufPreTokenizerNames.length);
});

test('a vocabulary with scores gives the ids of sentencepiece', () => {
  const tokenizer = ggufTokenizer('score-bpe.gguf');
  for (const [index, text] of nastyTexts.entries()) {
    // Behind a token that is cut out of the text, sentencepiece puts no space and llama.cpp does, as Hugging Face's
    // conversion of Llama 2 (`Prepend`) does too. The engine does as they do.
    if (text.includes('<tool>')) continue;
    const ids = spaced(tokenizer.encode(text, { addSpecial: false }));
    expect({ text, ids }).toEqual({ text, ids: scoreBpeIds.ids[index] });
  }
});

const words = [
  '<unk>',
  '<s>',
  '</s>',
  '▁',
  'a',
  'b',
  '▁a',
  'ab',
  '▁ab',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<0x0A>',
];
const types = [2, 3, 3, 1, 1, 1, 1, 1, 1, 3, 3, 3, 6];

function tiny(changes: Readonly<Record<string, GgufValue | undefined>> = {}) {
  const all: Readonly<Record<string, GgufValue | undefined>> = {
    'tokenizer.ggml.model': ggufString('llama'),
    'tokenizer.ggml.tokens': ggufArray('string', words),
    'tokenizer.ggml.scores': ggufArray(
      'float32',
      words.map((_, index) => -index),
    ),
    'tokenizer.ggml.token_type': ggufArray('int32', types),
    ...changes,
  };
  const entries = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return tokenizerFromGguf(new Map(entries));
}

test('special tokens where the file is silent, and where it speaks', () => {
  const silent = tiny().specialTokens;
  expect({ ...silent, endOfGeneration: [...silent.endOfGeneration] }).toMatchInlineSnapshot(`
    {
      "addBos": true,
      "addEos": false,
      "bos": 1,
      "endOfGeneration": [
        10,
        11,
        2,
      ],
      "eos": 2,
      "eot": 9,
      "pad": null,
      "unknown": 0,
    }
  `);
  const told = tiny({
    'tokenizer.ggml.bos_token_id': ggufUint32(4_294_967_295),
    'tokenizer.ggml.eos_token_id': ggufUint32(9),
    'tokenizer.ggml.add_bos_token': ggufScalar('bool', false),
    'tokenizer.ggml.add_eos_token': ggufScalar('bool', true),
    'tokenizer.ggml.add_space_prefix': ggufScalar('bool', false),
  });
  expect(spaced(told.encode('a ab'))).toBe('4 8 9');
  expect(spaced(tiny().encode('a ab\n<s>'))).toBe('1 6 8 12 0');
  expect(spaced(tiny().encode('a<s> b', { parseSpecial: true }))).toBe('1 6 1 3 3 5');
});

test('the control tokens of Phi-3 take the white space behind them', () => {
  const phi = tiny({ 'general.name': ggufString('Phi-3 mini') });
  expect(spaced(phi.encode('a<|end|>\n a', { parseSpecial: true, addSpecial: false }))).toBe('6 9 6');
});

function refusal(changes: Readonly<Record<string, GgufValue | undefined>>): string {
  try {
    tiny(changes);
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

test('files that cannot be used say what and where', () => {
  const gpt2 = { 'tokenizer.ggml.model': ggufString('gpt2'), 'tokenizer.ggml.pre': ggufString('gpt-2') };
  expect([
    refusal({ 'tokenizer.ggml.model': undefined }),
    refusal({ 'tokenizer.ggml.model': ggufString('bert') }),
    refusal({ 'tokenizer.ggml.tokens': undefined }),
    refusal({ 'tokenizer.ggml.tokens': ggufArray('string', ['a', 'a']) }),
    refusal({ 'tokenizer.ggml.tokens': { type: 'array', elementType: 'string', length: 9, values: null } }),
    refusal({ 'tokenizer.ggml.tokens': ggufArray('int32', [1, 2]) }),
    refusal({ 'tokenizer.ggml.scores': undefined }),
    refusal({ 'tokenizer.ggml.token_type': ggufArray('int32', [1]) }),
    refusal({ 'tokenizer.ggml.add_bos_token': ggufString('yes') }),
    refusal(gpt2),
    refusal({ ...gpt2, 'tokenizer.ggml.merges': ggufArray('string', ['a c']) }),
    refusal({ ...gpt2, 'tokenizer.ggml.pre': ggufString('no-such') }).slice(0, 100),
  ]).toMatchInlineSnapshot(`
    [
      "tokenizer-unsupported: tokenizer: tokenizer.ggml.model is "absent", which is not supported",
      "tokenizer-unsupported: tokenizer: tokenizer.ggml.model is "bert", which is not supported",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.tokens is absent, needed is the list of tokens",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.tokens[1] is a, needed is a text that 0 does not have",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.tokens is left out by the reader (9 elements), needed is readGgufModel with { arrays: 'all' }",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.tokens is a list of int32, needed is a list of texts",
      "tokenizer-invalid: tokenizer: length of tokenizer.ggml.scores is 0, needed is at least 13",
      "tokenizer-invalid: tokenizer: length of tokenizer.ggml.token_type is 1, needed is at least 13",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.add_bos_token is string, needed is true or false",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.merges is absent, needed is the list of merges",
      "tokenizer-invalid: tokenizer: tokenizer.ggml.merges[0] is a c, needed is two parts and a whole of the vocabulary",
      "tokenizer-unsupported: tokenizer: tokenizer.ggml.pre is "no-such", which is not known here",
    ]
  `);
});
