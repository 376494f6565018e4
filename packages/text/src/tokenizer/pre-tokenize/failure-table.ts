/** Which choices of a pattern failed at which places of a text: one bit each, for the stretch of text that is still ahead. */
import { PlimsollError } from '@plimsoll/foundation';

/** A megabyte of text with a pattern of 32 choices that looks ahead to its end takes 4 MiB. */
const bytesMax = 16 * 2 ** 20;

export class FailureTable {
  /** Bytes of one place. */
  readonly #width: number;
  #bits = new Uint8Array(256);
  /** The place of the first row, and the end of the rows that are written. */
  #base = 0;
  #end = 0;
  #start = 0;

  constructor(choiceCount: number) {
    this.#width = Math.max(1, Math.ceil(choiceCount / 8));
  }

  clear(): void {
    this.#drop();
    this.#base = 0;
    this.#end = 0;
    this.#start = 0;
  }

  /** Nothing before this place will be asked for again. */
  startAt(place: number): void {
    this.#start = place;
    if (place < this.#end) return;
    this.#drop();
    this.#base = place;
    this.#end = place;
  }

  has(place: number, choice: number): boolean {
    if (place >= this.#end) return false;
    const byte = this.#bits[(place - this.#base) * this.#width + (choice >> 3)] as number;
    return ((byte >> (choice & 7)) & 1) === 1;
  }

  add(place: number, choice: number): void {
    if (place >= this.#end) {
      this.#reserve(place);
      this.#end = place + 1;
    }
    const index = (place - this.#base) * this.#width + (choice >> 3);
    this.#bits[index] = (this.#bits[index] as number) | (1 << (choice & 7));
  }

  #drop(): void {
    this.#bits.fill(0, 0, (this.#end - this.#base) * this.#width);
  }

  #reserve(place: number): void {
    if ((place + 1 - this.#base) * this.#width <= this.#bits.length) return;
    this.#shift();
    const needed = (place + 1 - this.#base) * this.#width;
    // Shifting half of the table at a time keeps the total work proportional to the text.
    if (2 * needed <= this.#bits.length) return;
    const grown = Math.min(bytesMax, Math.max(2 * needed, 2 * this.#bits.length));
    if (needed > grown) throw tooComplexText(place, bytesMax);
    if (grown <= this.#bits.length) return;
    const bits = new Uint8Array(grown);
    bits.set(this.#bits);
    this.#bits = bits;
  }

  /** Moves the rows that may be asked for to the start of the table. */
  #shift(): void {
    const passed = (this.#start - this.#base) * this.#width;
    const used = (this.#end - this.#base) * this.#width;
    this.#bits.copyWithin(0, passed, used);
    this.#bits.fill(0, used - passed, used);
    this.#base = this.#start;
  }
}

export function tooComplexText(value: number, limit: number): PlimsollError {
  return new PlimsollError({
    code: 'tokenizer-text',
    message: 'this text is too much for the patterns of the tokenizer',
    value,
    limit,
    hint: 'encode the text in parts; if short texts fail too, the patterns in tokenizer.json were made to be slow',
  });
}
