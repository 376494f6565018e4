/**
 * The texts of a long array in the form of the file: UTF-8 bytes, each text after its length. A vocabulary and its
 * merges are 400,000 texts, and a run uses a few hundred of them, so each text is decoded on use.
 */
import { assert } from '@plimsoll/foundation';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes of the length before every text. */
export const textLengthBytes = 8;

export class TextTable {
  readonly length: number;
  /** The texts and the lengths between them. */
  readonly bytes: Uint8Array;
  /** Start of each text in `bytes`, and one extra entry: text i ends at `starts[i + 1] - textLengthBytes`. */
  readonly starts: Uint32Array;

  constructor(bytes: Uint8Array, starts: Uint32Array) {
    assert(starts.at(-1) === bytes.byteLength + textLengthBytes, 'the last text ends with the bytes');
    this.bytes = bytes;
    this.starts = starts;
    this.length = starts.length - 1;
  }

  /** Builds a table from strings. Lone surrogates become U+FFFD. */
  static fromTexts(texts: readonly string[]): TextTable {
    const most = texts.reduce((sum, text) => sum + 3 * text.length + textLengthBytes, 0);
    const bytes = new Uint8Array(most);
    const starts = new Uint32Array(texts.length + 1);
    let end = 0;
    for (const [index, text] of texts.entries()) {
      end += textLengthBytes;
      starts[index] = end;
      end += encoder.encodeInto(text, bytes.subarray(end)).written;
    }
    starts[texts.length] = end + textLengthBytes;
    return new TextTable(bytes.slice(0, end), starts);
  }

  start(index: number): number {
    return this.starts[index] ?? 0;
  }

  end(index: number): number {
    return (this.starts[index + 1] ?? textLengthBytes) - textLengthBytes;
  }

  /** Decodes one text. Invalid bytes become U+FFFD; a byte order mark is kept, because vocabularies contain one. */
  text(index: number): string {
    return this.slice(this.start(index), this.end(index));
  }

  slice(start: number, end: number): string {
    return decoder.decode(this.bytes.subarray(start, end));
  }

  texts(): string[] {
    return Array.from({ length: this.length }, (_, index) => this.text(index));
  }
}

/** Collects a table while a reader's window moves over it. */
export class TextTableBuilder {
  readonly #starts: Uint32Array;
  readonly #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #count = 0;

  constructor(length: number) {
    this.#starts = new Uint32Array(length + 1);
  }

  get missing(): number {
    return this.#starts.length - 1 - this.#count;
  }

  /**
   * Takes the texts that are completely inside a window from a position on, stops before a text that is longer than
   * allowed, and returns the position after the last text.
   */
  take(view: DataView, position: number, rules: { littleEndian: boolean; textBytesMax: number }): number {
    const { littleEndian, textBytesMax } = rules;
    const end = view.byteLength;
    const shift = this.#pieceBytes - position;
    let at = position;
    for (let left = this.missing; left > 0 && at + textLengthBytes <= end; left--) {
      const first = view.getUint32(at, littleEndian);
      const second = view.getUint32(at + 4, littleEndian);
      const length = littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
      const next = at + textLengthBytes + length;
      if (length > textBytesMax || next > end) break;
      this.#starts[this.#count++] = shift + at + textLengthBytes;
      at = next;
    }
    this.#pieces.push(new Uint8Array(view.buffer, view.byteOffset + position, at - position).slice());
    this.#pieceBytes += at - position;
    return at;
  }

  finish(): TextTable {
    assert(this.missing === 0, `${this.missing} texts were not taken`);
    this.#starts[this.#count] = this.#pieceBytes + textLengthBytes;
    const bytes = new Uint8Array(this.#pieceBytes);
    let end = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, end);
      end += piece.byteLength;
    }
    return new TextTable(bytes, this.#starts);
  }
}
