/** Texts that make tokenizers slow: long runs that every pattern must get past in about linear time. */
import { expect, test } from 'vitest';
import { ggufTokenizer, jsonTokenizer, jsonVariants } from './fixtures.test-data.ts';
import { ggufPreTokenizer } from './pre-tokenize/gguf-pre-tokenizers.ts';
import { runPreTokenizer } from './pre-tokenize/pre-tokenizer.ts';

const length = 50_000;
const units = [
  'a',
  ' ',
  '1',
  '\n',
  '!',
  '汉',
  'A',
  'aA',
  '\u0301',
  'é',
  '👍',
  "'",
  ' a',
  '\r\n ',
  '▁',
  '\t',
  'ab',
];
// A different end makes a pattern that reached it give everything back.
const texts = units.map((unit) => `${unit.repeat(length / unit.length)}x\u0000`);

/**
 * Milliseconds that all texts together may take. The machine may be busy, and quadratic time would be a minute: one text
 * is 2.5 x 10^9 steps then.
 */
const timeMsMax = 20_000;

function timeMs(act: (text: string) => number): number {
  const start = performance.now();
  for (const text of texts) expect(act(text)).toBeGreaterThan(0);
  return performance.now() - start;
}

const patterns = [
  'llama3',
  'qwen2',
  'qwen35',
  'gpt-2',
  'smollm',
  'falcon',
  'default',
  'deepseek-llm',
  'deepseek-coder',
  'deepseek-v3',
  'tekken',
  'gpt-4o',
  'kimi-k2',
  'seed-coder',
  'bailingmoe',
  'exaone-moe',
  'bloom',
  'gemma4',
];

test.each(patterns)('pre-tokenizer %s', (name) => {
  const { preTokenizer } = ggufPreTokenizer(name);
  const timeTaken = timeMs((text) => runPreTokenizer(preTokenizer, text, true).length);
  expect(timeTaken).toBeLessThan(timeMsMax);
});

test('merges, scores and Unigram', () => {
  const tokenizers = [
    ggufTokenizer('byte-level.gguf', { 'tokenizer.ggml.pre': 'bloom' }),
    ggufTokenizer('score-bpe.gguf'),
    ...jsonVariants.filter(({ name, model }) => name === model).map(jsonTokenizer),
  ];
  for (const tokenizer of tokenizers) {
    expect(timeMs((text) => tokenizer.encode(text).length)).toBeLessThan(timeMsMax);
  }
});

test('a text beyond the limit is refused before anything is done with it', () => {
  const tokenizer = ggufTokenizer('byte-level.gguf');
  expect(() => tokenizer.encode('x'.repeat(16_777_217))).toThrow('text to encode: 16777217 is more');
});
