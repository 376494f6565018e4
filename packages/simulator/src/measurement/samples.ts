/** Statistics of many values. The mean and the percentile are always named, because reports of serving mix them up. */
import { portableExp, portableLog } from '../portable-math.ts';

export interface Statistics {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** All values of a figure, eight bytes each. */
export class Samples {
  #values = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }

  /** Null without values. A percentile interpolates linearly between the two nearest values, as numpy does by default. */
  statistics(): Statistics | null {
    if (this.#length === 0) return null;
    const values = this.#values.subarray(0, this.#length);
    let sum = 0;
    for (const value of values) sum += value;
    const sorted = values.slice().sort();
    const quantile = (share: number): number => {
      const place = share * (sorted.length - 1);
      const below = Math.floor(place);
      const [low = 0, high = 0] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
      return low + (high - low) * (place - below);
    };
    return { mean: sum / sorted.length, p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) };
  }
}

/** Values that are too many to keep: counts in buckets of equal ratio, and the exact mean. */
const bucketsPerFactor = 200;
/** Values from 1 ns on; smaller ones count as 0. */
const smallest = 1e-9;

export class Histogram {
  readonly #counts: number[] = [];
  #count = 0;
  #sum = 0;
  #latest = { value: Number.NaN, bucket: 0 };

  add(value: number, count = 1): void {
    // Sequences of one step have the same gap, so the logarithm is usually known.
    if (value !== this.#latest.value) {
      const bucket = Math.max(0, Math.floor(portableLog(value / smallest) * bucketsPerFactor));
      this.#latest = { value, bucket: value > smallest ? bucket : 0 };
    }
    const { bucket } = this.#latest;
    while (this.#counts.length <= bucket) this.#counts.push(0);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#count += count;
    this.#sum += value * count;
  }

  /** Null without values. Percentiles are within 0.25 % of a value: half the width of a bucket. */
  statistics(): Statistics | null {
    if (this.#count === 0) return null;
    const quantile = (share: number): number => {
      const rank = share * (this.#count - 1);
      let before = 0;
      for (const [bucket, count] of this.#counts.entries()) {
        before += count;
        if (before > rank)
          return bucket === 0 ? 0 : smallest * portableExp((bucket + 0.5) / bucketsPerFactor);
      }
      return 0;
    };
    return { mean: this.#sum / this.#count, p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) };
  }
}
