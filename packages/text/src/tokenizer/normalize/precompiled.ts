/**
 * SentencePiece's compiled normalisation (`nmt_nfkc` and its kin): a trie of byte sequences and the texts that replace
 * them. The trie is a Darts-clone double array, one 32-bit unit per node.
 * Sources: https://github.com/google/sentencepiece/blob/master/src/normalizer.cc (layout of the blob),
 * https://github.com/s-yata/darts-clone (units), https://github.com/huggingface/spm_precompiled (which stretches of the
 * text are looked up: whole graphemes of less than six bytes, else single characters).
 */
import type { JsonReader } from '../json-reader.ts';
import { badTokenizer, checkLimit } from '../limits.ts';

const graphemeBytesMax = 6;

/** Graphemes of running text repeat. Longer slices would keep the whole text alive that they were cut from. */
const rememberedCount = 4096;
const rememberedLengthMax = 12;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

export function readPrecompiled(config: JsonReader): (text: string) => string {
  const encoded = config.textOrNull('precompiled_charsmap');
  if (encoded === null || encoded === '') return (text) => text;
  const charsMap = new CharsMap(bytesOfBase64(encoded, config.path));
  return (text) => charsMap.normalize(text);
}

function bytesOfBase64(text: string, path: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw badTokenizer(`${path}.precompiled_charsmap`, text, 'base64');
  }
}

class CharsMap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #remembered = new Map<string, string>();

  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const trieBytes = blob.byteLength >= 4 ? view.getUint32(0, true) : 0;
    if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes >= blob.byteLength) {
      throw badTokenizer(
        'size of the precompiled trie',
        trieBytes,
        `less than ${blob.byteLength}, in units of 4`,
      );
    }
    this.#units = Uint32Array.from({ length: trieBytes / 4 }, (_, index) =>
      view.getUint32(4 + 4 * index, true),
    );
    this.#texts = blob.subarray(4 + trieBytes);
  }

  normalize(text: string): string {
    let output = '';
    for (let start = 0; start < text.length; ) {
      const end = endOfAscii(text, start);
      // Two characters of ASCII never share a grapheme, but for a line end; the segmenter is slow and not asked.
      for (let index = start; index < end; ) {
        const width = text.startsWith('\r\n', index) ? 2 : 1;
        output += this.#normalizeGrapheme(text.slice(index, index + width));
        index += width;
        checkLimit('textLength', output.length, 'text after its precompiled normalizer');
      }
      start = endOfOthers(text, end);
      for (const { segment } of graphemes.segment(text.slice(end, start))) {
        output += this.#normalizeGrapheme(segment);
        checkLimit('textLength', output.length, 'text after its precompiled normalizer');
      }
    }
    return output;
  }

  #normalizeGrapheme(grapheme: string): string {
    const known = this.#remembered.get(grapheme);
    if (known !== undefined) return known;
    let output = utf8Length(grapheme) < graphemeBytesMax ? this.#find(grapheme) : null;
    if (output === null) {
      output = '';
      for (const character of grapheme) output += this.#find(character) ?? character;
    }
    if (this.#remembered.size >= rememberedCount) this.#remembered.clear();
    if (grapheme.length <= rememberedLengthMax) this.#remembered.set(grapheme, output);
    return output;
  }

  /** The replacement of the shortest entry that the text starts with, null when none does. */
  #find(text: string): string | null {
    const offset = this.#lookUp(encoder.encode(text));
    if (offset === null) return null;
    const end = this.#texts.indexOf(0, offset);
    const found = this.#texts.subarray(offset, end < 0 ? undefined : end);
    checkLimit('literalLength', found.length, 'replacement of the precompiled normalizer');
    return decoder.decode(found);
  }

  #lookUp(key: Uint8Array): number | null {
    let node = childrenOffset(this.#units[0] ?? 0);
    for (const byte of key) {
      if (byte === 0) return null;
      node ^= byte;
      const unit = this.#units[node] ?? 0;
      if (labelOf(unit) !== byte) return null;
      node ^= childrenOffset(unit);
      // Bit 8: an entry ends here, and its value is the unit that the offset leads to.
      if ((unit >>> 8) & 1) return (this.#units[node] ?? 0) & 0x7fffffff;
    }
    return null;
  }
}

/** Bit 31 marks a value, which is no label. */
function labelOf(unit: number): number {
  return (unit & (0x80000000 | 0xff)) >>> 0;
}

function childrenOffset(unit: number): number {
  return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
}

function utf8Length(text: string): number {
  return encoder.encode(text).length;
}

/** Where the ASCII from `start` on ends; its last character is left out when what follows could join it. */
function endOfAscii(text: string, start: number): number {
  let end = start;
  while (end < text.length && text.charCodeAt(end) < 0x80) end++;
  return end < text.length ? Math.max(start, end - 1) : end;
}

/** The next place between two characters of ASCII, where a grapheme ends for certain. */
function endOfOthers(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && !isCertainBoundary(text, end)) end++;
  return Math.min(end, text.length);
}

function isCertainBoundary(text: string, index: number): boolean {
  const isAscii = text.charCodeAt(index - 1) < 0x80 && text.charCodeAt(index) < 0x80;
  return isAscii && !text.startsWith('\r\n', index - 1);
}
