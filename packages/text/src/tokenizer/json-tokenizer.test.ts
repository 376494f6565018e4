import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { jsonConfig, jsonTokenizer, jsonVariants, nastyTexts, spaced } from './fixtures.test-data.ts';
import { tokenizerFromJson } from './json-tokenizer.ts';

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

// Without a decoder the library puts spaces between tokens, and the engine nothing.
const decoding = jsonVariants.filter(({ parts }) => parts.decoder !== undefined);

test.each(decoding)('$model, $name: the text of the tokenizers library', (variant) => {
  const tokenizer = jsonTokenizer(variant);
  // All spaces of a first token go in the library, one in the engine.
  const dropsFirstSpaces = variant.name.startsWith('metaspace') || variant.name.startsWith('unigram');
  for (const [index, text] of nastyTexts.entries()) {
    const ids = (variant.parsed[index] ?? '').split(' ').filter(Boolean).map(Number);
    const expected = variant.decoded[String(index)] ?? text;
    const seen = tokenizer.decode(ids);
    if (dropsFirstSpaces) expect(seen.trimStart()).toBe(expected.trimStart());
    else expect(seen).toBe(expected);
  }
});

const llama = jsonVariants.find(({ name }) => name === 'llama');

function llamaWith(tokenizerConfig: unknown, generationConfig?: unknown) {
  const tokenizer = jsonConfig(llama ?? { model: 'pieces', parts: {} });
  return tokenizerFromJson({ tokenizer, tokenizerConfig, generationConfig });
}

test('special tokens: by name, by the template, by generation_config.json, by what models call them', () => {
  const named = llamaWith(
    { bos_token: { content: '<s>' }, eos_token: '</s>', unk_token: '<unk>', pad_token: null },
    { eos_token_id: [2, 5] },
  ).specialTokens;
  expect({ ...named, endOfGeneration: [...named.endOfGeneration] }).toMatchInlineSnapshot(`
    {
      "addBos": true,
      "addEos": false,
      "bos": 1,
      "endOfGeneration": [
        5,
        3,
        2,
      ],
      "eos": 2,
      "eot": 5,
      "pad": null,
      "unknown": 0,
    }
  `);
});

test('add_bos_token and add_eos_token of the classes that build their own template', () => {
  const both = { tokenizer_class: 'LlamaTokenizerFast', bos_token: '<s>', eos_token: '</s>' };
  const ends = (config: unknown): string => {
    const ids = [...llamaWith(config).encode('hello')];
    return `${ids[0] === 1 ? '<s>' : ''}...${ids.at(-1) === 2 ? '</s>' : ''}`;
  };
  expect([
    ends(both),
    ends({ ...both, add_bos_token: false }),
    ends({ ...both, add_bos_token: true, add_eos_token: true }),
    ends({ ...both, tokenizer_class: 'PreTrainedTokenizerFast', add_bos_token: false }),
  ]).toEqual(['<s>...', '...', '<s>...</s>', '<s>...']);
});

function refusal(changes: Record<string, unknown>): string {
  const config = { ...jsonConfig(llama ?? { model: 'pieces', parts: {} }), ...changes };
  try {
    tokenizerFromJson({ tokenizer: config });
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

function nested(depth: number): unknown {
  return depth === 0 ? { type: 'Digits' } : { type: 'Sequence', pretokenizers: [nested(depth - 1)] };
}

const bpe = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] };
const split = (pattern: unknown): unknown => ({
  type: 'Split',
  pattern,
  behavior: 'Isolated',
  invert: false,
});

test('files that cannot be used say what and where', () => {
  expect([
    refusal({ model: { ...bpe, type: 'WordPiece' } }),
    refusal({ model: { ...bpe, vocab: [] } }),
    refusal({ model: { ...bpe, vocab: { a: 0, b: 0 } } }),
    refusal({ model: { ...bpe, vocab: { a: 1e9 } } }),
    refusal({ model: { ...bpe, vocab: { a: -1 } } }),
    refusal({ model: { ...bpe, merges: ['ab'] } }),
    refusal({ model: { ...bpe, merges: ['b a'] } }),
    refusal({ model: { ...bpe, merges: [['a', 7]] } }),
    refusal({ model: { ...bpe, dropout: 0.1 } }),
    refusal({ model: { type: 'Unigram', vocab: [['a', 'b']] } }),
    refusal({ pre_tokenizer: { type: 'UnicodeScripts' } }),
    refusal({ pre_tokenizer: nested(40) }),
    refusal({ pre_tokenizer: split({ Regex: '(a' }) }),
    refusal({ pre_tokenizer: split({ Regex: 'a\\K' }) }),
    refusal({ pre_tokenizer: split({ Regex: '['.repeat(100) }) }),
    refusal({ pre_tokenizer: split({}) }),
    refusal({ normalizer: { type: 'Precompiled', precompiled_charsmap: '!' } }),
    refusal({ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }),
    refusal({ decoder: { type: 'CTC' } }),
    refusal({
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: 'x' } }],
        special_tokens: {},
      },
    }),
    refusal({ added_tokens: [{ id: 5, content: 'x'.repeat(2000) }] }),
    refusal({ added_tokens: 'none' }),
  ]).toMatchInlineSnapshot(`
    [
      "tokenizer-unsupported: tokenizer: model WordPiece at tokenizer.json.model is not supported",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.vocab is [], needed is an object",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.vocab "b" is 0, needed is an id that "a" does not have",
      "tokenizer-limit: tokenizer.json.model.vocab "a": 1000000001 is more than a tokenizer may have",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.vocab "a" is -1, needed is a whole number from 0",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.merges[0] is ab, needed is two texts, or one with a space between its parts",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.merges[0] is b a, needed is two parts and a whole of the vocabulary",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.merges[0] is ["a",7], needed is two texts, or one with a space between its parts",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.dropout is 0.1, needed is absent: encoding is not a lottery",
      "tokenizer-invalid: tokenizer: tokenizer.json.model.vocab[0] is ["a","b"], needed is a text and its score",
      "tokenizer-unsupported: tokenizer: pre-tokenizer UnicodeScripts at tokenizer.json.pre_tokenizer is not supported",
      "tokenizer-invalid: tokenizer: tokenizer.json.pre_tokenizer.pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].pretokenizers[0].type is Sequence, needed is a sequence that is not nested this deeply",
      "tokenizer-pattern: tokenizer: the pattern (a uses a group without an end near character 2, which Plimsoll does not support",
      "tokenizer-pattern: tokenizer: the pattern a\\K uses \\K near character 3, which Plimsoll does not support",
      "tokenizer-pattern: tokenizer: the pattern [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ uses groups nested this deeply near character 33, which Plimsoll does not support",
      "tokenizer-invalid: tokenizer: tokenizer.json.pre_tokenizer.pattern.Regex is null, needed is a text",
      "tokenizer-invalid: tokenizer: tokenizer.json.normalizer.precompiled_charsmap is !, needed is base64",
      "tokenizer-invalid: tokenizer: size of the precompiled trie is 0, needed is less than 3, in units of 4",
      "tokenizer-unsupported: tokenizer: decoder CTC at tokenizer.json.decoder is not supported",
      "tokenizer-invalid: tokenizer: tokenizer.json.post_processor.special_tokens.x is null, needed is an object",
      "tokenizer-limit: added token 5: 2001 is more than a tokenizer may have",
      "tokenizer-invalid: tokenizer: tokenizer.json.added_tokens is none, needed is a list",
    ]
  `);
});
