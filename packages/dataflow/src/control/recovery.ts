/** What a restart makes of the ledger: samples of steps that no checkpoint holds are trained again. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Ledger, LedgerContent } from './ledger.ts';

export interface Resume {
  /** The last optimizer step that the loaded checkpoint holds. */
  readonly checkpointStep: number;
}

/**
 * Reads the ledger of a run. Throws `ledger-not-empty` for a new run, and `ledger-ahead-of-checkpoint` if features of steps
 * after the checkpoint are already removed: training could not repeat these steps.
 */
export function recoverLedger(ledger: Ledger, resume: Resume | null): LedgerContent {
  const content = ledger.read();
  if (resume === null) {
    const entries = content.samples.length + content.failures.length;
    if (entries > 0) throw notEmpty(entries);
    return content;
  }
  const { checkpointStep } = resume;
  const later = content.samples.filter(({ step }) => step !== null && step > checkpointStep);
  const removed = later.find(({ state }) => state === 'freed');
  if (removed !== undefined) throw aheadOfCheckpoint(removed.step ?? 0, checkpointStep);
  ledger.requeue(later.map(({ ref }) => ref.sampleId));
  return ledger.read();
}

function notEmpty(entries: number): PlimsollError {
  return new PlimsollError({
    code: 'ledger-not-empty',
    message: `a new run found ${entries} entries of an earlier run in its ledger`,
    value: entries,
    limit: 0,
    hint: 'resume the earlier run from its checkpoint, or name a new ledger',
  });
}

function aheadOfCheckpoint(step: number, checkpointStep: number): PlimsollError {
  return new PlimsollError({
    code: 'ledger-ahead-of-checkpoint',
    message: `the features of step ${step} are removed, but the checkpoint ends at step ${checkpointStep}`,
    value: step,
    limit: checkpointStep,
    hint: 'load the latest checkpoint; free features after checkpoints and not after steps',
  });
}
