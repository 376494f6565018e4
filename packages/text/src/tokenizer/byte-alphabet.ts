/**
 * GPT-2's printable alphabet for bytes. Byte-level vocabularies spell each byte as one character: printable Latin-1
 * bytes stand for themselves, the other 68 are given the code points from 256 on, in order. So a space is `Ġ`.
 * Source: `bytes_to_unicode` in https://github.com/openai/gpt-2/blob/master/src/encoder.py
 */

/** Code point of each byte. */
export const byteToCodePoint: Uint16Array = makeAlphabet();

const codePointLimit = 256 + 68;

/** Byte of each code point below 324, -1 where the code point spells none. */
const codePointToByte = new Int16Array(codePointLimit).fill(-1);
for (const [byte, codePoint] of byteToCodePoint.entries()) codePointToByte[codePoint] = byte;

function makeAlphabet(): Uint16Array {
  const alphabet = new Uint16Array(256);
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    alphabet[byte] = isPrintable ? byte : next++;
  }
  return alphabet;
}

const encoder = new TextEncoder();

/** UTF-8 bytes of a text, each spelled as one character. */
export function spellBytes(text: string): string {
  const bytes = encoder.encode(text);
  let spelled = '';
  for (const byte of bytes) spelled += String.fromCharCode(byteToCodePoint[byte] ?? 0);
  return spelled;
}

/** The bytes that a vocabulary entry spells, or null when some character of it spells none. */
export function unspellBytes(spelled: string): Uint8Array | null {
  const bytes = new Uint8Array(spelled.length);
  for (let index = 0; index < spelled.length; index++) {
    const byte = codePointToByte[spelled.charCodeAt(index)] ?? -1;
    if (byte < 0) return null;
    bytes[index] = byte;
  }
  return bytes;
}
