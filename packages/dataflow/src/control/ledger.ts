/**
 * The durable record of a run's samples. A sample moves one way, each change is one transaction, and the change counts only
 * when the call has returned:
 *
 *   committed --train--> trained --free--> freed      `requeue` leads from trained back to committed, for a run that
 *       |                                   ^         resumes from a checkpoint before the sample's step
 *       +-------drop--> dropped ---free-----+         `discard` forgets a committed sample, for a new capture
 *
 * ledger.test.ts runs one suite against every implementation.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { SampleRef } from '../contracts/sample-ref.ts';

export type SampleState = 'committed' | 'trained' | 'dropped' | 'freed';

export interface PlannedRef {
  readonly planIndex: number;
  readonly ref: SampleRef;
}

export interface LedgerSample extends PlannedRef {
  readonly state: SampleState;
  /** The optimizer step that trained the sample; null before, and for a dropped sample. */
  readonly step: number | null;
}

/** A prompt that got no features within its attempts. */
export interface FailedPrompt {
  readonly taskId: string;
  readonly planIndex: number;
  readonly attempts: number;
  readonly reason: string;
}

export interface LedgerContent {
  /** In plan order. */
  readonly samples: readonly LedgerSample[];
  readonly failures: readonly FailedPrompt[];
}

export interface Ledger {
  /** Adds samples in one transaction. Throws `sample-known` and adds none if the ledger has one of them. */
  commit(refs: readonly PlannedRef[]): void;
  /** Records in one transaction that an optimizer step has used the samples. Throws `sample-state`. */
  train(sampleIds: readonly string[], step: number): void;
  /** Ends samples that no full window holds. Throws `sample-state`. */
  drop(sampleIds: readonly string[]): void;
  /** Records that the features of trained or dropped samples are removed. Throws `sample-state`. */
  free(sampleIds: readonly string[]): void;
  /** Makes trained samples committed again. Throws `sample-state`. */
  requeue(sampleIds: readonly string[]): void;
  /** Forgets committed samples. Throws `sample-state`. */
  discard(sampleIds: readonly string[]): void;
  fail(failure: FailedPrompt): void;
  read(): LedgerContent;
  close(): void;
}

/** The states that each change starts from and the state that it leads to. */
export const sampleChanges = {
  train: { from: ['committed'], to: 'trained' },
  drop: { from: ['committed'], to: 'dropped' },
  free: { from: ['trained', 'dropped'], to: 'freed' },
  requeue: { from: ['trained'], to: 'committed' },
  discard: { from: ['committed'], to: null },
} as const satisfies Record<string, { from: readonly SampleState[]; to: SampleState | null }>;
export type SampleChange = keyof typeof sampleChanges;

export function wrongState(change: SampleChange, sampleId: string, state: SampleState | null): PlimsollError {
  return new PlimsollError({
    code: 'sample-state',
    message: `the ledger cannot ${change} sample ${sampleId}, which is ${state ?? 'unknown'}`,
    value: state ?? sampleId,
    limit: sampleChanges[change].from.join(' or '),
    hint: 'one process of a run writes the ledger: end the other one',
  });
}

export function sampleKnown(sampleId: string): PlimsollError {
  return new PlimsollError({
    code: 'sample-known',
    message: `the ledger has sample ${sampleId} already`,
    value: sampleId,
    limit: 'each sample once',
    hint: 'one process of a run writes the ledger: end the other one',
  });
}
