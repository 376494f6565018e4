/**
 * Samples over any length of time in bounded memory. When the list is full, every second sample is dropped and the samples
 * that follow are twice as far apart, so that hours still show as a curve.
 */
export class BoundedHistory<Sample> {
  readonly #samplesMax: number;
  #samples: Sample[] = [];
  #stride = 1;
  #skipped = 0;

  /** `samplesMax`: an even number. */
  constructor(samplesMax: number) {
    this.#samplesMax = samplesMax;
  }

  push(sample: Sample): void {
    if (this.#skipped < this.#stride - 1) {
      this.#skipped++;
      return;
    }
    this.#skipped = 0;
    this.#samples.push(sample);
    if (this.#samples.length < this.#samplesMax) return;
    // Keeps the newest sample.
    this.#samples = this.#samples.filter((_, index) => index % 2 === 1);
    this.#stride *= 2;
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }
}
