/** Splitting answers into reasoning, content and calls, whatever the pieces in which their text arrives. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AnswerParts } from './chat-generation.ts';
import { toolStyleOf } from './chat-tools.ts';
import { OutputReader, type OutputReaderOptions } from './output-reader.ts';

const { form: hermes } = toolStyleOf('{% if tools %}<tool_call>{% endif %}');
const { form: llama } = toolStyleOf('{% if tools %}<|python_tag|>{% endif %}');
const marked: OutputReaderOptions = {
  reasoning: 'marked',
  calls: hermes,
  callsMax: Number.POSITIVE_INFINITY,
  streamsCalls: false,
};

function read(pieces: readonly string[], options: OutputReaderOptions) {
  const reader = new OutputReader(options);
  const answer = new AnswerParts();
  for (const piece of pieces) answer.add(reader.push(piece));
  answer.add(reader.end());
  const { reasoning, content, calls } = answer;
  return { reasoning, content, calls: calls.map(({ name, arguments: given }) => `${name} ${given}`) };
}

const call = '<tool_call>\n{"name": "sail", "arguments": {"knots": 5}}\n</tool_call>';

test.each<[string, Partial<OutputReaderOptions>, ReturnType<typeof read>]>([
  ['plain < text', {}, { reasoning: '', content: 'plain < text', calls: [] }],
  ['<think>\nhm\n</think>\n\nyes', {}, { reasoning: 'hm', content: 'yes', calls: [] }],
  ['hm</think>yes', { reasoning: 'inside' }, { reasoning: 'hm', content: 'yes', calls: [] }],
  ['never ends', { reasoning: 'inside' }, { reasoning: 'never ends', content: '', calls: [] }],
  ['a <think>b</think>', {}, { reasoning: '', content: 'a <think>b</think>', calls: [] }],
  [call, {}, { reasoning: '', content: '', calls: ['sail {"knots":5}'] }],
  [
    `I sail.\n${call}\n${call}`,
    {},
    { reasoning: '', content: 'I sail.', calls: ['sail {"knots":5}', 'sail {"knots":5}'] },
  ],
  [`${call}${call}`, { callsMax: 1 }, { reasoning: '', content: '', calls: ['sail {"knots":5}'] }],
  [`<think>go</think>${call}`, {}, { reasoning: 'go', content: '', calls: ['sail {"knots":5}'] }],
  [call.slice(0, -12), {}, { reasoning: '', content: '', calls: ['sail {"knots":5}'] }],
  [
    '<tool_call>no json</tool_call>',
    {},
    { reasoning: '', content: '<tool_call>no json</tool_call>', calls: [] },
  ],
  [call, { calls: null }, { reasoning: '', content: call, calls: [] }],
  [
    '{"name": "a", "parameters": {"b": "};{"}}; {"name": "c", "parameters": {}}',
    { calls: llama },
    { reasoning: '', content: '', calls: ['a {"b":"};{"}', 'c {}'] },
  ],
  ['{"a": 1}', { calls: llama }, { reasoning: '', content: '{"a": 1}', calls: [] }],
  ['text', { calls: llama }, { reasoning: '', content: 'text', calls: [] }],
])('%j %j', (text, options, expected) => {
  expect(read([text], { ...marked, ...options })).toEqual(expected);
  expect(read([...text], { ...marked, ...options })).toEqual(expected);
});

const streamed: OutputReaderOptions = { ...marked, streamsCalls: true };

test.each<[string, Partial<OutputReaderOptions>, ReturnType<typeof read>]>([
  [call, {}, { reasoning: '', content: '', calls: ['sail {"knots": 5}'] }],
  [
    `I sail.\n${call}\n${call}`,
    {},
    { reasoning: '', content: 'I sail.', calls: ['sail {"knots": 5}', 'sail {"knots": 5}'] },
  ],
  [`${call}${call}`, { callsMax: 1 }, { reasoning: '', content: '', calls: ['sail {"knots": 5}'] }],
  [
    '<tool_call>{"arguments": {"knots": 5}, "name": "sail"}</tool_call>ahoy',
    {},
    { reasoning: '', content: 'ahoy', calls: ['sail {"knots":5}'] },
  ],
  [
    '<tool_call>no json</tool_call>',
    {},
    { reasoning: '', content: '<tool_call>no json</tool_call>', calls: [] },
  ],
  [
    '<tool_call>{"name": "a", "arguments": {"text": "}\\"]<"}}</tool_call>b',
    {},
    { reasoning: '', content: 'b', calls: ['a {"text": "}\\"]<"}'] },
  ],
  // Arguments that are no JSON stay as they are, and the marker ends them.
  [
    '<tool_call>{"name": "a", "arguments": {x</tool_call>b',
    {},
    { reasoning: '', content: 'b', calls: ['a {x'] },
  ],
  [
    '<tool_call>{"name": "\\x", "arguments": {}}</tool_call>',
    {},
    {
      reasoning: '',
      content: '<tool_call>{"name": "\\x", "arguments": {}}</tool_call>',
      calls: [],
    },
  ],
  [
    '{"name": "a", "parameters": {"b": "};{"}}; {"name": "c", "parameters": {}}',
    { calls: llama },
    { reasoning: '', content: '', calls: ['a {"b": "};{"}', 'c {}'] },
  ],
  ['{"a": 1}', { calls: llama }, { reasoning: '', content: '{"a": 1}', calls: [] }],
])('streamed: %j %j', (text, options, expected) => {
  expect(read([text], { ...streamed, ...options })).toEqual(expected);
  expect(read([...text], { ...streamed, ...options })).toEqual(expected);
});

test('a streamed call starts when its name is known, and its arguments arrive with their text', () => {
  const reader = new OutputReader(streamed);
  const kinds = (text: string) =>
    reader.push(text).map((part) => (part.kind === 'arguments' ? part.text : part.kind));
  expect(kinds('<tool_call>\n{"name": "sail", "arguments":')).toEqual([]);
  expect(kinds(' {"kn')).toEqual(['call', '{"kn']);
  expect(kinds('ots": ')).toEqual(['ots": ']);
  expect(reader.end()).toEqual([{ kind: 'cut' }]);
});

test('whole and streamed calls have the same names and arguments', () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const called = fc.record({ name: fc.string({ minLength: 1 }), given: fc.dictionary(fc.string(), value) });
  fc.assert(
    fc.property(
      fc.array(called, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(hermes, llama),
      fc.nat(9),
      (made, form, size) => {
        const { before, after, separator, argumentsKey } = form;
        const text = made
          .map(({ name, given }) => before + JSON.stringify({ name, [argumentsKey]: given }) + after)
          .join(separator);
        // A whole call ends at the first marker, even inside a text.
        fc.pre(text.split('</tool_call>').length <= made.length + 1);
        const pieces = text.match(new RegExp(`[^]{1,${size + 1}}`, 'gu')) ?? [];
        const options = { ...streamed, reasoning: null, calls: form };
        expect(read(pieces, options)).toEqual(read([text], { ...options, streamsCalls: false }));
        expect(read(pieces, options).calls).toHaveLength(made.length);
      },
    ),
    { numRuns: 100 },
  );
});

test('the pieces of a text change nothing, and without markers no character is lost', () => {
  const part = fc.constantFrom(
    '<think>',
    '</think>',
    '<tool_call>',
    '</tool_call>',
    '{"name": "a"}',
    '{"name": "a", "arguments": {"b": [1',
    ']}}',
    '"',
    '<',
    ' ',
    '\n',
    'text',
    '{',
    '; ',
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 12 }),
      fc.array(fc.nat(20), { maxLength: 12 }),
      fc.record({
        reasoning: fc.constantFrom<OutputReaderOptions['reasoning']>('marked', 'inside', null),
        calls: fc.constantFrom(hermes, llama, null),
        streamsCalls: fc.boolean(),
      }),
      (parts, cuts, chosen) => {
        const text = parts.join('');
        const options = { ...marked, ...chosen };
        const pieces: string[] = [];
        let start = 0;
        for (const cut of cuts) {
          pieces.push(text.slice(start, start + cut));
          start += cut;
        }
        const whole = read([text], options);
        expect(read([...pieces, text.slice(start)], options)).toEqual(whole);
        if (chosen.reasoning === null && chosen.calls === null) expect(whole.content).toBe(text);
      },
    ),
    { numRuns: 500 },
  );
});
