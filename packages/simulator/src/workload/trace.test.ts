import { PlimsollError } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { describe, expect, test } from 'vitest';
import { readTrace } from './trace.ts';

const azure = `TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
`;
const mooncake = `{"timestamp": 27482, "input_length": 1100, "output_length": 52, "hash_ids": [46, 47, 48]}
{"created_time": 30000, "input_tokens": 512, "output_tokens": 3, "hash_ids": [46]}
`;

test.each([
  ['Azure 2023', azure],
  ['Azure 2024', 'TIMESTAMP,ContextTokens,GeneratedTokens\r\n2024-05-10 00:00:00.009930+00:00,2162,5\r\n'],
  [
    'BurstGPT',
    'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,10,0,10,API log\n',
  ],
  [
    'BurstGPT with sessions',
    'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,a,1,ChatGPT,472,18,490,API log\n',
  ],
  ['own, out of order', 'timestamp_ms,prompt_tokens,output_tokens,session\n2500,30,4,b\n500,20,7,a\n'],
  ['Mooncake, with aliases', mooncake],
  [
    'Bailian',
    '{"chat_id": 1, "parent_chat_id": -1, "timestamp": 61.5, "input_length": 40, "output_length": 9, "type": "text", "turn": 1, "hash_ids": [7, 8, 9]}\n',
  ],
])('%s', (_name, text) => {
  expect(readTrace(text, 'trace')).toMatchSnapshot();
});

describe('bad rows name file, line and field', () => {
  test.each([
    ['negative tokens', `${azure}2023-11-16 18:17:05,-3,1\n`],
    ['no number', `${azure}2023-11-16 18:17:05,many,1\n`],
    ['no date', `${azure}yesterday,3,1\n`],
    ['a missing cell', `${azure}2023-11-16 18:17:05,3\n`],
    ['no JSON', `${mooncake}{"timestamp": \n`],
    ['hash ids that are none', mooncake.replace('[46]', '"46"')],
    ['an unknown header', 'when,how much\n1,2\n'],
    ['unknown fields', '{"a": 1}\n'],
    ['no requests', 'timestamp_ms,prompt_tokens,output_tokens\n'],
  ])('%s', (_name, text) => {
    expect(() => readTrace(text, 'trace.csv')).toThrowErrorMatchingSnapshot();
  });
});

test('bad rows are counted and left out on request', () => {
  const { rows, skipped } = readTrace(`${azure}x,y,z\n,,\n`, 'trace.csv', true);
  expect([rows.length, skipped]).toEqual([2, 2]);
});

test('broken bytes end in a typed error or in rows', () => {
  const random = seededRandom(Number(process.env.PLIMSOLL_SEED ?? 1));
  for (let round = 0; round < 500; round++) {
    const source = random() < 0.5 ? azure : mooncake;
    const at = randomInteger(random, 0, source.length);
    const text =
      source.slice(0, at) + String.fromCharCode(randomInteger(random, 0, 300)) + source.slice(at + 1);
    for (const skips of [false, true]) {
      try {
        for (const { prompt, outputTokens } of readTrace(text, 'trace', skips).rows) {
          expect(prompt.length).toBeGreaterThan(0);
          expect(outputTokens).toBeGreaterThan(0);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(PlimsollError);
      }
    }
  }
});
