import type { GgufValue } from '@plimsoll/model-files/gguf';
import { ggufArray, ggufString } from '@plimsoll/model-files/writing';
import { expect, test } from 'vitest';
import { ggufTokenizer } from '../tokenizer/fixtures.test-data.ts';
import { encodeChat } from './chat-template.ts';
import {
  chatTemplatesFromConfig,
  chatTemplatesFromGguf,
  chooseTemplate,
  templateTokens,
} from './template-source.ts';

test('GGUF: the plain template and the named ones', () => {
  const metadata = new Map<string, GgufValue>([
    ['tokenizer.chat_template', ggufString('plain')],
    ['tokenizer.chat_templates', ggufArray('string', ['tool_use', 'gone'])],
    ['tokenizer.chat_template.tool_use', ggufString('with tools')],
  ]);
  const sources = chatTemplatesFromGguf(metadata);
  expect(chooseTemplate(sources)).toBe('plain');
  expect(chooseTemplate(sources, { hasTools: true })).toBe('with tools');
  expect(() => chooseTemplate(sources, { name: 'rag' })).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: this model has no chat template named "rag"]`,
  );
  expect(() => chooseTemplate(chatTemplatesFromGguf(new Map()))).toThrow('no chat template named "default"');
});

test('tokenizer_config.json: a text, a list, or a file beside it', () => {
  expect(chooseTemplate(chatTemplatesFromConfig({ chat_template: 'one' }), { hasTools: true })).toBe('one');
  const list = {
    chat_template: [
      { name: 'default', template: 'a' },
      { name: 'tool_use', template: 'b' },
    ],
  };
  expect(chooseTemplate(chatTemplatesFromConfig(list), { hasTools: true })).toBe('b');
  expect(chooseTemplate(chatTemplatesFromConfig(list, 'c'))).toBe('c');
  expect(() => chatTemplatesFromConfig({ chat_template: 7 })).toThrow(
    'tokenizer_config.json.chat_template is 7',
  );
});

test('a rendered conversation gets one bos, whether its template wrote it or not, and no eos', () => {
  const tokenizer = ggufTokenizer('score-bpe.gguf');
  const { bos, addBos } = tokenizer.specialTokens;
  expect(addBos).toBe(true);
  expect(templateTokens(tokenizer)).toEqual({ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' });
  const without = encodeChat(tokenizer, { text: 'user: hello', templateSpans: [] });
  expect(encodeChat(tokenizer, { text: '<s>user: hello', templateSpans: [0, 3] })).toEqual(without);
  expect([...without].filter((id) => id === bos)).toHaveLength(1);
  expect(without[0]).toBe(bos);
});
