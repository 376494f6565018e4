/**
 * Decoders of tokenizer.json, reduced to what streaming needs: a function from one token's text to its bytes, and how
 * many spaces the start of a whole text loses. Every decoder in use with language models has this form; others are
 * refused.
 *
 * Two deliberate differences from Hugging Face's library: invalid UTF-8 becomes one replacement character per broken
 * sequence, whether bytes came from byte tokens or from byte-level ones; and the Metaspace decoder drops one space at
 * the start instead of all spaces of the first token, so that decoding gives back what was encoded.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { unspellBytes } from './byte-alphabet.ts';
import type { JsonReader } from './json-reader.ts';
import { checkLimit } from './limits.ts';
import { readPrependScheme } from './pre-tokenize/metaspace.ts';
import { compileLiteral, compilePattern } from './pre-tokenize/pattern.ts';
import { replaceMatches } from './pre-tokenize/text-pattern.ts';
import { sequenceSteps } from './sequence-steps.ts';

export interface Decoder {
  readonly leadingSpaces: number;
  /** Bytes of a vocabulary entry. */
  bytesOf(text: string): Uint8Array;
}

interface DecoderParts {
  readonly transforms: ((text: string) => string)[];
  leadingSpaces: number;
  byteLevel: boolean;
  byteFallback: boolean;
  /** After Fuse the tokens are one text: only its start may be changed. */
  fused: boolean;
}

const encoder = new TextEncoder();
const byteToken = /^<0x([0-9A-F]{2})>$/;

export function readDecoder(config: JsonReader | null): Decoder {
  const parts: DecoderParts = {
    transforms: [],
    leadingSpaces: 0,
    byteLevel: false,
    byteFallback: false,
    fused: false,
  };
  for (const step of sequenceSteps(config, 'decoders')) addDecoder(step, parts);
  return {
    leadingSpaces: parts.leadingSpaces,
    bytesOf(text) {
      const byte = parts.byteFallback ? byteToken.exec(text)?.[1] : undefined;
      if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
      const changed = parts.transforms.reduce((result, transform) => transform(result), text);
      return (parts.byteLevel ? unspellBytes(changed) : null) ?? encoder.encode(changed);
    },
  };
}

function addDecoder(config: JsonReader, parts: DecoderParts): void {
  const type = config.text('type');
  if (parts.fused && type !== 'Strip') throw unsupported(config, `${type} after Fuse`);
  switch (type) {
    case 'ByteLevel':
      parts.byteLevel = true;
      return;
    case 'ByteFallback':
      parts.byteFallback = true;
      return;
    case 'Fuse':
      parts.fused = true;
      return;
    case 'Metaspace': {
      const mark = config.text('replacement', '▁');
      parts.transforms.push((text) => text.replaceAll(mark, ' '));
      if (readPrependScheme(config) !== 'never') parts.leadingSpaces = 1;
      return;
    }
    case 'Replace':
      parts.transforms.push(readReplace(config));
      return;
    case 'Strip':
      addStrip(config, parts);
      return;
    default:
      throw unsupported(config, type);
  }
}

function readReplace(config: JsonReader): (text: string) => string {
  const content = config.text('content');
  const pattern = config.object('pattern');
  const literal = pattern.textOrNull('String');
  const expression = literal === null ? compilePattern(pattern.text('Regex')) : compileLiteral(literal);
  checkLimit('literalLength', content.length, `${config.path}.content`);
  return (text) => replaceMatches(text, expression, content);
}

function addStrip(config: JsonReader, parts: DecoderParts): void {
  if (!parts.fused || config.text('content') !== ' ' || config.count('stop', 0) !== 0) {
    throw unsupported(config, 'Strip of anything but spaces at the start of the whole text');
  }
  parts.leadingSpaces = config.count('start', 0);
}

function unsupported(config: JsonReader, what: string): PlimsollError {
  return new PlimsollError({
    code: 'tokenizer-unsupported',
    message: `tokenizer: decoder ${what} at ${config.path} is not supported`,
    value: what,
    limit: 'ByteLevel, Metaspace, or Replace, ByteFallback, Fuse, Strip in this order',
    hint: 'use the GGUF of this model, or report it',
  });
}
