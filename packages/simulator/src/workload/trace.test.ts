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

const request = (fields: object): object => ({
  type: 's',
  model: 'm',
  in: 256,
  out: 20,
  api_time: 2,
  ...fields,
});
/** A parent that starts a subagent of two requests, and waits for it. */
const conversation = {
  id: 'a',
  models: ['m'],
  block_size: 64,
  hash_id_scope: 'local',
  tool_tokens: 0,
  system_tokens: 0,
  requests: [
    request({ t: 0, in: 200, hash_ids: [1, 2, 3, 4] }),
    {
      t: 3,
      type: 'subagent',
      requests: [request({ t: 3.5, hash_ids: [9, 10] }), request({ t: 7, hash_ids: [9, 10, 11] })],
    },
    request({ t: 10, hash_ids: [1, 2, 3, 5], out: 0, think_time: 8 }),
  ],
};
const ccTraces = `${JSON.stringify(conversation)}\n${JSON.stringify({ ...conversation, id: 'b', requests: [request({ t: 0, hash_ids: [1] })] })}\n`;

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
    '{"chat_id": 1, "parent_chat_id": -1, "timestamp": 61.5, "input_length": 40, "output_length": 9, "type": "text", "turn": 1, "hash_ids": [7, 8, 9]}\n{"chat_id": 2, "parent_chat_id": 1, "timestamp": 70, "input_length": 60, "output_length": 9, "type": "text", "turn": 2, "hash_ids": [7, 8, 10]}\n',
  ],
  [
    'own, with sessions and a shared prefix',
    'timestamp_ms,prompt_tokens,output_tokens,session,prefix_group,prefix_tokens\n0,100,10,a,3,64\n900,150,20,a,3,64\n950,80,5,,,\n',
  ],
  ['lengths alone', 'prompt_tokens,output_tokens\n512,100\n20,7\n'],
  [
    'Mooncake sessions of turns',
    '{"session_id": "s", "timestamp": 1000, "input_length": 300, "output_length": 40}\n{"session_id": "s", "delay": 2500, "input_length": 20, "output_length": 30}\n{"session_id": "t", "timestamp": 1100, "input_length": 10, "output_length": 5}\n{"session_id": "s", "delay_ms": 100, "input_length": 7, "output_length": 1}\n',
  ],
  [
    'Mooncake sessions of whole prompts',
    '{"session_id": "s", "timestamp": 0, "input_length": 600, "output_length": 40, "hash_ids": [4, 5]}\n{"session_id": "s", "timestamp": 4000, "input_length": 1100, "output_length": 30, "hash_ids": [4, 6, 7]}\n',
  ],
  ['cc-traces', ccTraces],
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
    [
      'a session that runs backwards',
      'timestamp_ms,prompt_tokens,output_tokens,session\n500,20,7,a\n400,30,4,a\n',
    ],
    ['a prefix without a length', 'timestamp_ms,prompt_tokens,output_tokens,prefix_group\n0,20,7,1\n'],
    [
      'a negative delay',
      '{"session_id": 1, "timestamp": 0, "input_length": 9, "output_length": 1}\n{"session_id": 1, "delay": -5, "input_length": 9, "output_length": 1}\n',
    ],
    ['a bad request of a subagent', ccTraces.replace('"t":7', '"t":"soon"')],
    ['an unknown kind of request', ccTraces.replace('"type":"s"', '"type":"x"')],
    ['ids of an unknown scope', ccTraces.replace('"local"', '"galaxy"')],
    ['ShareGPT, which has no lengths', '[{"id": "a", "conversations": [{"from": "human", "value": "hi"}]}]'],
  ])('%s', (_name, text) => {
    expect(() => readTrace(text, 'trace.csv')).toThrowErrorMatchingSnapshot();
  });
});

test('a conversation in a file of its own, or in an array, reads like a line', () => {
  const [first] = ccTraces.split('\n');
  const line = readTrace(first ?? '', 'trace.json');
  expect(readTrace(JSON.stringify(conversation, null, 2), 'trace.json')).toEqual(line);
  expect(readTrace(`[${first}]`, 'trace.json')).toEqual(line);
  expect(() => readTrace(`[${first}, 7]`, 'trace.json')).toThrow('trace.json: object 2: line: is no object');
});

test('subagents with times of their own read like those with times of the conversation', () => {
  const raw = ccTraces.replace('"t":3.5', '"t":0.5').replace('"t":7', '"t":4');
  expect(readTrace(raw, 'trace.jsonl')).toEqual(readTrace(ccTraces, 'trace.jsonl'));
});

test('bad rows are counted and left out on request', () => {
  const { rows, skipped } = readTrace(`${azure}x,y,z\n,,\n`, 'trace.csv', true);
  expect([rows.length, skipped]).toEqual([2, 2]);
});

test('broken bytes end in a typed error or in rows', () => {
  const random = seededRandom(Number(process.env.PLIMSOLL_SEED ?? 1));
  for (let round = 0; round < 500; round++) {
    const source = [azure, mooncake, ccTraces][randomInteger(random, 0, 3)] ?? '';
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
