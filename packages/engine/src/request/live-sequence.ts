/** What the engine asks of whoever generates: a sampler, a verdict on every token, and optional looks at the rows. */
import type { FinishReason, SequenceId } from '@plimsoll/serving';
import type { Sample, Sampler } from '../sampling/sampler.ts';

/** Receives copies of the residual stream, [rows, hiddenSize], of the tokens at [start, start + rows). */
export interface HiddenCapture {
  /** Layer numbers; -1 is the embedding. */
  readonly layers: ReadonlySet<number>;
  take(layer: number, start: number, rows: Float32Array): void;
}

export interface LiveSequence {
  readonly sampler: Sampler;
  /** Tokens a grammar permits next, as a bit set; absent = all. */
  allowed?(): Uint32Array | undefined;
  /** Takes a sampled token; 'stop' ends the sequence with it. */
  accept(sample: Sample): 'stop' | null;
  /** The sequence left the scheduler with these tokens, prompt and output. */
  finish(reason: FinishReason, tokens: readonly number[]): void;
  /** The sequence cannot go on; it has been taken out of the scheduler. */
  fail(error: unknown): void;
  /** More continuations of the same prompt, which begin with the first sampled token. Asked once. */
  forks?(): readonly LiveSequence[];
  /** Guesses for the next tokens, to be verified in one step. */
  draft?(tokens: readonly number[]): readonly number[];
  /** Guesses for the next tokens that a draft model, where the engine has one, may make. */
  readonly draftTokensMax?: number;
  /** So many drafted tokens were looked at in a step, and so many of them stood. */
  verified?(drafted: number, accepted: number): void;
  /** Wants the logits that follow every token, not only the last one. The row is valid during the call. */
  score?(position: number, logits: Float32Array): void;
  readonly capture?: HiddenCapture;
}

/** Live sequences by the scheduler's ids. */
export type LiveSequences = Map<SequenceId, LiveSequence>;
