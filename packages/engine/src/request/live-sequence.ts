/** The contract between the loop and a consumer of tokens: a sampler, a decision on every token, optional callbacks. */
import type { FinishReason, SequenceId, SequenceView } from '@plimsoll/serving';
import type { Sample, Sampler } from '../sampling/sampler.ts';

/** Receives copies of the residual stream, [rows, hiddenSize], for the positions [start, start + rows). */
export interface HiddenCapture {
  /** Layer numbers; -1 is the embedding. */
  readonly layers: ReadonlySet<number>;
  take(layer: number, start: number, rows: Float32Array): void;
}

/** The start of a new sequence that continues a text. */
export interface Continuation {
  readonly prompt: readonly number[];
  readonly outputTokensMax: number;
}

/** A sequence in the loop. Any method may throw: the loop then ends this sequence with the error, and no other. */
export interface LiveSequence {
  readonly sampler: Sampler;
  /** True while the reader is too slow: the loop then pauses the sequence. */
  readonly isBehind?: boolean;
  /** The tokens that a grammar allows next, as a bit set; undefined = all. */
  allowed?(): Uint32Array | undefined;
  /** Called when the scheduler has accepted the sequence. */
  began?(sequence: SequenceView): void;
  /** Takes a sampled token; 'stop' ends the sequence with it. */
  accept(sample: Sample): 'stop' | null;
  /** Called when the sequence has left the scheduler. */
  finish(reason: FinishReason, sequence: SequenceView): void;
  /** Returns the continuation of a sequence whose context is full, once; null if the sequence ends. */
  continuation?(): Continuation | null;
  /** Called when the sequence failed. The loop has removed it from the scheduler. */
  fail(error: unknown, sequence: SequenceView): void;
  /** Other continuations of the same prompt, which fork at the first sampled token. */
  forks?(): readonly LiveSequence[];
  /** Proposes the next tokens, which the next step verifies. */
  draft?(tokens: readonly number[]): readonly number[];
  /** Maximum number of tokens that the engine's draft model may propose per step. */
  readonly draftTokensMax?: number;
  /** Reports one verification: `drafted` tokens were checked and the first `accepted` of them were kept. */
  verified?(drafted: number, accepted: number): void;
  /** Receives the logits after every token, [vocabulary]. The row is valid during the call. */
  score?(position: number, logits: Float32Array): void;
  readonly capture?: HiddenCapture;
}

/** Live sequences, keyed by the scheduler's ids. */
export type LiveSequences = Map<SequenceId, LiveSequence>;
