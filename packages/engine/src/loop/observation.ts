/**
 * Observes the computation of a prompt: logits after every token, hidden states of layers. Its uses are perplexity,
 * draft training, and comparisons with other engines.
 */
import type { FinishReason } from '@plimsoll/serving';
import type { HiddenCapture, LiveSequence } from '../request/live-sequence.ts';
import type { Sample, Sampler } from '../sampling/sampler.ts';

export interface ObservationRequest {
  /** Receives the logits after each position, [vocabulary], in order. The row is valid during the call. */
  readonly score?: (position: number, logits: Float32Array) => void;
  readonly capture?: HiddenCapture;
  readonly signal?: AbortSignal;
}

export class Observation implements LiveSequence {
  readonly sampler: Sampler;
  readonly score?: (position: number, logits: Float32Array) => void;
  readonly capture?: HiddenCapture;
  /** Resolves when the prompt has been computed; rejects when the observation fails or is cancelled. */
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
