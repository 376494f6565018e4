/**
 * SentencePiece's compiled normalisation (`nmt_nfkc` and its kin): a trie of byte sequences and the texts that replace
 * them. The trie is a Darts-clone double array, one 32-bit unit per node.
 * Sources: https://github.com/google/sentencepiece/blob/master/src/normalizer.cc (layout of the blob),
 * https://github.com/s-yata/darts-clone (units), https://github.com/huggingface/spm_precompiled (which stretches of the
 * text are looked up: whole graphemes of less than six bytes, else single characters).
 */
import type { JsonReader } from '../json-reader.ts';
import { badTokenizer } from '../limits.ts';

const graphemeBytesMax = 6;

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
    for (const { segment } of graphemes.segment(text)) {
      const whole = utf8Length(segment) < graphemeBytesMax ? this.#find(segment) : null;
      if (whole !== null) output += whole;
      else for (const character of segment) output += this.#find(character) ?? character;
    }
    return output;
  }

  /** The replacement of the shortest entry that the text starts with, null when none does. */
  #find(text: string): string | null {
    const offset = this.#lookUp(encoder.encode(text));
    if (offset === null) return null;
    const end = this.#texts.indexOf(0, offset);
    return decoder.decode(this.#texts.subarray(offset, end < 0 ? undefined : end));
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
