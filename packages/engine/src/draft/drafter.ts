/** The contract between the loop and what proposes tokens with a model: a smaller model, or an EAGLE3 draft. */
import type { PlanEntry, SequenceView, StepPlan } from '@plimsoll/serving';
import type { Capture, Forward } from '../forward/forward.ts';
import type { BatchEntry } from '../forward/step-batch.ts';
import type { Turn } from '../forward/walk.ts';
import type { LiveSequences } from '../request/live-sequence.ts';
import type { DraftedToken } from './speculative.ts';

/** A step whose rows are sampled and not yet committed. */
export interface SampledStep {
  readonly plan: StepPlan;
  /** The sampled tokens of an entry: its accepted drafts and the token after them. */
  readonly results: ReadonlyMap<PlanEntry, { readonly tokens: readonly number[] }>;
  readonly failed: ReadonlyMap<PlanEntry, unknown>;
}

export interface Drafter {
  readonly forward: Forward;
  /** Maximum number of proposed tokens per sequence and step. */
  readonly tokensMax: number;
  /** Entries for which the draft failed, with the error. */
  readonly failed: ReadonlyMap<PlanEntry, unknown>;
  /** Reads states of the model in every step; null if the draft reads tokens alone. */
  readonly capture: Capture | null;
  /** Returns how many of the `wanted` tokens the draft can propose for a sequence of `knownTokens` tokens. */
  places(sequence: SequenceView, knownTokens: number, wanted: number): number;
  copyBlock(group: number, from: number, to: number): void;
  /** Returns tokens for all open places of a step. */
  propose(
    plan: StepPlan,
    tables: ReadonlyMap<PlanEntry, BatchEntry['tables']>,
    live: LiveSequences,
  ): Turn<ReadonlyMap<PlanEntry, readonly number[]>>;
  /**
   * Returns the drafted token of an entry's place and the distribution that it was sampled from. Null if the place has
   * no token or the token is greedy.
   */
  drawn(entry: PlanEntry, place: number): DraftedToken | null;
  /** Working memory of the verification: [2, vocabulary]. */
  readonly scratch: Float32Array;
  /** Brings the cache of the draft to the end of the sampled tokens, before the step is committed. */
  keepUp(step: SampledStep): void;
}

/** The cache group of the model whose block numbers a draft uses: the first group, which holds the whole context. */
export const sharedGroup = 0;
