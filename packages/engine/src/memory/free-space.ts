/**
 * The free bytes of one range, as disjoint spans [offset, end) in ascending order; adjacent spans are always merged.
 * Allocation is first fit, so the same order of requests gives the same places, and a run is repeatable.
 */
import { assert } from '@plimsoll/foundation';

interface Span {
  offset: number;
  end: number;
}

export class FreeSpace {
  readonly sizeBytes: number;
  readonly #spans: Span[];
  #freeBytes: number;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.#spans = sizeBytes > 0 ? [{ offset: 0, end: sizeBytes }] : [];
    this.#freeBytes = sizeBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  get isEmpty(): boolean {
    return this.#freeBytes === this.sizeBytes;
  }

  /** Takes `sizeBytes` at the lowest aligned offset with room, and returns the offset; null if there is no room. */
  take(sizeBytes: number, alignment: number): number | null {
    for (let index = 0; index < this.#spans.length; index++) {
      const span = this.#spans[index];
      if (span === undefined) continue;
      const offset = Math.ceil(span.offset / alignment) * alignment;
      if (offset + sizeBytes > span.end) continue;
      this.#carve(index, span, offset, offset + sizeBytes);
      return offset;
    }
    return null;
  }

  /** Takes exactly [offset, offset + sizeBytes); false if a part of it is not free. */
  takeAt(offset: number, sizeBytes: number): boolean {
    const index = this.#indexAtOrBefore(offset);
    const span = this.#spans[index];
    if (span === undefined || offset < span.offset || offset + sizeBytes > span.end) return false;
    this.#carve(index, span, offset, offset + sizeBytes);
    return true;
  }

  #carve(index: number, span: Span, offset: number, end: number): void {
    this.#freeBytes -= end - offset;
    const rest: Span[] = [];
    if (span.offset < offset) rest.push({ offset: span.offset, end: offset });
    if (end < span.end) rest.push({ offset: end, end: span.end });
    // Placing a plan takes from the front of a span thousands of times; this case moves no array elements.
    const [only] = rest;
    if (rest.length === 1 && only !== undefined) this.#spans[index] = only;
    else this.#spans.splice(index, 1, ...rest);
  }

  /** Frees a range. Asserts that no byte of it is free. */
  give(offset: number, sizeBytes: number): void {
    if (sizeBytes === 0) return;
    const end = offset + sizeBytes;
    assert(offset >= 0 && end <= this.sizeBytes, `[${offset}, ${end}) lies outside ${this.sizeBytes} bytes`);
    const before = this.#indexAtOrBefore(offset);
    const left = this.#spans[before];
    const right = this.#spans[before + 1];
    assert(
      (left === undefined || left.end <= offset) && (right === undefined || end <= right.offset),
      `[${offset}, ${end}) is free already`,
    );
    this.#freeBytes += sizeBytes;
    const joinsLeft = left !== undefined && left.end === offset;
    const joinsRight = right !== undefined && right.offset === end;
    if (joinsLeft && joinsRight) {
      left.end = right.end;
      this.#spans.splice(before + 1, 1);
    } else if (joinsLeft) left.end = end;
    else if (joinsRight) right.offset = offset;
    else this.#spans.splice(before + 1, 0, { offset, end });
  }

  /** Index of the last span that begins at or before `offset`; -1 if all spans begin after it. */
  #indexAtOrBefore(offset: number): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#spans[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  checkIntegrity(): void {
    let sum = 0;
    let last = -1;
    for (const { offset, end } of this.#spans) {
      assert(offset > last && end > offset, `free spans [${offset}, ${end}) are out of order or touch`);
      assert(end <= this.sizeBytes, `a free span ends at ${end} of ${this.sizeBytes}`);
      last = end;
      sum += end - offset;
    }
    assert(sum === this.#freeBytes, `free spans sum to ${sum}, not ${this.#freeBytes}`);
  }
}
