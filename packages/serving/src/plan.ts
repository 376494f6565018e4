/** The plan of a step, the engine's results, and the outcome of their commit. */
import type { Seconds } from '@plimsoll/foundation';
import type { SequenceId } from './ids.ts';
import type { FinishReason, SequenceView } from './sequence.ts';
import type { BlockTransfer, StateTransfer } from './transfers.ts';

/**
 * Compute the tokens [start, start + count) of one sequence. Its tables cover them. With state slots, an entry that
 * starts at 0 starts from a zero state, whatever its slot held.
 */
export interface PlanEntry {
  readonly sequence: SequenceView;
  readonly kind: 'decode' | 'prefill';
  readonly start: number;
  readonly count: number;
  /** The last `draftCount` of the tokens are drafts to verify; the sequence's own tokens do not include them. */
  readonly draftCount: number;
  /** True if the entry reaches the last known token: the engine computes logits, and `commit` expects a result. */
  readonly samples: boolean;
  /** Rows of logits: the last known token and the drafts; 0 if the entry does not sample. */
  readonly sampledRows: number;
}

export interface StepPlan {
  /** Steps are numbered from 0. */
  readonly index: number;
  readonly now: Seconds;
  /**
   * Decoding sequences, then running sequences in prefill, then newly admitted sequences; each in the policy's order.
   * After `commitCounted`, the next step writes its entries into the same objects.
   */
  readonly entries: readonly PlanEntry[];
  /** Entries that decode. */
  readonly decodeCount: number;
  /** Entries that sample. */
  readonly samplingCount: number;
  /** The engine performs these before computing, in this order. */
  readonly blockTransfers: readonly BlockTransfer[];
  readonly stateTransfers: readonly StateTransfer[];
  /**
   * Sequences that now hold memory. Into those in state `receiving`, a transport writes after the transfers of this
   * step, because a transfer may still read a block that it writes.
   */
  readonly admitted: readonly SequenceView[];
  readonly preempted: readonly SequenceView[];
  /** Sequences that waited longer than `queueSecondsMax`; the scheduler has ended them. */
  readonly expired: readonly SequenceView[];
  /** Sum of the entries' counts; never above the token budget. */
  readonly tokenCount: number;
}

/** Another continuation of the same prefix (n > 1): a fork that starts with its own sampled token. */
export interface ForkResult {
  readonly token: number;
  readonly finished?: 'stop';
}

/** The engine's answer to an entry that samples. A commit takes them in the order of the plan's entries. */
export interface StepResult {
  readonly sequenceId: SequenceId;
  /** The accepted drafts, in order, then one sampled token: between 1 and draftCount + 1 tokens. */
  readonly tokens: readonly number[];
  /** Set if the engine ends the sequence here: end token, stop string. */
  readonly finished?: 'stop';
  /** Guesses for the tokens after these, to be verified in the next step. */
  readonly drafts?: readonly number[];
  /** Instead of drafts: a number of places, which `Scheduler.propose` fills after the next step is planned. */
  readonly draftPlaces?: number;
  readonly forks?: readonly ForkResult[];
}

/** What a sampling entry of a sequence without tokens yields, besides the token that the model samples itself. */
export interface CountedResult {
  /** Drafts of the entry that the model accepts. */
  readonly accepted: number;
  /** Drafts to verify in the next step. */
  readonly draftPlaces: number;
}

export interface CommitOutcome {
  /**
   * Sequences that ended in this step, with their reasons. The scheduler has forgotten them, except those in state
   * `sending`, which keep their blocks.
   */
  readonly finished: readonly { readonly sequence: SequenceView; readonly reason: FinishReason }[];
  readonly forked: readonly { readonly parent: SequenceId; readonly child: SequenceView }[];
}
