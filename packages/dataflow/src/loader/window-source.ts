/** Where the loader's refs come from: the controller of a run, or a list. */
import { PlimsollError } from '@plimsoll/foundation';
import type { SampleRef } from '../contracts/sample-ref.ts';

/** `DataFlowController` is the source of online training. */
export interface WindowSource {
  /** The samples of one optimizer step; null at the end. */
  nextWindow(signal?: AbortSignal): Promise<readonly SampleRef[] | null>;
  /** Takes samples back that were not trained. */
  returnWindow(sampleIds: readonly string[]): void;
  /** Takes samples back whose features cannot be read. Throws if the source cannot replace them. */
  rejectSamples(sampleIds: readonly string[], reason: string): void;
}

/** Offline training: a fixed list in windows of one size. Samples after the last full window are dropped. */
export class RefList implements WindowSource {
  readonly #refs: readonly SampleRef[];
  readonly #windowSize: number;
  #next = 0;

  constructor(refs: readonly SampleRef[], windowSize: number) {
    this.#refs = refs;
    this.#windowSize = windowSize;
  }

  /** Continues at a sample without reading those before it. Throws `bad-seek` unless a window begins there. */
  seek(sample: number): void {
    if (
      !Number.isSafeInteger(sample) ||
      sample < 0 ||
      sample > this.#refs.length ||
      sample % this.#windowSize !== 0
    ) {
      throw new PlimsollError({
        code: 'bad-seek',
        message: `no window begins at sample ${sample} of ${this.#refs.length}`,
        value: sample,
        limit: `multiples of ${this.#windowSize} up to ${this.#refs.length}`,
        hint: 'resume with the batch size and accumulation of the checkpoint',
      });
    }
    this.#next = sample;
  }

  async nextWindow(): Promise<readonly SampleRef[] | null> {
    const window = this.#refs.slice(this.#next, this.#next + this.#windowSize);
    if (window.length < this.#windowSize) return null;
    this.#next += this.#windowSize;
    return window;
  }

  returnWindow(): void {
    // The list keeps all refs; `seek` chooses where to continue.
  }

  rejectSamples(sampleIds: readonly string[], reason: string): void {
    throw new PlimsollError({
      code: 'unreadable-features',
      message: `the features of sample ${sampleIds[0]} cannot be read: ${reason}`,
      value: sampleIds.length,
      limit: 'readable features for every sample of the list',
      hint: 'capture the features again',
    });
  }
}
