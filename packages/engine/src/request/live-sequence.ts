/** The contract between the loop and a consumer of tokens: a sampler, a decision on every token, optional callbacks. */
import type { FinishReason, SequenceId, SequenceView } from '@plimsoll/serving';
import type { Sample, Sampler } from '../sampling/sampler.ts';

/**
 * The number of a layer for the residual stream after it, -1 for the embedding, or `final` for the states that the head
 * multiplies: the last layer's after the final norm. A layer's output is `hidden_states[layer + 1]` of transformers.
 */
export type HiddenLayer = number | 'final';

/** Receives hidden states while a sequence is computed. */
export interface HiddenCapture {
  readonly layers: ReadonlySet<HiddenLayer>;
  /**
   * `all`: every computed position; the sequence then reads no cached prefix, because the cache has no hidden states.
   * `last`: the prompt's last position and the positions of the output. Default `all`.
   */
  readonly positions?: 'all' | 'last';
  /**
   * Takes rows, [rows, hiddenSize], of the positions [start, start + rows). The rows are valid during the call. A
   * position comes again if its draft was rejected or its sequence preempted; the last rows are right.
   */
  take(layer: HiddenLayer, start: number, rows: Float32Array): void;
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
  /**
   * Receives the draft's logits for the token at a position, [vocabulary], before it is proposed. Tokens that the draft
   * cannot predict have -Infinity. The row is valid during the call.
   */
  proposed?(position: number, logits: Float32Array): void;
  /** Reports one verification: `drafted` tokens were checked and the first `accepted` of them were kept. */
  verified?(drafted: number, accepted: number): void;
  /** Receives the logits after every token, [vocabulary]. The row is valid during the call. */
  score?(position: number, logits: Float32Array): void;
  readonly capture?: HiddenCapture;
}

/** Live sequences, keyed by the scheduler's ids. */
export type LiveSequences = Map<SequenceId, LiveSequence>;
