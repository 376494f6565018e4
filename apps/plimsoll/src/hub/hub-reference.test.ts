import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hubReferenceText, isHubReference, parseHubReference } from './hub-reference.ts';
import { hubSettings } from './hub-settings.ts';

test.each([
  ['hf:a/b', { id: 'a/b', variant: null, revision: 'main' }],
  ['hf:a/b:Q4_K_M', { id: 'a/b', variant: 'Q4_K_M', revision: 'main' }],
  ['hf:a/b:Q4_K_M@v1.0', { id: 'a/b', variant: 'Q4_K_M', revision: 'v1.0' }],
  ['hf:a/b@refs/pr/1', { id: 'a/b', variant: null, revision: 'refs/pr/1' }],
  ['hf.co/a/b:dir/m-Q2_K.gguf', { id: 'a/b', variant: 'dir/m-Q2_K.gguf', revision: 'main' }],
])('%s', (text, expected) => {
  expect(isHubReference(text)).toBe(true);
  expect(parseHubReference(text)).toEqual(expected);
});

test.each([
  'hf:',
  'hf:a',
  'hf:a/b/c',
  'hf:../b',
  'hf:a/..',
  'hf:a/b@../x',
  'hf:a/b@',
  'hf:a/b:',
  'hf:a b/c',
  'hf:a/b@x\n',
])('%j is refused', (text) => expect(() => parseHubReference(text)).toThrow('names no model of the Hub'));

test('what is parsed is printed, and every other text is a typed error', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab/.:@-_ \n') }), (rest) => {
      try {
        const reference = parseHubReference(`hf:${rest}`);
        expect(parseHubReference(hubReferenceText(reference))).toEqual(reference);
        expect(reference.id).not.toMatch(/(?:^|\/)\.\.?(?:\/|$)/);
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error;
      }
    }),
  );
});

test('variables of Hugging Face move the cache', () => {
  const folder = (env: NodeJS.ProcessEnv): string => hubSettings({}, env).cacheFolder;
  expect(folder({ HOME: '/h' })).toBe('/h/.cache/huggingface/hub');
  expect(folder({ HOME: '/h', XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
  expect(folder({ HOME: '/h', HF_HOME: '/f' })).toBe('/f/hub');
  expect(folder({ HOME: '/h', HF_HOME: '/f', HF_HUB_CACHE: '/c' })).toBe('/c');
});

test.each([
  ['HF_ENDPOINT', 'file:///etc'],
  ['HF_ENDPOINT', 'x'],
  ['HF_HUB_DOWNLOAD_TIMEOUT', '-1'],
])('%s=%s is refused', (name, value) => {
  expect(() => hubSettings({}, { [name]: value })).toThrow(`${name}=${value} is not allowed`);
});

test('a token that is no header is refused without being printed', () => {
  try {
    hubSettings({}, { HF_TOKEN: 'secret\nx: y' });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad-variable' });
    expect(JSON.stringify(error)).not.toContain('secret');
  }
});
