import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeJson, safeLine, safeText } from './safe-text.ts';
import { terminalText } from './styled-text.ts';

/** Any text, with many dangerous characters. */
const anyText = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 0x9f }).map(String.fromCharCode)))
  .map((parts) => parts.join(''));

/** An independent list of the characters that have an effect on a terminal. */
function isObeyed(character: string): boolean {
  const code = character.charCodeAt(0);
  if (code < 0x20) return character !== '\n' && character !== '\t';
  if (code >= 0x7f && code < 0xa0) return true;
  return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

test('removes every character with an effect on a terminal, and keeps harmless characters', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const safe = safeText(text);
      expect([...safe].filter(isObeyed)).toEqual([]);
      expect(safe).toHaveLength(text.length);
      expect(safeText(safe)).toBe(safe);
      if (![...text].some(isObeyed)) expect(safe).toBe(text);
      expect([...terminalText(text)].filter(isObeyed)).toEqual([]);
      expect([...safeLine(text)].filter((each) => isObeyed(each) || each === '\n')).toEqual([]);
    }),
  );
});

test('JSON keeps every value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), anyText, (value, text) => {
      const json = safeJson(JSON.stringify({ value, text, [text]: null }, null, 2));
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, text, [text]: null })));
      expect([...json].filter(isObeyed)).toEqual([]);
    }),
  );
});

test('the shown form of escape sequences and of direction marks', () => {
  expect(safeText('\u001b[2J\u001b]0;pwn\u0007evil\r\u009b31m\u007f\u202etxt.exe')).toBe(
    '␛[2J␛]0;pwn␇evil␍�31m␡�txt.exe',
  );
  expect(safeText('\tשלום\u200f, 👩‍🚀\n')).toBe('\tשלום\u200f, 👩‍🚀\n');
  expect(safeLine('name\nplimsoll: all is well')).toBe('name␊plimsoll: all is well');
});
