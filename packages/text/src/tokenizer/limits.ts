/**
 * How much a tokenizer file or a text may ask for. The largest published vocabularies have 262,144 entries (Gemma) and
 * 515,000 merges; texts are prompts. Each limit leaves them a factor of ten.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { wordPreview } from '@plimsoll/foundation/json-preview';

export const tokenizerLimits = {
  /** Ids must leave room for code points above them in 32 bits. */
  vocabSize: 8_388_608,
  mergeCount: 8_388_608,
  /** Ids that a file may leave out beyond twice its tokens; models leave out some hundred. */
  idGap: 65_536,
  /** UTF-16 units of a token that is searched for in plain text; the longest in use are runs of 31 spaces. */
  addedTokenLength: 256,
  addedTokenCount: 262_144,
  /** UTF-16 units of one Unigram piece: time per character of text grows with the longest. */
  unigramPieceLength: 256,
  patternLength: 16_384,
  /** UTF-16 units of a literal to search for; a search takes text x literal steps at worst. */
  literalLength: 256,
  /** Bytes of one token as text; the longest in use are runs of 128 spaces. */
  tokenBytes: 4096,
  /** Characters that are normalised again to find control tokens in normalised text. */
  normalizedWork: 67_108_864,
  /** Tokens before and after a text. */
  surroundings: 64,
  /** Normalizers, pre-tokenizers or decoders in sequence; each reads the whole text. */
  steps: 64,
  /** Groups inside groups in a pattern, sequences inside sequences in tokenizer.json. */
  nesting: 32,
  /** UTF-16 units of one text: as UTF-8 at most 48 MiB, which positions of 26 bits can number. */
  textLength: 16_777_216,
} as const;

/** Throws when `value` is above the named limit. `what` reads like "merges in tokenizer.json". */
export function checkLimit(name: keyof typeof tokenizerLimits, value: number, what: string): void {
  const limit = tokenizerLimits[name];
  if (value <= limit) return;
  throw new PlimsollError({
    code: 'tokenizer-limit',
    message: `${what}: ${value} is more than a tokenizer may have`,
    value,
    limit,
    hint: 'the file is broken, or the text must be given in parts',
  });
}

/** A tokenizer file that cannot be used: what is wrong, where, and what would do. */
export function badTokenizer(place: string, value: unknown, limit: string): PlimsollError {
  const shown = wordPreview(value);
  return new PlimsollError({
    code: 'tokenizer-invalid',
    message: `tokenizer: ${place} is ${shown}, needed is ${limit}`,
    value: shown,
    limit,
    hint: 'the file is damaged or of a kind this version does not read',
  });
}
