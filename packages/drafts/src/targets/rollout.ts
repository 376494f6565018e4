/** Runs the workers of one process until the run needs no more samples. */
import type { DataFlowController } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import type { RolloutWorker } from './rollout-worker.ts';

/**
 * Runs workers until every sample of the plan is trained, dropped or failed. Captured is not enough: features that the
 * trainer cannot read are captured again. Run training at the same time.
 *
 * Throws `no-worker-left` if the targets of all workers have failed, the failure of the run, errors of links and stores, and
 * the signal's reason, after all workers have given their prompts back. Producers of other processes may go on, so these
 * errors do not fail the run.
 */
export async function runRollout(workers: readonly RolloutWorker[], signal?: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const all = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
  const work = async (worker: RolloutWorker): Promise<void> => {
    try {
      let turn = await worker.runOnce(all);
      while (turn === 'worked') turn = await worker.runOnce(all);
    } catch (error) {
      ending.abort(error);
      throw error;
    }
  };
  const outcomes = await Promise.allSettled(workers.map(work));
  // The reason is the signal's, or the error of the worker that failed first and ended the others.
  if (outcomes.some(({ status }) => status === 'rejected')) all.throwIfAborted();
  const failures = workers.map(({ stoppedBy }) => stoppedBy);
  if (failures.every((failure) => failure !== null)) throw noWorkerLeft(failures);
}

/**
 * Runs workers on a run of this process that has no other producers, and fails the run with their error, because its
 * trainer would wait for samples forever. Throws what `runRollout` throws.
 */
export async function runLocalRollout(
  run: Pick<DataFlowController, 'failRun'>,
  workers: readonly RolloutWorker[],
  signal?: AbortSignal,
): Promise<void> {
  try {
    await runRollout(workers, signal);
  } catch (error) {
    run.failRun(producerFailure(error));
    throw error;
  }
}

function noWorkerLeft(failures: readonly PlimsollError[]): PlimsollError {
  const [failure] = failures;
  return new PlimsollError(
    {
      code: 'no-worker-left',
      message: `all ${failures.length} producers have stopped: ${failure?.message ?? 'none was started'}`,
      value: failures.length,
      limit: 'at least one working target',
      hint: failure?.hint ?? 'start a producer',
    },
    { cause: failure },
  );
}

/** Why a run fails whose producers have stopped. */
export function producerFailure(error: unknown): PlimsollError {
  if (error instanceof PlimsollError) return error;
  return new PlimsollError(
    {
      code: 'producer-failed',
      message: `a producer failed: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'resume the run after the cause is removed; trained samples are not captured again',
    },
    { cause: error },
  );
}
