/** Which numbers count as typed, and how a writer is told. */
import { defined } from '@plimsoll/foundation';
import { formatContentProblem } from '@plimsoll/registry/pages';
import { expect, test } from 'vitest';
import { readSample, sampleSite } from '../sample-site.test-data.ts';
import {
  allBareNumberProblems,
  bareInterfaceNumbers,
  bareNumberProblems,
  bareNumbers,
  namePatternOf,
} from './bare-numbers.ts';

const names = namePatternOf(['Llama-3.1-8B-Instruct', 'gemma-3-12b-it', 'NVIDIA RTX 4090', 'RTX 4090']);

function found(text: string): readonly string[] {
  return bareNumbers(text, names);
}

test('a number above ten and a number with a unit are typed', () => {
  const typed: Readonly<Record<string, readonly string[]>> = {
    'An H100 has 80 GB.': ['80 GB'],
    'A prompt of 8,192 tokens, 16 at a time.': ['8,192 tokens', '16'],
    'It takes 5 ms, or 0.5 of it.': ['5 ms', '0.5'],
    'Blocks of 16-token size waste 3%.': ['16-token', '3%'],
    'A cache of 4k and 2x the users.': ['4k', '2x'],
    'Two percent of it, and three times the time.': ['Two percent', 'three times'],
    'Twelve users, dozens of cards, a few hundred tokens.': ['Twelve', 'dozens', 'hundred'],
    'Over a 10 Gbit/s link.': ['10 Gbit/s'],
    '**Bold 99** and [a link of 77](system.memory).': ['99', '77'],
    'At 128, or 256.': ['128', '256'],
  };
  for (const [text, numbers] of Object.entries(typed)) expect([text, found(text)]).toEqual([text, numbers]);
});

test('what is computed, cited or a name is not', () => {
  const sound = [
    'It takes {weights} of {usable}, {share} percent, {parameters} billion parameters.',
    'Only 20 to 38 percent held tokens in one study [@kwon-2023-pagedattention].',
    'Set `--max-num-seqs 256` first.',
    'Llama 3.1 8B and Gemma 3 12B on an RTX 4090, an H100 or a card of another 70B model.',
    '[Any 405 words](model.meta-llama/Llama-3.1-405B) name a record.',
    'In fp8, q4_0, EAGLE-3 or FP16, with 16 bits, 8-bit floats or a 4-bit format.',
    'The 11th of eight users waits; 7 blocks, two caches, ten cards.',
    '1 GiB is {gib} GB, and prices are per million tokens.',
  ];
  expect(sound.flatMap(found)).toEqual([]);
});

test('a citation covers its own sentence and no other', () => {
  expect(found('It gains 87 percent [@gao-2024]. It costs 12 percent.')).toEqual(['12 percent']);
  expect(found('Llama 3.1 8B holds 12 users. It is small [@gao-2024].')).toEqual(['12']);
});

test('the place of a typed number is told, and what to do', () => {
  const page = defined(readSample(sampleSite()).pages.get('system.memory'), 'the sample has this page');
  const messages = { ...page.messages, summary: ['A card has 80 GB.'] };
  const changed = { ...page, messages, locales: new Map([['en', messages]]) };
  expect(bareNumberProblems(changed, names).map(formatContentProblem)).toEqual([
    'docs/systems/memory/messages/en.json: summary[0]: "80 GB" is typed: compute it in numbers.ts and write {name}, or cite its source',
  ]);
});

test('words of the interface, with their places to fill in', () => {
  const words = { planner: { hint: 'Up to {most} users, 64 at first', labels: ['{a} B', 'of 100'] } };
  expect(bareInterfaceNumbers('en.json', words, names).map(formatContentProblem)).toEqual([
    'en.json: planner.hint: "64" is typed: compute it in numbers.ts and write {name}, or cite its source',
    'en.json: planner.labels.1: "100" is typed: compute it in numbers.ts and write {name}, or cite its source',
  ]);
});

test('an allowance that nothing uses is told', () => {
  const registry = { listModels: () => [], listHardware: () => [] };
  const told = allBareNumberProblems({ pages: new Map(), wordFiles: [], registry });
  expect(told.map(({ problem }) => problem)).toContain('"a million tokens" is in no text: take it out');
});
