/** Local names mean the same for every command: with and without the ending, and directories. */
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findLocalModel } from './local-model.ts';
import { fixtures, llama, plimsoll } from './program.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-local-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const at = (...parts: readonly string[]): string => join(scratch, ...parts);
copyFileSync(llama, at('model.gguf'));
copyFileSync(llama, at('blob'));
symlinkSync(at('blob'), at('link'));
cpSync(join(fixtures, 'engine/llama-3/checkpoint'), at('checkpoint'), { recursive: true });
for (const name of ['one', 'two', 'parts', 'none', 'both', 'config']) mkdirSync(at(name));
for (const name of ['one/m.gguf', 'one/mmproj-m.gguf', 'two/a-Q8_0.gguf', 'two/b-Q4_0.gguf'])
  copyFileSync(llama, at(name));
for (const number of [1, 2, 3]) {
  const name = `tiny-llama-split-0000${number}-of-00003.gguf`;
  copyFileSync(join(fixtures, 'gguf', name), at('parts', name));
}
copyFileSync(at('checkpoint/config.json'), at('both/config.json'));
copyFileSync(llama, at('both/m.gguf'));
copyFileSync(at('checkpoint/config.json'), at('config/config.json'));

test.each([
  ['model.gguf', 'gguf', 'model.gguf'],
  ['model', 'gguf', 'model.gguf'],
  ['blob', 'gguf', 'blob'],
  ['link', 'gguf', 'link'],
  ['one', 'gguf', 'one/m.gguf'],
  ['parts', 'gguf', 'parts/tiny-llama-split-00001-of-00003.gguf'],
  ['both', 'gguf', 'both/m.gguf'],
  ['checkpoint', 'checkpoint', 'checkpoint'],
  ['checkpoint/model.safetensors', 'checkpoint', 'checkpoint'],
  ['config', 'checkpoint', 'config'],
  ['config/config.json', 'config', 'config/config.json'],
])('%s is a %s', (name, kind, path) => expect(findLocalModel(at(name))).toEqual({ kind, path: at(path) }));

test('a directory with several models, with none, and a missing file', () => {
  expect(() => findLocalModel(at('two'))).toThrow('has 2 GGUF models');
  expect(() => findLocalModel(at('none'))).toThrow('has neither config.json nor a GGUF file');
  expect(findLocalModel(at('nothing'))).toBeNull();
});

describe.each(['model', 'one'])('%s', (name) => {
  const small = ['--memory', '400MiB', '--ctx', '128', '--threads', '1'] as const;
  test.each([
    ['run', ['run', at(name), 'hello', '-n', '2', ...small]],
    ['bench', ['bench', at(name), '-p', '4', '-n', '0', '-r', '1', ...small]],
    ['plan', ['plan', at(name), '--engine', 'plimsoll', '--memory', '400MiB', '--context', '128']],
    ['inspect', ['inspect', at(name)]],
  ])('%s', (_, args) => expect(plimsoll(args)).toMatchObject({ code: 0 }));
});

test('chat and serve refuse a config without weights by its name', () => {
  for (const command of [['chat'], ['serve', '--port', '0']]) {
    const { code, err } = plimsoll([...command, at('config/config.json')]);
    expect(code).toBe(1);
    expect(err).toContain('is no model with weights');
  }
});
