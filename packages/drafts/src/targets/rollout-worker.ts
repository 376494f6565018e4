/**
 * A producer: leases prompts, lets the target compute them, stores the features and commits their refs.
 *
 *   lease -> capture -> (failed: fail the prompt, others go on) -> put -> commit -> (superfluous: abort)
 *
 * A worker stops after `failuresMax` calls in a row in which the target itself failed; its prompts go to other workers. The
 * run fails when the last worker has stopped.
 */
import type { DataFlowController, FeatureStore, PromptTask, SampleRef } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import { type CapturePlan, sampleInput } from './sample-features.ts';
import type { PromptStates, TargetEngine } from './target-engine.ts';
import { checkWanted } from './wanted-states.ts';

/** The calls of a controller that a producer makes. Another machine's controller answers with promises. */
export type ProducerControl = {
  readonly [Name in
    | 'leasePrompts'
    | 'commit'
    | 'failPrompts'
    | 'dropWorker'
    | 'failRun'
    | 'nextChange'
    | 'status']: (
    ...parameters: Parameters<DataFlowController[Name]>
  ) => ReturnType<DataFlowController[Name]> | Promise<Awaited<ReturnType<DataFlowController[Name]>>>;
};

export interface RolloutOptions {
  /** Unique among the workers of a run. */
  readonly name: string;
  readonly control: ProducerControl;
  readonly store: FeatureStore;
  readonly engine: TargetEngine;
  readonly plan: CapturePlan;
  readonly failuresMax: number;
  /** Called after every committed sample. */
  readonly onSample?: (ref: SampleRef) => void;
}

/** Codes of a store that say that this prompt's states are wrong. Other errors of a store would meet every prompt. */
const featureCodes: ReadonlySet<string> = new Set([
  'constant-features',
  'non-finite-features',
  'bad-feature',
]);

/** `worked`: prompts were leased. `idle`: back-pressure, or all prompts are leased. `stopped`: the target keeps failing. */
export type RolloutTurn = 'worked' | 'idle' | 'stopped';

export class RolloutWorker {
  readonly #options: RolloutOptions;
  #failures = 0;
  #stoppedBy: PlimsollError | null = null;

  /** Throws what `checkWanted` throws: no prompt is leased for states that the engine cannot capture. */
  constructor(options: RolloutOptions) {
    checkWanted(options.engine, options.plan);
    this.#options = options;
  }

  /** The error that stopped the worker; null while it works. */
  get stoppedBy(): PlimsollError | null {
    return this.#stoppedBy;
  }

  /** Leases prompts once and works on them. Throws the failure of the run, errors of the store, and the signal's reason. */
  async runOnce(signal?: AbortSignal): Promise<RolloutTurn> {
    const { name, control, engine } = this.#options;
    if (this.#stoppedBy !== null) return 'stopped';
    signal?.throwIfAborted();
    const leased = await control.leasePrompts(name, engine.promptsMax);
    if (leased.length === 0) return 'idle';
    try {
      await this.#produce(
        leased.map(({ task }) => task),
        signal,
      );
      this.#failures = 0;
      return 'worked';
    } catch (error) {
      await control.dropWorker(name);
      signal?.throwIfAborted();
      if (!(error instanceof TargetFailure)) throw error;
      this.#failures++;
      if (this.#failures < this.#options.failuresMax) return 'worked';
      this.#stoppedBy = error.failure;
      return 'stopped';
    }
  }

  async #produce(tasks: readonly PromptTask[], signal: AbortSignal | undefined): Promise<void> {
    const { engine, plan } = this.#options;
    const prompts = tasks.map(({ inputIds }) => inputIds);
    const outcomes = await engine.capture(prompts, plan, signal).catch((error: unknown) => {
      throw error instanceof PlimsollError ? new TargetFailure(error) : error;
    });
    for (const [index, task] of tasks.entries()) {
      const outcome = outcomes[index];
      if (outcome?.kind === 'captured') {
        await this.#publish(task, outcome.states);
        continue;
      }
      await this.#fail(task, outcome ?? { reason: 'the target left the prompt out', isRetryable: true });
    }
  }

  async #publish(task: PromptTask, states: PromptStates): Promise<void> {
    const { control, store, plan, onSample } = this.#options;
    let ref: SampleRef;
    try {
      ref = await store.put(sampleInput(task, plan, states));
    } catch (error) {
      if (!(error instanceof PlimsollError) || !featureCodes.has(error.code)) throw error;
      await this.#fail(task, { reason: error.message, isRetryable: false });
      return;
    }
    try {
      const { superfluous } = await control.commit([ref]);
      for (const other of superfluous) await store.abort(other);
    } catch (error) {
      await store.abort(ref);
      throw error;
    }
    onSample?.(ref);
  }

  /** A lease that has expired is another worker's now, so that its failure is none of this worker's. */
  async #fail(
    { taskId }: PromptTask,
    { reason, isRetryable }: { readonly reason: string; readonly isRetryable: boolean },
  ): Promise<void> {
    try {
      await this.#options.control.failPrompts(this.#options.name, [{ taskId, reason, isRetryable }]);
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== 'prompt-not-leased') throw error;
    }
  }
}

/** Marks a failure of the target itself. */
class TargetFailure extends Error {
  readonly failure: PlimsollError;

  constructor(failure: PlimsollError) {
    super(failure.message, { cause: failure });
    this.failure = failure;
  }
}

/**
 * Runs workers until every prompt of the closed plan is committed or has failed. Fails the run when the last worker has
 * stopped.
 */
export async function runRollout(
  workers: readonly RolloutWorker[],
  control: ProducerControl,
  signal?: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const all = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  const work = async (worker: RolloutWorker): Promise<void> => {
    for (;;) {
      const changed = Promise.resolve(control.nextChange(all));
      // The wait ends with the run; only `await` below listens to it.
      changed.catch(() => undefined);
      const turn = await worker.runOnce(all);
      if (turn === 'stopped') return;
      if (turn === 'idle') {
        if (await isProduced(control)) return;
        await changed;
      }
    }
  };
  try {
    await Promise.all(workers.map(work));
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof PlimsollError) await control.failRun(error);
    throw error;
  } finally {
    ended.abort(new Error('the rollout has ended'));
  }
  if (await isProduced(control)) return;
  const failure = workers.map(({ stoppedBy }) => stoppedBy).find((error) => error !== null) ?? null;
  const error = noWorkerLeft(workers.length, failure);
  await control.failRun(error);
  throw error;
}

async function isProduced(control: ProducerControl): Promise<boolean> {
  const { prompts } = await control.status();
  return prompts.waiting === 0 && prompts.leased === 0;
}

function noWorkerLeft(count: number, failure: PlimsollError | null): PlimsollError {
  return new PlimsollError(
    {
      code: 'no-worker-left',
      message: `all ${count} producers have stopped: ${failure?.message ?? 'none was started'}`,
      value: count,
      limit: 'at least one working target',
      hint: failure?.hint ?? 'start a producer',
    },
    { cause: failure },
  );
}
