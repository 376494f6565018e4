/** The controller of a run with its ledger in a file and its whole prompt plan. */
import { type CaptureContract, DataFlowController, type PromptTask, SqliteLedger } from '@plimsoll/dataflow';
import { monotonicClock } from '@plimsoll/foundation';
import type { OpenRun } from '../trainer/live-flow.ts';

type ControllerOptions = ConstructorParameters<typeof DataFlowController>[0];

export interface LedgerRunOptions
  extends Pick<
    ControllerOptions,
    'quantum' | 'limits' | 'attemptsMax' | 'leaseSeconds' | 'failedPromptsMax'
  > {
  readonly contract: CaptureContract;
  /** The plan from its beginning, for every start of the run. */
  readonly tasks: () => AsyncIterable<PromptTask>;
  readonly ledgerPath: string;
}

/** The result opens a run. It throws errors of the plan, `bad-watermarks`, `ledger-not-empty` and other errors of the ledger. */
export function ledgerRun({ contract, tasks, ledgerPath, ...options }: LedgerRunOptions): OpenRun {
  return async (resume) => {
    const ledger = new SqliteLedger(ledgerPath);
    try {
      const fixed = { clock: monotonicClock, freeAfter: 'checkpoint' } as const;
      const run = new DataFlowController({ ...options, ...fixed, contract, ledger, resume });
      for await (const task of tasks()) run.addPrompts([task]);
      run.closePlan();
      return { run, close: () => ledger.close() };
    } catch (error) {
      ledger.close();
      throw error;
    }
  };
}
