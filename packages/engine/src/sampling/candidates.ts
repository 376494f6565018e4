/**
 * The candidate tokens, as parallel arrays that are allocated once and reused for every token. The sort key is one
 * double per candidate: the bits of the logit, transformed so that a larger logit gives a smaller number, and below
 * them the index. A plain numeric sort then gives "largest logit first, lower id among equals" without a comparison
 * function.
 */
import { assert } from '@plimsoll/foundation';
import { exponential } from './exponential.ts';
import type { LogitRow } from './logit-row.ts';

/** A double holds 53 bits exactly: 32 for the logit, 20 for the index. */
const VOCAB_SIZE_MAX = 2 ** 20;
/** Up to this count, insertion sort is faster than the library's sort and allocates nothing. */
const INSERTION_MAX = 64;
/**
 * Block maxima help only if there are at least this many blocks per wanted token; else a histogram of all logits does.
 */
const BLOCKS_PER_WANTED = 8;
/** 2048 buckets of 1/64 reach 32 below the largest logit: a probability 1e-14 times the largest. */
const BUCKETS = 2048;
const BUCKETS_PER_UNIT = 64;

export class Candidates {
  readonly ids: Int32Array;
  readonly logits: Float64Array;
  readonly probabilities: Float64Array;
  count = 0;
  /** True while `logits` is in descending order. */
  sorted = false;
  readonly #keys: Float64Array;
  readonly #histogram = new Int32Array(BUCKETS);
  readonly #single = new Float32Array(1);
  readonly #singleBits = new Int32Array(this.#single.buffer);

  constructor(vocabSize: number) {
    assert(vocabSize > 0 && vocabSize <= VOCAB_SIZE_MAX, `a vocabulary of ${vocabSize} tokens`);
    this.ids = new Int32Array(vocabSize);
    this.logits = new Float64Array(vocabSize);
    this.probabilities = new Float64Array(vocabSize);
    this.#keys = new Float64Array(vocabSize);
  }

  get byteLength(): number {
    const { ids, logits, probabilities } = this;
    const arrays = [ids, logits, probabilities, this.#keys, this.#histogram];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Takes every token of the row that is not forbidden and whose logit is at least `lowest`, in the order of ids. */
  takeFrom(row: LogitRow, lowest: number): void {
    this.count = row.collectFrom(Math.max(lowest, -Number.MAX_VALUE), this.ids);
    for (let index = 0; index < this.count; index++) {
      this.logits[index] = row.values[this.ids[index] as number] as number;
    }
    this.sorted = false;
  }

  /** Takes the `wanted` tokens with the largest logits, sorted; fewer if fewer are not forbidden. */
  takeTop(row: LogitRow, wanted: number): void {
    this.takeFrom(row, this.#boundOfTop(row, wanted));
    this.#dropSurplusAtBound(wanted);
    this.sort();
    this.count = Math.min(this.count, wanted);
  }

  /** Sorts the candidates by logit, descending. */
  sort(): void {
    if (this.sorted) return;
    this.#reorder(this.logits, -1);
    this.sorted = true;
  }

  /** Sorts the candidates by `scores`, ascending and stable. */
  sortByScore(scores: Float64Array): void {
    this.#reorder(scores, 1);
    this.sorted = false;
  }

  /** Drops candidates whose entry in `values` is below `lowest`. Probabilities are stale afterwards. */
  keepAtLeast(values: Float64Array, lowest: number): void {
    const { ids, logits } = this;
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      if ((values[index] as number) < lowest) continue;
      ids[kept] = ids[index] as number;
      logits[kept] = logits[index] as number;
      kept++;
    }
    this.count = kept;
  }

  /** Computes probabilities: the softmax of the candidates' logits. */
  normalise(): void {
    const { logits, probabilities, count } = this;
    let largest = -Infinity;
    for (let index = 0; index < count; index++) {
      const logit = logits[index] as number;
      if (logit > largest) largest = logit;
    }
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const weight = exponential((logits[index] as number) - largest);
      probabilities[index] = weight;
      sum += weight;
    }
    for (let index = 0; index < count; index++) probabilities[index] = (probabilities[index] as number) / sum;
  }

  /** Returns the index at which the cumulative probability passes `point`, a number in [0, 1). */
  pick(point: number): number {
    let rest = point;
    let last = 0;
    for (let index = 0; index < this.count; index++) {
      const probability = this.probabilities[index] as number;
      if (probability === 0) continue;
      last = index;
      rest -= probability;
      if (rest < 0) return index;
    }
    // Rounding can leave a remainder; it belongs to the last token with a probability above zero.
    return last;
  }

  /** A logit that at least `wanted` tokens reach, and not many more. */
  #boundOfTop(row: LogitRow, wanted: number): number {
    return wanted * BLOCKS_PER_WANTED < row.blockMaxima.length
      ? this.#boundByBlocks(row.blockMaxima, wanted)
      : this.#boundByHistogram(row, wanted);
  }

  #boundByHistogram(row: LogitRow, wanted: number): number {
    const { values, largest } = row;
    const histogram = this.#histogram;
    histogram.fill(0);
    for (let token = 0; token < values.length; token++) {
      const distance = (largest - (values[token] as number)) * BUCKETS_PER_UNIT;
      const bucket = distance < BUCKETS ? distance | 0 : BUCKETS - 1;
      histogram[bucket] = (histogram[bucket] as number) + 1;
    }
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS - 1; bucket++) {
      seen += histogram[bucket] as number;
      if (seen >= wanted) return largest - (bucket + 1) / BUCKETS_PER_UNIT;
    }
    return -Infinity;
  }

  /** The `wanted`-th largest block maximum: at least `wanted` blocks have a token that reaches it. */
  #boundByBlocks(blockMaxima: Float32Array, wanted: number): number {
    // A heap whose first element is the smallest of the largest `wanted` maxima seen so far.
    const heap = this.#keys;
    for (let index = 0; index < wanted; index++) heap[index] = blockMaxima[index] as number;
    for (let parent = (wanted >> 1) - 1; parent >= 0; parent--) siftDown(heap, wanted, parent);
    for (let index = wanted; index < blockMaxima.length; index++) {
      const maximum = blockMaxima[index] as number;
      if (maximum <= (heap[0] as number)) continue;
      heap[0] = maximum;
      siftDown(heap, wanted, 0);
    }
    return heap[0] as number;
  }

  /** If thousands of logits are equal, keeps only the `wanted` lowest ids among those at the bound. */
  #dropSurplusAtBound(wanted: number): void {
    const { ids, logits } = this;
    let bound = Infinity;
    for (let index = 0; index < this.count; index++) bound = Math.min(bound, logits[index] as number);
    let atBound = 0;
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      if (logits[index] === bound && ++atBound > wanted) continue;
      ids[kept] = ids[index] as number;
      logits[kept] = logits[index] as number;
      kept++;
    }
    this.count = kept;
  }

  #key(value: number, index: number): number {
    // Adding zero turns -0 into 0; the two would otherwise have different keys.
    this.#single[0] = value + 0;
    const bits = this.#singleBits[0] as number;
    const rising = (bits ^ ((bits >> 31) & 0x7fffffff)) + 0x80000000;
    return rising * VOCAB_SIZE_MAX + index;
  }

  /** Sorts by the value of each candidate: descending with sign -1, ascending with sign 1. */
  #reorder(values: Float64Array, sign: 1 | -1): void {
    const keys = this.#keys;
    // Keys contain the index, not the id: candidates arrive in the order of ids, so equal values keep this order.
    for (let index = 0; index < this.count; index++)
      keys[index] = this.#key(sign * (values[index] as number), index);
    sortNumbers(keys, this.count);
    // The sort makes the probabilities stale, so their array can hold the logits while the ids move.
    const { ids, logits, probabilities } = this;
    for (let index = 0; index < this.count; index++) {
      const from = (keys[index] as number) % VOCAB_SIZE_MAX;
      keys[index] = ids[from] as number;
      probabilities[index] = logits[from] as number;
    }
    for (let index = 0; index < this.count; index++) {
      ids[index] = keys[index] as number;
      logits[index] = probabilities[index] as number;
    }
  }
}

function siftDown(heap: Float64Array, size: number, from: number): void {
  const moving = heap[from] as number;
  let hole = from;
  for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
    if (child + 1 < size && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= moving) break;
    heap[hole] = heap[child] as number;
    hole = child;
  }
  heap[hole] = moving;
}

function sortNumbers(numbers: Float64Array, count: number): void {
  if (count > INSERTION_MAX) {
    numbers.subarray(0, count).sort();
    return;
  }
  for (let index = 1; index < count; index++) {
    const moving = numbers[index] as number;
    let hole = index;
    while (hole > 0 && (numbers[hole - 1] as number) > moving) {
      numbers[hole] = numbers[hole - 1] as number;
      hole--;
    }
    numbers[hole] = moving;
  }
}
