/**
 * A frozen target: it computes the hidden states of prompts and answers them. Nothing outside this folder knows which
 * engine computes; the tests of every implementation compare with the states of our own engine.
 *
 * A layer l is the output of decoder layer l, `hidden_states[l + 1]` of transformers. The final states are those that the
 * head reads: after the last norm.
 */
import type { SampleRef } from '@plimsoll/dataflow';
import type { PlimsollError } from '@plimsoll/foundation';

export type TargetIdentity = SampleRef['target'];

/** What a training algorithm wants of the target. */
export interface WantedStates {
  /** Empty if only the final states are wanted. */
  readonly layerIds: readonly number[];
  readonly hasFinal: boolean;
}

/** Hidden states of one prompt, in f32. */
export interface PromptStates {
  /** [tokens, layers x hidden size]: the layers in the order of `layerIds`. Null without layers. */
  readonly layers: Float32Array | null;
  /** [tokens, hidden size]; null if they are not wanted. */
  readonly final: Float32Array | null;
}

/** A failure belongs to one prompt; the others of the call are not affected. */
export type CaptureOutcome =
  | { readonly kind: 'captured'; readonly states: PromptStates }
  | { readonly kind: 'failed'; readonly reason: string; readonly isRetryable: boolean };

export interface AnswerRequest {
  readonly prompt: readonly number[];
  readonly tokensMax: number;
  /** 0: the most likely token each time. */
  readonly temperature: number;
  readonly seed: number;
}

export interface Answer {
  readonly text: string;
  /** False if `tokensMax` cut the answer off. */
  readonly isWhole: boolean;
}

export interface TargetEngine {
  readonly identity: TargetIdentity;
  readonly hiddenSize: number;
  readonly layerCount: number;
  /** Prompts that one call of `capture` computes at the same time. */
  readonly promptsMax: number;
  /** Why this engine cannot capture these states; null if it can. */
  refusal(wanted: WantedStates): PlimsollError | null;
  /** Returns one outcome per prompt, in order. Throws if the target itself fails, such as an unreachable server. */
  capture(
    prompts: readonly (readonly number[])[],
    wanted: WantedStates,
    signal?: AbortSignal,
  ): Promise<readonly CaptureOutcome[]>;
  answer(request: AnswerRequest, signal?: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}
