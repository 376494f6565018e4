/**
 * Finds texts of a table by their bytes: an open-addressed hash table of numbers, at most half full. A Map from strings
 * would need every text decoded before the first one is asked for.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type TextTable, textLengthBytes } from '@plimsoll/model-files/gguf';

/** A fair hash at half load has runs of a few dozen; a file that makes longer ones was built to. */
const probesMax = 2000;
/** FNV-1a's offset and prime. */
const hashStart = 0x811c9dc5 | 0;
const hashPrime = 0x01000193;

/** A run of bytes. */
export interface ByteRun {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class TextIndex {
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #mask: number;
  /** Number of the text + 1; 0 where a slot is free. */
  readonly #slots: Int32Array;

  constructor(table: TextTable) {
    this.#bytes = table.bytes;
    this.#starts = table.starts;
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * table.length)));
    this.#mask = capacity - 1;
    this.#slots = new Int32Array(capacity);
  }

  /** Adds text `number`, or returns the number of an equal one that is there already; -1 when it was added. */
  add(number: number): number {
    const bytes = this.#bytes;
    const start = this.#starts[number] ?? 0;
    const end = (this.#starts[number + 1] ?? 0) - textLengthBytes;
    const slot = this.#slotOf({ bytes, start, end }, null);
    const other = (this.#slots[slot] ?? 0) - 1;
    if (other < 0) this.#slots[slot] = number + 1;
    return other;
  }

  /** The number of the text that these bytes are, followed by those of `rest` if there is one; -1 when there is none. */
  find(run: ByteRun, rest: ByteRun | null = null): number {
    return (this.#slots[this.#slotOf(run, rest)] ?? 0) - 1;
  }

  /** Where such a text is, or would be. */
  #slotOf(run: ByteRun, rest: ByteRun | null): number {
    let hash = hashOf(run, hashStart);
    if (rest !== null) hash = hashOf(rest, hash);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & this.#mask;
    for (let probe = 0; probe < probesMax; probe++) {
      const seen = this.#slots[slot] ?? 0;
      if (seen === 0 || this.#equals(seen - 1, run, rest)) return slot;
      slot = (slot + 1) & this.#mask;
    }
    throw new PlimsollError({
      code: 'tokenizer-invalid',
      message: 'tokenizer: the texts of this file collide far more often than chance allows',
      limit: probesMax,
      hint: 'the file was made to be slow: do not use it',
    });
  }

  #equals(number: number, run: ByteRun, rest: ByteRun | null): boolean {
    const start = this.#starts[number] ?? 0;
    const length = (this.#starts[number + 1] ?? 0) - textLengthBytes - start;
    const runLength = run.end - run.start;
    const restLength = rest === null ? 0 : rest.end - rest.start;
    if (length !== runLength + restLength) return false;
    if (!sameBytes(this.#bytes, start, run)) return false;
    return rest === null || sameBytes(this.#bytes, start + runLength, rest);
  }
}

function hashOf({ bytes, start, end }: ByteRun, from: number): number {
  let hash = from;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), hashPrime);
  return hash;
}

function sameBytes(table: Uint8Array, place: number, { bytes, start, end }: ByteRun): boolean {
  for (let at = start, other = place; at < end; at++, other++) {
    if (bytes[at] !== table[other]) return false;
  }
  return true;
}
