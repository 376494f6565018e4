/**
 * A prompt that is computed to be looked at: logits after every token, hidden states of layers. For perplexity, for
 * draft training, and for comparing this engine with another.
 */
import type { FinishReason } from '@plimsoll/serving';
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
  /** Settles when the prompt has been computed, or the observation has failed. */
  readonly done: Promise<void>;
  readonly #settle: { resolve(): void; reject(error: unknown): void };

  constructor(sampler: Sampler, { score, capture }: ObservationRequest) {
    this.sampler = sampler;
    if (score !== undefined) this.score = score;
    if (capture !== undefined) this.capture = capture;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#settle = { resolve, reject };
  }

  accept(_sample: Sample): 'stop' {
    return 'stop';
  }

  finish(reason: FinishReason): void {
    if (reason !== 'aborted') this.#settle.resolve();
  }

  fail(error: unknown): void {
    this.#settle.reject(error);
  }

  cancel(reason: unknown): void {
    this.#settle.reject(reason);
  }
}
