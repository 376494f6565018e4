import { expect, test } from 'vitest';
import { readingGrade, sentencesOf, syllableCount, wordsOf } from './reading-level.ts';

/** Syllables as dictionaries divide these words. */
const syllables = `
1 cache weights used reads these whole while one are once size time times queue queues called filled stopped through fire
2 model server token table handled handles loaded needed create client engine bandwidth people layer being quiet science
2 million values places pages batches sizes every something reuse little simple reused called-for decode hardware throughput
3 memory ratio actual latency precision idea area video theory devices prefixes scheduler multiple example
4 conversation attention-based arithmetic allocated capacity fragmentation inference-time experience available mechanism
4 quantization usually
`.trim();

test('syllables', () => {
  const wrong = syllables.split('\n').flatMap((line) => {
    const [count, ...words] = line.split(' ');
    return words
      .filter((word) => !word.includes('-') && syllableCount(word) !== Number(count))
      .map((word) => `${word} ${syllableCount(word)}`);
  });
  expect(wrong).toEqual([]);
});

test('a name or a number counts one', () => {
  expect(['GPU', '8B', '131,072', 'KV', 'a'].map(syllableCount)).toEqual([1, 1, 1, 1, 1]);
});

test('sentences end at a point before a capital, and not within a name', () => {
  expect(sentencesOf('Llama 3.1 8B fits. It does, e.g. here! Does "it"? 64 users do.')).toEqual([
    'Llama 3.1 8B fits.',
    'It does, e.g. here!',
    'Does "it"?',
    '64 users do.',
  ]);
});

test('spaces and hyphens separate words', () => {
  expect(wordsOf("A first-token wait of 131,072 bytes – the user's.")).toEqual([
    'A',
    'first',
    'token',
    'wait',
    'of',
    '131,072',
    'bytes',
    'the',
    "user's",
  ]);
});

test('the grade is that of the formula', () => {
  // Six words of one syllable: 0.39 * 6 + 11.8 - 15.59.
  expect(readingGrade(['The cat sat on the mat.'])).toBeCloseTo(-1.45, 10);
  // Ten words, 24 syllables.
  const hard = 'Memory fragmentation limits available capacity in every serving installation considerably.';
  expect(readingGrade([hard])).toBeGreaterThan(16);
  expect(readingGrade([])).toBe(0);
});
