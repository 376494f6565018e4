import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { chatCommandsHelp, readChatLine } from './chat-commands.ts';
import { changedSettings, settingsText } from './chat-settings.ts';
import { loadConversation, saveConversation } from './saved-conversation.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-chat-'));
afterAll(() => rmSync(scratch, { recursive: true }));

test('the help', () => {
  expect(chatCommandsHelp()).toMatchInlineSnapshot(`
    "  /clear, /reset       start a new conversation
      /retry, /regenerate  answer the last message again
      /system [TEXT]       print or replace the system message; /system - removes it
      /set [NAME VALUE]    print or change a setting: /set temperature 0.5
      /stats, /memory      speed of the last answer, context, memory
      /save FILE           write the conversation as JSON
      /load FILE           continue a saved conversation
      /help, /?            print the commands
      /exit, /bye          end the program
      Ctrl-C               stop the answer; twice: end the program"
  `);
});

test.each([
  ['/clear', 'clear'],
  [' /reset ', 'clear'],
  ['/REGENERATE', 'retry'],
  ['/bye', 'exit'],
  ['/?', 'help'],
  ['/memory', 'stats'],
])('%j is /%s', (line, name) => expect(readChatLine(line)).toEqual({ kind: 'command', name, argument: '' }));

test.each([
  ['/system You are a  pirate.', { kind: 'command', name: 'system', argument: 'You are a  pirate.' }],
  ['/set temperature 0.5', { kind: 'command', name: 'set', argument: 'temperature 0.5' }],
  ['/warp', { kind: 'unknown', word: '/warp' }],
  ['/etc/hosts is what?', { kind: 'message', text: '/etc/hosts is what?' }],
  ['/clear the table, please', { kind: 'message', text: '/clear the table, please' }],
  ['  hello ', { kind: 'message', text: '  hello ' }],
  ['  ', { kind: 'empty' }],
])('%j', (line, expected) => expect(readChatLine(line)).toEqual(expected));

test('/set changes one setting, in the spelling of other programs too', () => {
  const cold = changedSettings({ topK: 3 }, 'temperature 0.5');
  expect(cold).toEqual({ topK: 3, temp: 0.5 });
  expect(changedSettings(cold, 'parameter temp=1.5')).toEqual({ topK: 3, temp: 1.5 });
  expect(changedSettings(cold, 'temperature default')).toEqual({ topK: 3 });
  expect(changedSettings({}, 'num_predict 5')).toEqual({ maxTokens: 5 });
  expect(settingsText(cold)).toBe(
    'temperature 0.5 · top_k 3 · top_p 0.95 (default) · min_p 0.05 (default) · repeat_penalty 1 (default) · seed a new one per answer (default) · max_tokens the rest of the context (default)',
  );
});

test.each([
  ['temperature', 'sets nothing'],
  ['warmth 5', 'sets nothing'],
  ['temperature 1 2', 'sets nothing'],
  ['temperature hot', 'temperature hot is not allowed'],
  ['top_p 2', 'top_p 2 is not allowed'],
  ['__proto__ 1', 'sets nothing'],
])('/set %s is refused', (text, message) => expect(() => changedSettings({}, text)).toThrow(message));

test('a saved conversation is loaded; other files are not overwritten and not loaded', async () => {
  const path = join(scratch, 'chat.json');
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'hello' },
  ];
  saveConversation(path, messages, { mayReplace: false });
  expect(await loadConversation(path)).toEqual(messages);
  expect(() => saveConversation(path, messages, { mayReplace: false })).toThrow(
    'exists and is not overwritten',
  );
  saveConversation(path, [], { mayReplace: true });
  expect(readFileSync(path, 'utf8')).toBe('{\n  "messages": []\n}\n');
  expect(() => saveConversation(join(scratch, 'none/x.json'), [], { mayReplace: false })).toThrow(
    'cannot be written',
  );
  for (const content of [
    '{}',
    '[]',
    '{"messages": [{"role": "tool", "content": "x"}]}',
    '{"messages": [1]}',
    'x',
  ]) {
    writeFileSync(path, content);
    await expect(loadConversation(path)).rejects.toMatchObject({ code: expect.stringMatching(/^bad-/) });
  }
});
