/** Normalizers of tokenizer.json: what happens to text before it is cut. Each is a function from text to text. */
import { PlimsollError } from '@plimsoll/foundation';
import { spellBytes } from '../byte-alphabet.ts';
import type { JsonReader } from '../json-reader.ts';
import { checkLimit } from '../limits.ts';
import { compileLiteral, compilePattern } from '../pre-tokenize/pattern.ts';
import { replaceMatches } from '../pre-tokenize/text-pattern.ts';
import { sequenceSteps } from '../sequence-steps.ts';
import { readPrecompiled } from './precompiled.ts';

export type Normalizer = (text: string) => string;

const unicodeForms = ['NFC', 'NFD', 'NFKC', 'NFKD'] as const;

export function readNormalizer(config: JsonReader | null): Normalizer {
  const steps = sequenceSteps(config, 'normalizers').map(readStep);
  return (text) => steps.reduce((result, step) => step(result), text);
}

function readStep(config: JsonReader): Normalizer {
  const type = config.text('type');
  const form = unicodeForms.find((name) => name === type);
  if (form !== undefined) return (text) => text.normalize(form);
  switch (type) {
    case 'Prepend': {
      const prefix = config.text('prepend');
      checkLimit('literalLength', prefix.length, `${config.path}.prepend`);
      return (text) => (text === '' ? text : prefix + text);
    }
    case 'Replace':
      return readReplace(config);
    case 'Lowercase':
      return lowercase;
    case 'Strip':
      return readStrip(config);
    case 'StripAccents':
      return (text) => text.replace(/\p{M}/gv, '');
    case 'Nmt':
      return normalizeNmt;
    case 'Precompiled':
      return readPrecompiled(config);
    case 'ByteLevel':
      return spellBytes;
    default:
      throw new PlimsollError({
        code: 'tokenizer-unsupported',
        message: `tokenizer: normalizer ${type} at ${config.path} is not supported`,
        value: type,
        limit: `Sequence, Prepend, Replace, Lowercase, Strip, StripAccents, Nmt, Precompiled, ByteLevel, ${unicodeForms.join(', ')}`,
        hint: 'use the GGUF of this model, or report it',
      });
  }
}

function readReplace(config: JsonReader): Normalizer {
  const content = config.text('content');
  const pattern = config.object('pattern');
  const literal = pattern.textOrNull('String');
  const expression = literal === null ? compilePattern(pattern.text('Regex')) : compileLiteral(literal);
  return (text) => replaceMatches(text, expression, content);
}

function readStrip(config: JsonReader): Normalizer {
  const left = config.flag('strip_left', true);
  const right = config.flag('strip_right', true);
  return (text) => {
    const start = left ? text.search(/\P{White_Space}/v) : 0;
    if (start < 0) return '';
    return right ? trimEnd(text.slice(start)) : text.slice(start);
  };
}

const oneSpace = /^\p{White_Space}$/v;

/** A pattern anchored at the end would be tried at every space of the text. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && oneSpace.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Character by character, as Rust's char::to_lowercase does: JavaScript would look at neighbours for the final sigma. */
function lowercase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase();
}

const nmtDropped = compilePattern('[\\x{1}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{7f}\\x{8f}\\x{9f}]');
const nmtSpaces = compilePattern(
  '[\\t\\n\\f\\r\\x{1680}\\x{200b}-\\x{200f}\\x{2028}\\x{2029}\\x{2581}\\x{feff}\\x{fffd}]',
);

/**
 * SentencePiece's rules for machine translation: controls go, unusual spaces become spaces.
 * Source: do_nmt in https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/normalizers/unicode.rs
 */
function normalizeNmt(text: string): string {
  return replaceMatches(replaceMatches(text, nmtDropped, ''), nmtSpaces, ' ');
}
