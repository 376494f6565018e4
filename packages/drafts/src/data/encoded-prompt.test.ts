/** Loss masks: the trained tokens are what the model itself would write, in every template. */
import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chatMl, chatTokenizer, encodingOptions, templateSource, trainedText } from './data.test-data.ts';
import { type EncodedPrompt, type EncodingOptions, encodeRecord } from './encoded-prompt.ts';
import { parseTrainingRecord } from './training-record.ts';

const place = { file: 'data.jsonl', line: 7 };

async function encode(value: unknown, options: EncodingOptions): Promise<EncodedPrompt> {
  const result = await encodeRecord(parseTrainingRecord(JSON.stringify(value), place), place, options);
  if (result.kind !== 'encoded') throw new Error(`skipped: ${result.reason}`);
  return result;
}

async function refusal(value: unknown, options: EncodingOptions): Promise<string> {
  try {
    await encode(value, options);
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    if (error instanceof Error) return error.message;
  }
  return 'encoded';
}

function chat(...contents: readonly string[]): unknown {
  return {
    conversations: contents.map((content, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content,
    })),
  };
}

test('each answer is trained with the token that ends it', async () => {
  const options = await encodingOptions(chatMl);
  const { tokenizer } = options;
  const conversation = chat('Name a prime.', 'Two.', 'Another?', ' Three,\n\nfor example. ');
  expect(trainedText(tokenizer, await encode(conversation, options))).toBe(
    'Two.<|im_end|>| Three,\n\nfor example. <|im_end|>',
  );
  const last = { ...options, lastAnswerOnly: true };
  expect(trainedText(tokenizer, await encode(conversation, last))).toBe(' Three,\n\nfor example. <|im_end|>');
});

test('templates that trim, merge a system message, or write the space before an answer', async () => {
  const trimming = await encodingOptions(templateSource('turns with marks'));
  const spaced = chat('\n Hi', '  Hello \n', 'Hello', 'Hello');
  expect(trainedText(trimming.tokenizer, await encode(spaced, trimming))).toBe(
    'Hello<|im_end|>|Hello<|im_end|>',
  );
  const strict = await encodingOptions(templateSource('strict turns'));
  const conversation = {
    messages: [
      { role: 'system', content: 'Answer.' },
      ...(chat('First?', '1.', 'Second?', '3.') as { conversations: [] }).conversations,
    ],
  };
  expect(trainedText(strict.tokenizer, await encode(conversation, strict))).toBe(' 1.</s>| 3.</s>');
  const marks = await encodingOptions(templateSource('tools'));
  // `<|end|>` takes the line break after it.
  expect(trainedText(marks.tokenizer, await encode(chat('A', 'B', 'A', 'B'), marks))).toBe(
    'B<|end|>|B<|end|>',
  );
});

test('thinking is trained where the template shows it', async () => {
  const options = await encodingOptions(templateSource('thinking'));
  const conversation = chat('1', '<think>a\nb</think>\n\none', '2', '<think>c</think>two');
  expect(trainedText(options.tokenizer, await encode(conversation, options))).toBe('one|c</think>two');
  const qwen =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' and loop.last %}" +
    "{{ '<think>\n' + m.content.split('</think>')[0].split('<think>')[-1].strip('\n') + '\n</think>\n\n' }}" +
    "{{ m.content.split('</think>')[-1].lstrip('\n') }}{% else %}{{ m.content.split('</think>')[-1].lstrip('\n') }}" +
    "{% endif %}{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
  const headed = await encodingOptions(qwen);
  expect(trainedText(headed.tokenizer, await encode(conversation, headed))).toBe(
    'one<|im_end|>|<think>\nc\n</think>\n\ntwo<|im_end|>',
  );
});

test('rendered text is masked by the header that a generation prompt adds', async () => {
  const options = await encodingOptions(chatMl);
  const text = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n';
  expect(trainedText(options.tokenizer, await encode({ text }, options))).toBe('Hello<|im_end|>');
  const conversation = await encode(chat('Hi', 'Hello'), options);
  expect(await encode({ text }, options)).toEqual(conversation);
  expect(await refusal({ text: '### Assistant: Hello' }, options)).toMatchInlineSnapshot(
    `"answer-not-found: data.jsonl, line 7: the text has no answer: it does not contain "<|im_start|>assistant\\n""`,
  );
  expect(await refusal({ text }, await encodingOptions(templateSource('strict turns')))).toMatch(
    'no-answer-header: data.jsonl, line 7',
  );
});

test('a control token in a message stays text and ends nothing', async () => {
  const options = await encodingOptions(chatMl);
  const encoded = await encode(chat('Hi<|im_end|>', 'a<|im_end|>b'), options);
  expect(trainedText(options.tokenizer, encoded)).toBe('a<|im_end|>b<|im_end|>');
  expect(encoded.inputIds.filter((id) => id === 1102)).toHaveLength(2);
});

test('the mask of all zeros and a changed message are refused with the first mismatch', async () => {
  const options = await encodingOptions(chatMl);
  expect(await refusal({ input_ids: [1, 2, 3], loss_mask: [0, 0, 0] }, options)).toMatchInlineSnapshot(
    `"all-zero-mask: data.jsonl, line 7: the loss mask selects none of 3 tokens: the sample trains nothing"`,
  );
  expect(await refusal({ input_ids: [1, 5000], loss_mask: [0, 1] }, options)).toMatch(
    'token-out-of-vocabulary',
  );
  const changing = await encodingOptions(chatMl.replace('m.content', "m.content | replace('a', 'b')"));
  expect(await refusal(chat('Hi', 'banana'), changing)).toMatchInlineSnapshot(
    `"message-not-rendered: data.jsonl, line 7: message 1 (assistant) is not in the rendered conversation: the template shows bbnbnb in its place"`,
  );
});

test('a line of a wrong form names its field', async () => {
  const fault = (value: unknown): string => {
    try {
      parseTrainingRecord(JSON.stringify(value), place);
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
    return 'read';
  };
  expect(
    [
      {
        conversations: [
          { role: 'user', content: 'Hi' },
          { from: 'owl', value: 'Hu' },
        ],
      },
      { messages: [{ role: 'user' }] },
      { input_ids: [1, 2], loss_mask: [1] },
      { input_ids: [true], loss_mask: [1] },
      { prompt: 'Hi' },
    ].map((value) => fault(value).slice(0, 80)),
  ).toMatchInlineSnapshot(`
    [
      "data.jsonl, line 7: conversations.1.role: Invalid option: expected one of "syste",
      "data.jsonl, line 7: conversations.0.content: Invalid input: expected string, rec",
      "data.jsonl, line 7: loss_mask: input_ids and loss_mask have one entry per token ",
      "data.jsonl, line 7: input_ids.0: Invalid input: expected number, received boolea",
      "data.jsonl, line 7: the record has none of the known keys",
    ]
  `);
});

test('the end of an answer that was cut off is not trained', async () => {
  const options = await encodingOptions(chatMl);
  const conversation = { ...(chat('1', 'one', '2', 'two and') as object), is_cut: true };
  expect(trainedText(options.tokenizer, await encode(conversation, options))).toBe('one<|im_end|>|two and');
});

test('turns in no order are dropped, and conversations without an answer are skipped', async () => {
  const options = await encodingOptions(chatMl);
  const turn = (from: string, value: string) => ({ from, value });
  const shareGpt = {
    id: 3,
    conversations: [
      turn('gpt', 'Welcome'),
      turn('human', 'Hi'),
      turn('gpt', 'Hello'),
      turn('human', 'Still there?'),
      turn('human', 'Yes?'),
      turn('gpt', 'Yes'),
    ],
  };
  const encoded = await encode(shareGpt, options);
  expect(trainedText(options.tokenizer, encoded)).toBe('Hello<|im_end|>');
  expect(encoded.droppedTurns).toBe(4);
  expect(await refusal(chat('Hi'), options)).toBe('skipped: no-answer');
  expect(await refusal(chat('Hi', '  '), options)).toBe('skipped: no-answer');
  const estimated = await encode(chat('Hi'), { ...options, missingAnswer: ' a a' });
  expect(trainedText(options.tokenizer, estimated)).toBe(' a a<|im_end|>');
  expect(await refusal(chat('Hi'.repeat(100), 'Yes'), { ...options, tokensMax: 20 })).toBe(
    'skipped: answer-cut-off',
  );
  expect(await refusal(chat('Hi', 'Yes'), { ...options, tokensMin: 1000 })).toBe('skipped: too-short');
  const cut = await encode(chat('Hi', 'a b c d e f g h i j k'), { ...options, tokensMax: 20 });
  expect(cut.inputIds).toHaveLength(20);
  expect(cut.cutTokens).toBeGreaterThan(0);
});

test('text that a normalizer rewrites is normalised first', async () => {
  const tokenizer = chatTokenizer({ normalizer: { type: 'NFC' } });
  const options = await encodingOptions(chatMl, { tokenizer });
  expect(trainedText(tokenizer, await encode(chat('cafe\u0301', 'cafe\u0301'), options))).toBe(
    'caf\u00e9<|im_end|>',
  );
  const lowering = chatTokenizer({ normalizer: { type: 'Lowercase' } });
  expect(await refusal(chat('Hi', 'Hello'), await encodingOptions(chatMl, { tokenizer: lowering }))).toBe(
    'skipped: not-aligned',
  );
});

test('white space that shares a token with the header is not trained', async () => {
  const options = await encodingOptions(chatMl);
  // The line feed of the header and the first space are one token of this vocabulary.
  const encoded = await encode(chat('Hello', '  !'), options);
  expect(trainedText(options.tokenizer, encoded)).toBe(' !<|im_end|>');
});

test('for any texts without white space before them, the trained text is the answers and their ends', async () => {
  const options = await encodingOptions(chatMl);
  const content = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    .filter((text) => text.trim() !== '' && text === text.trimStart());
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(content, content), { minLength: 1, maxLength: 4 }), async (pairs) => {
      const encoded = await encode(chat(...pairs.flat()), options);
      const answers = pairs.map(([, answer]) => `${answer.toWellFormed()}<|im_end|>`);
      expect(trainedText(options.tokenizer, encoded)).toBe(answers.join('|'));
    }),
    { numRuns: 60 },
  );
});
