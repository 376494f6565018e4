/** The list of a model's tokens, both ways: id to text and text to id. */
import { assert } from '@plimsoll/foundation';
import { TextTable } from '@plimsoll/model-files/gguf';
import { badTokenizer, checkLimit, tokenizerLimits } from './limits.ts';
import { type ByteRun, TextIndex } from './text-index.ts';

const encoder = new TextEncoder();

export class Vocabulary {
  readonly #table: TextTable;
  readonly #index: TextIndex;
  /** Bytes of the text that is looked for. */
  #sought = new Uint8Array(256);

  private constructor(table: TextTable, index: TextIndex) {
    this.#table = table;
    this.#index = index;
  }

  /** From a list where the position is the id. Two ids for one text would make encoding a matter of luck. */
  static fromTexts(texts: TextTable | readonly string[], place: string): Vocabulary {
    checkLimit('vocabSize', texts.length, place);
    const table = texts instanceof TextTable ? texts : TextTable.fromTexts(texts);
    const index = new TextIndex(table);
    for (let id = 0; id < table.length; id++) {
      checkLimit('tokenBytes', table.end(id) - table.start(id), `${place}[${id}]`);
      const other = index.add(id);
      if (other >= 0)
        throw badTokenizer(`${place}[${id}]`, table.text(id), `a text that ${other} does not have`);
    }
    return new Vocabulary(table, index);
  }

  /** From texts and their ids in any order, as tokenizer.json has them. */
  static fromKeys(keys: readonly string[], values: readonly unknown[], place: string): Vocabulary {
    const texts: (string | undefined)[] = [];
    for (const [index, text] of keys.entries()) {
      const id = values[index];
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
        throw badTokenizer(`${place} "${text}"`, id, 'a whole number from 0');
      }
      checkLimit('vocabSize', id + 1, `${place} "${text}"`);
      checkIdGap(id, keys.length, `${place} "${text}"`);
      checkLimit('tokenBytes', text.length, `${place} "${text.slice(0, 40)}"`);
      while (texts.length <= id) texts.push(undefined);
      const other = texts[id];
      if (other !== undefined)
        throw badTokenizer(`${place} "${text}"`, id, `an id that "${other}" does not have`);
      texts[id] = text;
    }
    const table = TextTable.fromTexts(texts.map((text) => text ?? ''));
    const index = new TextIndex(table);
    // An id that the file skips has no text to be found by.
    for (const [id, text] of texts.entries()) if (text !== undefined) index.add(id);
    return new Vocabulary(table, index);
  }

  get size(): number {
    return this.#table.length;
  }

  /** Text of an id, empty where the file skips it. */
  text(id: number): string {
    return id >= 0 && id < this.size ? this.#table.text(id) : '';
  }

  id(text: string): number | undefined {
    const id = this.#index.find(this.#encode(text));
    return id < 0 ? undefined : id;
  }

  /** The id of the text that two runs of bytes make together. */
  idOfBytes(run: ByteRun, rest: ByteRun | null = null): number | undefined {
    const id = this.#index.find(run, rest);
    return id < 0 ? undefined : id;
  }

  *entries(): Iterable<readonly [string, number]> {
    for (let id = 0; id < this.size; id++) yield [this.text(id), id];
  }

  /** The entries of one character each. */
  *characters(): Iterable<readonly [codePoint: number, id: number]> {
    const { bytes } = this.#table;
    for (let id = 0; id < this.size; id++) {
      const start = this.#table.start(id);
      const length = this.#table.end(id) - start;
      if (length === 0 || length > 4 || length !== sequenceBytes(bytes[start] ?? 0)) continue;
      const text = this.#table.text(id);
      const codePoint = text.codePointAt(0) ?? 0;
      if (text.length === (codePoint > 0xffff ? 2 : 1)) yield [codePoint, id];
    }
  }

  /** Whether an entry has the text after another character: `a▁` does, `▁▁a` does not. */
  hasInside(text: string): boolean {
    const { bytes } = this.#table;
    const sought = encoder.encode(text);
    const first = sought[0] ?? 0;
    const isAt = (place: number): boolean => sought.every((byte, offset) => bytes[place + offset] === byte);
    for (let id = 0; id < this.size; id++) {
      const last = this.#table.end(id) - sought.length;
      let at = this.#table.start(id);
      while (at <= last && bytes[at] === first && isAt(at)) at += sought.length;
      for (; at <= last; at++) if (bytes[at] === first && isAt(at)) return true;
    }
    return false;
  }

  /** The ids of `<0x00>` to `<0xFF>`; -1 where one is missing. */
  byteTokens(): Int32Array {
    const ids = new Int32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      const spelled = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
      ids[byte] = this.id(spelled) ?? -1;
    }
    return ids;
  }

  #encode(text: string): ByteRun {
    if (this.#sought.length < 3 * text.length) this.#sought = new Uint8Array(6 * text.length);
    const { read, written } = encoder.encodeInto(text, this.#sought);
    assert(read === text.length, 'UTF-8 takes at most three bytes per UTF-16 unit');
    return { bytes: this.#sought, start: 0, end: written };
  }
}

/** Tables are as long as the largest id: a file of one line must not ask for gigabytes by a large one. */
export function checkIdGap(id: number, count: number, place: string): void {
  const limit = 2 * count + tokenizerLimits.idGap;
  if (id > limit) throw badTokenizer(place, id, `an id up to ${limit} for ${count} tokens`);
}

/** Bytes of the UTF-8 sequence that a byte begins; 0 for one that begins none. */
function sequenceBytes(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc0) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}
