/** Output lengths of finished sequences, from which admissions expect the lengths of unfinished ones. */

/** Finished outputs that count. */
const remembered = 64;
/** Expected output tokens before any sequence has finished. */
const firstGuess = 512;
/** An output that is longer than all finished ones is expected to grow by this factor. */
const growth = 1.5;

export class OutputLengths {
  /** Latest lengths; a ring. */
  readonly #latest: number[] = [];
  #next = 0;
  /** False after an `add`, until an admission asks. */
  #isSorted = true;
  #sorted: number[] = [];
  /** Sums of the lengths from each index of `#sorted` to its end. */
  #sums: number[] = [];

  add(outputTokens: number): void {
    this.#latest[this.#next] = outputTokens;
    this.#next = (this.#next + 1) % remembered;
    this.#isSorted = false;
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#isSorted = true;
    this.#sorted = this.#latest.toSorted((left, right) => left - right);
    this.#sums = new Array<number>(this.#sorted.length);
    let sum = 0;
    for (let index = this.#sorted.length - 1; index >= 0; index--) {
      sum += this.#sorted[index] ?? 0;
      this.#sums[index] = sum;
    }
  }

  /** Expected output tokens of a sequence that has `known` of them and stops at `limit`: the mean of longer outputs. */
  expected(known: number, limit: number): number {
    this.#sort();
    const first = this.#firstAbove(known);
    const count = this.#sorted.length - first;
    if (count > 0) return Math.min(limit, (this.#sums[first] ?? 0) / count);
    const guess = this.#sorted.length === 0 ? Math.max(firstGuess, growth * known) : growth * known;
    return Math.min(limit, Math.max(known + 1, guess));
  }

  /** Index of the first length above `known`. */
  #firstAbove(known: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0) > known) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
