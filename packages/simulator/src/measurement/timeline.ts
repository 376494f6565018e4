/**
 * Occupancy over simulated time in a bounded number of intervals: when the run outgrows them, pairs are merged and the
 * intervals become twice as long. Values are means over the time of an interval.
 */
const intervalsMax = 512;

export interface TimelinePoint {
  /** Start of the interval, in seconds. */
  readonly at: number;
  readonly running: number;
  readonly waiting: number;
  /** Share of the KV blocks that sequences own, summed over replicas. */
  readonly kvShare: number;
  /** Output tokens per second. */
  readonly outputRate: number;
}

export interface Load {
  readonly running: number;
  readonly waiting: number;
  readonly kvShare: number;
  readonly outputTokens: number;
}

const fields = 4;

export class Timeline {
  #intervalSeconds = 2 ** -10;
  #sums = new Float64Array(intervalsMax * fields);
  #end = 0;

  /** End of the last interval, in seconds. */
  get end(): number {
    return this.#end;
  }

  /** Adds the load of [start, end). Output tokens spread evenly over the time. */
  add(start: number, end: number, load: Load): void {
    this.#end = Math.max(this.#end, end);
    while (end >= this.#intervalSeconds * intervalsMax) this.#merge();
    const duration = end - start;
    if (duration <= 0) return;
    for (let index = Math.floor(start / this.#intervalSeconds); ; index++) {
      const from = Math.max(start, index * this.#intervalSeconds);
      const until = Math.min(end, (index + 1) * this.#intervalSeconds);
      if (until > from) {
        const at = index * fields;
        const part = until - from;
        this.#sum(at, load.running * part);
        this.#sum(at + 1, load.waiting * part);
        this.#sum(at + 2, load.kvShare * part);
        this.#sum(at + 3, (load.outputTokens * part) / duration);
      }
      if (until >= end) return;
    }
  }

  points(): readonly TimelinePoint[] {
    const count = Math.ceil(this.#end / this.#intervalSeconds);
    return Array.from({ length: count }, (_, index) => {
      const seconds = Math.min(this.#intervalSeconds, this.#end - index * this.#intervalSeconds);
      const mean = (field: number): number => (this.#sums[index * fields + field] ?? 0) / seconds;
      return {
        at: index * this.#intervalSeconds,
        running: mean(0),
        waiting: mean(1),
        kvShare: mean(2),
        outputRate: mean(3),
      };
    });
  }

  #sum(place: number, value: number): void {
    this.#sums[place] = (this.#sums[place] ?? 0) + value;
  }

  #merge(): void {
    const merged = new Float64Array(intervalsMax * fields);
    for (let index = 0; index < intervalsMax; index++) {
      for (let field = 0; field < fields; field++) {
        const to = (index >> 1) * fields + field;
        merged[to] = (merged[to] ?? 0) + (this.#sums[index * fields + field] ?? 0);
      }
    }
    this.#sums = merged;
    this.#intervalSeconds *= 2;
  }
}
