/**
 * Maps spans of characters to tokens by the bytes of the tokens, in one pass. A token counts if all of its bytes lie in a
 * span, apart from spaces before it: after `[/INST]` a model answers with the token ` Yes`. A token that also covers other
 * characters of a prompt is not the model's own. Encoding prefixes again would shift the mask wherever two encodings merge
 * differently at a boundary.
 */
import type { Tokenizer } from '@plimsoll/text';
import type { TextSpan } from './answer-spans.ts';

const space = 0x20;

/** Returns the loss mask, or null if the tokens do not spell the text, as with a normalizer that rewrites it. */
export function tokenMask(
  tokenizer: Tokenizer,
  { text, ids }: { readonly text: string; readonly ids: Int32Array },
  spans: readonly TextSpan[],
): Uint8Array | null {
  const bytes = new TextEncoder().encode(text);
  const places = tokenPlaces(tokenizer, bytes, ids);
  if (places === null) return null;
  const mask = new Uint8Array(ids.length);
  let token = 0;
  for (const { start, end } of byteSpans(text, spans)) {
    while (token < ids.length && (places[2 * token + 1] ?? 0) <= start) token++;
    if (!isSpaces(bytes, places[2 * token] ?? 0, start)) token++;
    while (token < ids.length && (places[2 * token + 1] ?? 0) <= end) {
      const isEmpty = places[2 * token] === places[2 * token + 1];
      if (!isEmpty) mask[token] = 1;
      token++;
    }
  }
  return mask;
}

/** Start and end of each token in bytes; null where a token does not match the text. */
function tokenPlaces(tokenizer: Tokenizer, bytes: Uint8Array, ids: Int32Array): Float64Array | null {
  const places = new Float64Array(2 * ids.length);
  let at = 0;
  for (const [index, id] of ids.entries()) {
    const token = tokenizer.tokenBytes(id);
    let start = at;
    // Tokens with a mark for "takes white space" have swallowed white space of the text.
    while (!matches(bytes, start, token, 0) && isWhiteSpace(bytes[start])) start++;
    if (matches(bytes, start, token, 0)) at = start + token.length;
    else if (index === 0 && id === tokenizer.specialTokens.bos) start = at;
    // The first word of a text has a space that the tokenizer put there.
    else if (token[0] === space && matches(bytes, at, token, 1)) {
      start = at;
      at += token.length - 1;
    } else return null;
    places[2 * index] = start;
    places[2 * index + 1] = at;
  }
  return bytes.subarray(at).every(isWhiteSpace) ? places : null;
}

function matches(bytes: Uint8Array, at: number, token: Uint8Array, skipped: number): boolean {
  if (at + token.length - skipped > bytes.length) return false;
  for (let index = skipped; index < token.length; index++) {
    if (bytes[at + index - skipped] !== token[index]) return false;
  }
  return true;
}

function isSpaces(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== space) return false;
  return true;
}

function isWhiteSpace(byte: number | undefined): boolean {
  return byte === space || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

function byteSpans(text: string, spans: readonly TextSpan[]): readonly TextSpan[] {
  let [character, byte] = [0, 0];
  const byteAt = (end: number): number => {
    byte += Buffer.byteLength(text.slice(character, end));
    character = end;
    return byte;
  };
  return spans.map(({ start, end }) => ({ start: byteAt(start), end: byteAt(end) }));
}
