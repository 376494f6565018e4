/**
 * A prompt that is computed to be looked at: logits after every token, hidden states of layers. For perplexity, for
 * draft training, and for holding this engine to another.
 */

import type { HiddenCapture, LiveSequence } from '../request/live-sequence.ts';
import type { Sample, Sampler } from '../sampling/sampler.ts';

export interface ObservationRequest {
  /** Called in the order of positions. The row is valid during the call. */
  readonly score?: (position: number, logits: Float32Array) => void;
  readonly capture?: HiddenCapture;
  readonly signal?: AbortSignal;
}

export class Observation implements LiveSequence {
  readonly sampler: Sampler;
  readonly score?: (position: number, logits: Float32Array) => void;
  readonly capture?: HiddenCapture;
  #error: { readonly value: unknown } | null = null;

  constructor(sampler: Sampler, { score, capture }: ObservationRequest) {
    this.sampler = sampler;
    if (score !== undefined) this.score = score;
    if (capture !== undefined) this.capture = capture;
  }

  accept(_sample: Sample): 'stop' {
    return 'stop';
  }

  finish(): void {}

  fail(error: unknown): void {
    this.#error = { value: error };
  }

  throwIfFailed(): void {
    if (this.#error !== null) throw this.#error.value;
  }
}
