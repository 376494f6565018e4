/**
 * A reading position in a file, of which only a window is in memory. Parsers are generators: if the window ends too
 * early, a parser yields the bytes that it needs and continues after the caller supplies them. The same parser
 * therefore serves a file, a server and an array in memory, does no I/O itself, and never uses an exception to request
 * more bytes.
 */
import { assert } from '@plimsoll/foundation';
import { type GgufPlace, ggufError } from './header.ts';
import type { TextTableBuilder } from './text-table.ts';

/** Bytes that a parser needs before it can continue: at least `length` bytes from `offset`. */
export interface BytesWanted {
  readonly offset: number;
  readonly length: number;
}

/** A computation that requests bytes until it returns its value. */
export type Parsing<Value> = Generator<BytesWanted, Value, void>;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export class ByteCursor {
  /** The field that is being read, for errors. */
  field = 'file header';
  littleEndian = true;
  /** Number of values read so far; tests use it to prove that the work is bounded by the bytes. */
  steps = 0;
  /** Size of the file in bytes; null if unknown. */
  readonly fileBytes: number | null;
  readonly #headerBytesMax: number;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #windowStart = 0;
  #position = 0;

  constructor(fileBytes: number | null, headerBytesMax: number) {
    this.fileBytes = fileBytes;
    this.#headerBytesMax = headerBytesMax;
  }

  get position(): number {
    return this.#position;
  }

  get place(): GgufPlace {
    return { offset: this.#position, field: this.field };
  }

  /** Bytes between the position and the end of the file; infinite if the size is unknown. */
  get remaining(): number {
    return this.fileBytes === null ? Number.POSITIVE_INFINITY : this.fileBytes - this.#position;
  }

  /**
   * Appends bytes that follow the window, or starts a new window at the position if the position is past the window.
   */
  supply(bytes: Uint8Array): void {
    const kept = Math.max(0, this.#windowStart + this.#window.byteLength - this.#position);
    if (kept === 0) {
      this.#window = bytes;
    } else {
      const joined = new Uint8Array(kept + bytes.byteLength);
      joined.set(this.#window.subarray(this.#window.byteLength - kept));
      joined.set(bytes, kept);
      this.#window = joined;
    }
    // Bytes beyond the limit are dropped, so that the limit also holds for files in memory.
    this.#window = this.#window.subarray(0, Math.max(0, this.#headerBytesMax - this.#position));
    this.#windowStart = this.#position;
    this.#view = new DataView(this.#window.buffer, this.#window.byteOffset, this.#window.byteLength);
  }

  has(length: number): boolean {
    return this.#position + length <= this.#windowStart + this.#window.byteLength;
  }

  /** Makes the next `length` bytes readable. Throws `gguf-truncated` if the file is too short. */
  *need(length: number): Parsing<void> {
    if (this.has(length)) return;
    this.#refuseLongHeader(length);
    if (length > this.remaining) throw this.#truncated(length);
    const windowEnd = this.#windowStart + this.#window.byteLength;
    const offset = Math.max(windowEnd, this.#position);
    yield { offset, length: this.#position + length - offset };
    if (!this.has(length)) throw this.#truncated(length);
  }

  /** Skips bytes without reading them from the file. */
  skip(length: number): void {
    this.#refuseLongHeader(length);
    if (length > this.remaining) throw this.#truncated(length);
    this.#position += length;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), this.littleEndian);
  }

  /**
   * Reads a 64-bit count or offset. Above 2^53 the value is inexact, but every limit is far below: callers compare and
   * refuse.
   */
  uint64(): number {
    const at = this.#take(8);
    const first = this.#view.getUint32(at, this.littleEndian);
    const second = this.#view.getUint32(at + 4, this.littleEndian);
    return this.littleEndian ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** Reads like `uint64` without moving the position. */
  peekUint64(): number {
    const value = this.uint64();
    this.#position -= 8;
    return value;
  }

  /** Adds the texts that are completely inside the window to a table. */
  takeTexts(table: TextTableBuilder, textBytesMax: number): void {
    const before = table.missing;
    const at = this.#position - this.#windowStart;
    this.#position += table.take(this.#view, at, { littleEndian: this.littleEndian, textBytesMax }) - at;
    this.steps += before - table.missing;
  }

  text(length: number): string {
    const at = this.#take(length);
    return utf8.decode(this.#window.subarray(at, at + length));
  }

  /** Consumes the next `length` bytes and returns their position in the window. */
  take(length: number): { readonly view: DataView; readonly at: number } {
    const at = this.#take(length);
    return { view: this.#view, at };
  }

  #take(length: number): number {
    assert(
      this.has(length) && this.#position >= this.#windowStart,
      `${length} bytes read before they were needed`,
    );
    const at = this.#position - this.#windowStart;
    this.#position += length;
    this.steps++;
    return at;
  }

  #refuseLongHeader(length: number): void {
    if (this.#position + length <= this.#headerBytesMax) return;
    throw ggufError(this.place, {
      code: 'gguf-header-too-large',
      problem: `the header goes beyond ${this.#headerBytesMax} bytes`,
      value: this.#position + length,
      limit: this.#headerBytesMax,
      hint: 'no known model needs this much: the file is damaged or hostile',
    });
  }

  #truncated(length: number): Error {
    const left = this.fileBytes === null ? 'fewer' : Math.max(0, this.remaining);
    return ggufError(this.place, {
      code: 'gguf-truncated',
      problem: `${length} bytes are needed here and ${left} are left`,
      value: this.fileBytes ?? undefined,
      limit: this.#position + length,
      hint: 'the file is incomplete: download it again',
    });
  }
}
