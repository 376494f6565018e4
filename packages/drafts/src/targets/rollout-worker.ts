/**
 * A producer: takes prompts from a run, lets the target compute them, stores the features and commits their refs.
 *
 *   nextPrompts -> capture -> (failed: fail the prompt, others go on) -> put -> commit
 *
 * A worker stops after `failuresMax` calls in a row in which the target itself failed; other producers get its prompts.
 */
import type { FeatureStore, ProducerLink, PromptTask, SampleRef } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import { type CapturePlan, sampleInput } from './sample-features.ts';
import type { CaptureOutcome, PromptStates, TargetEngine } from './target-engine.ts';
import { checkWanted } from './wanted-states.ts';

export interface RolloutOptions {
  /** The worker's own link: a link knows the prompts that its producer has. */
  readonly link: ProducerLink;
  readonly store: Pick<FeatureStore, 'put'>;
  readonly engine: TargetEngine;
  readonly plan: CapturePlan;
  /** Below the attempts of a prompt in the run: a target that is down would use up the attempts of its prompts. */
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

/** `ended`: the run needs no more samples. `stopped`: the target keeps failing. */
export type RolloutTurn = 'worked' | 'ended' | 'stopped';

export class RolloutWorker {
  readonly #options: RolloutOptions;
  #failures = 0;
  #stoppedBy: PlimsollError | null = null;

  /** Throws what `checkWanted` throws: no prompt is taken for states that the engine cannot capture. */
  constructor(options: RolloutOptions) {
    checkWanted(options.engine, options.plan);
    this.#options = options;
  }

  /** The error that stopped the worker; null while it works. */
  get stoppedBy(): PlimsollError | null {
    return this.#stoppedBy;
  }

  /**
   * Waits for prompts and works on them. Throws the failure of the run, errors of the link and the store, and the signal's
   * reason; then the worker has given its prompts back.
   */
  async runOnce(signal?: AbortSignal): Promise<RolloutTurn> {
    const { link, engine } = this.#options;
    if (this.#stoppedBy !== null) return 'stopped';
    const prompts = await link.nextPrompts(engine.promptsMax, signal);
    if (prompts === null) return 'ended';
    const tasks = prompts.map(({ task }) => task);
    try {
      const outcomes = await this.#capture(tasks, signal);
      if (outcomes instanceof PlimsollError) return await this.#targetFailed(tasks, outcomes);
      for (const [index, task] of tasks.entries()) await this.#finish(task, outcomes[index]);
      this.#failures = 0;
      return 'worked';
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  /** Returns the error of a target that failed as a whole. */
  async #capture(
    tasks: readonly PromptTask[],
    signal: AbortSignal | undefined,
  ): Promise<readonly CaptureOutcome[] | PlimsollError> {
    const { engine, plan } = this.#options;
    const prompts = tasks.map(({ inputIds }) => inputIds);
    try {
      return await engine.capture(prompts, plan, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof PlimsollError) return error;
      throw error;
    }
  }

  async #targetFailed(tasks: readonly PromptTask[], error: PlimsollError): Promise<RolloutTurn> {
    for (const task of tasks) await this.#fail(task, { reason: error.message, isRetryable: true });
    this.#failures++;
    if (this.#failures < this.#options.failuresMax) return 'worked';
    this.#stoppedBy = error;
    return 'stopped';
  }

  async #finish(task: PromptTask, outcome: CaptureOutcome | undefined): Promise<void> {
    if (outcome?.kind === 'captured') await this.#publish(task, outcome.states);
    else await this.#fail(task, outcome ?? { reason: 'the target left the prompt out', isRetryable: true });
  }

  /** A commit that throws may have reached the run, so the features stay; `gc` of the store removes what no run needs. */
  async #publish(task: PromptTask, states: PromptStates): Promise<void> {
    const { link, store, plan, onSample } = this.#options;
    let ref: SampleRef;
    try {
      ref = await store.put(sampleInput(task, plan, states));
    } catch (error) {
      if (!(error instanceof PlimsollError) || !featureCodes.has(error.code)) throw error;
      await this.#fail(task, { reason: error.message, isRetryable: false });
      return;
    }
    await link.commit([ref]);
    onSample?.(ref);
  }

  /** After its lease has expired, a prompt belongs to another worker, and this worker's failure does not count. */
  async #fail(
    { taskId }: PromptTask,
    { reason, isRetryable }: { readonly reason: string; readonly isRetryable: boolean },
  ): Promise<void> {
    try {
      await this.#options.link.fail([{ taskId, reason, isRetryable }]);
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== 'prompt-not-leased') throw error;
    }
  }
}
