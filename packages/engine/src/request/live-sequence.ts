/** What the loop asks of a consumer of tokens: a sampler, a verdict on every token, and optional looks at the rows. */
import type { FinishReason, SequenceId, SequenceView } from '@plimsoll/serving';
import type { Sample, Sampler } from '../sampling/sampler.ts';

/** Receives copies of the residual stream, [rows, hiddenSize], of the tokens at [start, start + rows). */
export interface HiddenCapture {
  /** Layer numbers; -1 is the embedding. */
  readonly layers: ReadonlySet<number>;
  take(layer: number, start: number, rows: Float32Array): void;
}

/** A text that goes on in a new sequence. */
export interface Continuation {
  readonly prompt: readonly number[];
  readonly outputTokensMax: number;
}

/** Any method may throw: the loop then ends this sequence with that error, and no other. */
export interface LiveSequence {
  readonly sampler: Sampler;
  /** True while the reader is behind: the loop then leaves the sequence out of steps. */
  readonly isBehind?: boolean;
  /** Tokens a grammar permits next, as a bit set; absent = all. */
  allowed?(): Uint32Array | undefined;
  /** The scheduler has accepted the sequence. */
  began?(sequence: SequenceView): void;
  /** Takes a sampled token; 'stop' ends the sequence with it. */
  accept(sample: Sample): 'stop' | null;
  /** The sequence left the scheduler. */
  finish(reason: FinishReason, sequence: SequenceView): void;
  /** The text to go on with, once, after a sequence whose context was full. */
  continuation?(): Continuation | null;
  /** The sequence cannot go on; the loop has taken it out of the scheduler. */
  fail(error: unknown, sequence: SequenceView): void;
  /** More continuations of the same prompt, which begin with the first sampled token. The loop asks once. */
  forks?(): readonly LiveSequence[];
  /** Guesses for the next tokens, to be verified in one step. */
  draft?(tokens: readonly number[]): readonly number[];
  /** Guesses for the next tokens that a draft model, where the engine has one, may make. */
  readonly draftTokensMax?: number;
  /** Reports one verification: `drafted` tokens were checked and the first `accepted` of them were kept. */
  verified?(drafted: number, accepted: number): void;
  /** Wants the logits that follow every token, not only the last one. The row is valid during the call. */
  score?(position: number, logits: Float32Array): void;
  readonly capture?: HiddenCapture;
}

/** Live sequences by the scheduler's ids. */
export type LiveSequences = Map<SequenceId, LiveSequence>;
