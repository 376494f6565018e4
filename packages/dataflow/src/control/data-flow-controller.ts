/**
 * The control plane of one run: prompts to producers, refs to the trainer, and the ledger of both. It sees metadata alone.
 *
 *   prompt plan -> leasePrompts -> (producer: capture, put) -> commit -> takeWindow -> (trainer: step) -> acknowledge
 *                      ^                                         |                                            |
 *                      +---- failed or expired, next attempt     +-> ledger <---------------------------------+
 *                                                                                freeable -> (store: abort) -> markFreed
 *
 * Each call that changes the run writes the ledger first and memory afterwards, so that a crash between the two loses
 * nothing: the next start reads the ledger. Calls are synchronous; a process that owns the controller may serve it to others.
 */
import { type Clock, defined, type PlimsollError } from '@plimsoll/foundation';
import { type CaptureContract, checkCapture } from '../contracts/capture-contract.ts';
import { assertNoTensors } from '../contracts/no-tensors.ts';
import { type PromptTask, parsePromptTask } from '../contracts/prompt-task.ts';
import { parseSampleRef, type SampleRef, sampleIdOf } from '../contracts/sample-ref.ts';
import { ChangeSignal } from './change-signal.ts';
import { planChanged, planFault, stepOrder, tooManyFailures, unknownTask } from './controller-errors.ts';
import { FlowGate, type FlowLimits } from './flow-gate.ts';
import type { FailedPrompt, Ledger, LedgerSample, PlannedRef } from './ledger.ts';
import { type LeasedPrompt, PromptQueue } from './prompt-queue.ts';
import { type Resume, recoverLedger } from './recovery.ts';
import { type SampleCounts, SampleTable } from './sample-table.ts';

export interface RunOptions {
  readonly contract: CaptureContract;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Samples of one optimizer step: batch x accumulation x trainers. */
  readonly quantum: number;
  readonly limits: FlowLimits;
  readonly attemptsMax: number;
  readonly leaseSeconds: number;
  /** Prompts that may fail for good before the run fails. */
  readonly failedPromptsMax: number;
  /** When trained features are freed: at once, or when a checkpoint holds their step. */
  readonly freeAfter: 'step' | 'checkpoint';
  /** Null for a new run, whose ledger must be empty. */
  readonly resume: Resume | null;
}

export interface CommitResult {
  /** Ids of samples that this commit has added. */
  readonly accepted: readonly string[];
  /** Refs whose samples have other features already: the producer aborts them in its store. */
  readonly superfluous: readonly SampleRef[];
}

export interface PromptFailure {
  readonly taskId: string;
  readonly reason: string;
  readonly isRetryable: boolean;
}

/** `wait`: call again after a change. `end`: every sample of the plan is trained, dropped or failed. */
export type Window =
  | { readonly kind: 'window'; readonly refs: readonly SampleRef[] }
  | { readonly kind: 'wait' }
  | { readonly kind: 'end' };

export interface RunStatus {
  readonly prompts: { readonly planned: number; readonly waiting: number; readonly leased: number };
  readonly samples: SampleCounts;
  readonly trained: number;
  readonly dropped: number;
  readonly failures: readonly FailedPrompt[];
  /** 0 before the first step. */
  readonly lastStep: number;
}

/** A sample that the ledger has, in any state. */
interface KnownSample {
  readonly planIndex: number;
  readonly address: string;
}

export class DataFlowController {
  readonly #options: RunOptions;
  readonly #gate: FlowGate;
  readonly #prompts: PromptQueue;
  readonly #samples = new SampleTable();
  /** Task id -> its plan index. */
  readonly #planIndices = new Map<string, number>();
  /** Sample id -> sample of the ledger. */
  readonly #known = new Map<string, KnownSample>();
  /** Plan index -> untrained sample of an earlier process. It is delivered once the plan names its prompt. */
  readonly #restored = new Map<number, SampleRef>();
  /** Plan index -> prompt of an untrained sample, for a new capture if its features prove unreadable. */
  readonly #captured = new Map<number, LeasedPrompt>();
  readonly #failures = new Map<string, FailedPrompt>();
  readonly #signal = new ChangeSignal();
  #isPlanClosed = false;
  #runFailure: PlimsollError | null = null;
  #lastStep = 0;
  #checkpointStep: number;
  #trainedCount = 0;
  #droppedCount = 0;

  /** Throws `bad-watermarks`, `ledger-not-empty` or `ledger-ahead-of-checkpoint`. */
  constructor(options: RunOptions) {
    this.#options = options;
    this.#gate = new FlowGate(options.limits, options.quantum);
    this.#prompts = new PromptQueue(options.attemptsMax);
    this.#checkpointStep = options.resume?.checkpointStep ?? 0;
    const { samples, failures } = recoverLedger(options.ledger, options.resume);
    for (const sample of samples) this.#restore(sample);
    for (const failure of failures) this.#endPrompt(failure);
  }

  /**
   * Adds prompts in plan order. After a restart, the caller adds the plan from its beginning; prompts that the ledger has
   * settled are not leased again. Throws `bad-prompt-task`, `plan-order` or `plan-changed`.
   */
  addPrompts(tasks: readonly PromptTask[]): void {
    for (const task of tasks.map(parsePromptTask)) {
      const planned = this.#planIndices.size;
      if (this.#isPlanClosed || task.planIndex !== planned || this.#planIndices.has(task.taskId))
        throw planFault(task, this.#isPlanClosed ? 'a closed plan' : planned);
      const known = this.#known.get(sampleIdOf(task)) ?? this.#failures.get(task.taskId);
      if (known !== undefined && known.planIndex !== task.planIndex) throw planChanged(task, known.planIndex);
      this.#planIndices.set(task.taskId, task.planIndex);
      const ref = this.#restored.get(task.planIndex);
      if (known === undefined) this.#prompts.add(task);
      else if (ref !== undefined) {
        this.#restored.delete(task.planIndex);
        this.#captured.set(task.planIndex, { task, attempt: 1 });
        this.#samples.add(task.planIndex, ref);
      }
    }
    this.#signal.notify();
  }

  closePlan(): void {
    this.#isPlanClosed = true;
    this.#signal.notify();
  }

  /**
   * Leases up to `count` prompts; none while back-pressure pauses producers. A transport that has leases of its own passes an
   * endless one. Throws the failure of the run.
   */
  leasePrompts(
    worker: string,
    count: number,
    leaseSeconds = this.#options.leaseSeconds,
  ): readonly LeasedPrompt[] {
    const now = this.#options.clock.now();
    for (const prompt of this.#prompts.expired(now)) this.#retry(prompt, 'the lease expired');
    this.#throwFailure();
    const { ready, training, bytes } = this.#samples.counts;
    const freshMax = this.#gate.room(ready + training + this.#prompts.startedCount, bytes);
    return this.#prompts.lease(worker, count, { freshMax, expiresSeconds: now + leaseSeconds });
  }

  /**
   * Accepts captured samples, all or none. A repeated commit of the same file is accepted again and changes nothing. Throws
   * `bad-sample-ref`, `tensor-in-control-plane`, `unknown-task` or what `checkCapture` throws.
   */
  commit(refs: readonly SampleRef[]): CommitResult {
    const added = new Map<string, PlannedRef>();
    const superfluous: SampleRef[] = [];
    for (const ref of refs.map(parseSampleRef)) {
      checkCapture(ref, this.#options.contract);
      const planIndex = this.#planIndexOf(ref.taskId);
      const address = added.get(ref.sampleId)?.ref.file.address ?? this.#known.get(ref.sampleId)?.address;
      if (address === undefined && !this.#failures.has(ref.taskId))
        added.set(ref.sampleId, { planIndex, ref });
      else if (address !== ref.file.address) superfluous.push(ref);
    }
    this.#options.ledger.commit([...added.values()]);
    for (const { planIndex, ref } of added.values()) {
      const prompt = this.#prompts.settle(planIndex);
      this.#captured.set(planIndex, defined(prompt, `prompt ${ref.taskId} of a new sample is open`));
      this.#known.set(ref.sampleId, { planIndex, address: ref.file.address });
      this.#samples.add(planIndex, ref);
    }
    this.#signal.notify();
    return { accepted: [...added.keys()], superfluous };
  }

  /** Ends attempts of leased prompts. Throws `prompt-not-leased`, `unknown-task` or `tensor-in-control-plane`. */
  failPrompts(worker: string, failures: readonly PromptFailure[]): void {
    assertNoTensors(failures, 'failure record');
    const ended = failures.map(({ taskId, reason, isRetryable }) => {
      const prompt = this.#prompts.needLease(this.#planIndexOf(taskId), worker);
      return { prompt, reason, isRetryable };
    });
    for (const { prompt, reason, isRetryable } of ended) {
      if (isRetryable) this.#retry(prompt, reason);
      else this.#failPrompt(prompt, reason);
    }
    this.#signal.notify();
  }

  /** Ends the leases of a producer that has died; each counts as an attempt. */
  dropWorker(worker: string): void {
    for (const prompt of this.#prompts.leasedTo(worker)) this.#retry(prompt, `producer "${worker}" died`);
    this.#signal.notify();
  }

  /** Fails the run: a producer that cannot go on must not look like the end of the plan. The first failure counts. */
  failRun(error: PlimsollError): void {
    this.#runFailure ??= error;
    this.#signal.notify();
  }

  /**
   * Takes the samples of one optimizer step, in plan order. Samples after the last full quantum are dropped, so that every
   * step has the same size. Throws the failure of the run.
   */
  takeWindow(): Window {
    this.#throwFailure();
    const refs = this.#samples.take(this.#options.quantum);
    if (refs !== null) return { kind: 'window', refs };
    const tail = this.#isPlanClosed ? this.#samples.takeTail(this.#planIndices.size) : null;
    if (tail === null) return { kind: 'wait' };
    const ids = tail.map(({ sampleId }) => sampleId);
    this.#options.ledger.drop(ids);
    this.#samples.end(ids, null);
    this.#droppedCount += ids.length;
    this.#signal.notify();
    return { kind: 'end' };
  }

  /** True when every sample of a closed plan is trained, dropped or failed. */
  isEnded(): boolean {
    const ended = this.#trainedCount + this.#droppedCount + this.#failures.size;
    return this.#isPlanClosed && ended === this.#planIndices.size;
  }

  /** True when the run has ended and the features of all its samples are removed. */
  isSettled(): boolean {
    return this.isEnded() && this.#samples.heldCount === 0;
  }

  /** Waits for a window. Returns null at the end of the plan. Throws the failure of the run, or the signal's reason. */
  async nextWindow(signal?: AbortSignal): Promise<readonly SampleRef[] | null> {
    for (;;) {
      signal?.throwIfAborted();
      const window = this.takeWindow();
      if (window.kind !== 'wait') return window.kind === 'window' ? window.refs : null;
      await this.#signal.next(signal);
    }
  }

  /** Waits until any call has changed the run: a producer without prompts waits here. */
  async nextChange(signal?: AbortSignal): Promise<void> {
    await this.#signal.next(signal);
  }

  /**
   * Records durably that an optimizer step has used the samples of windows. Throws `not-in-training` or `step-order`; then
   * nothing is recorded.
   */
  acknowledge(sampleIds: readonly string[], step: number): void {
    const samples = sampleIds.map((id) => this.#samples.needTraining(id));
    if (!Number.isSafeInteger(step) || step <= this.#lastStep)
      throw stepOrder(step, `above ${this.#lastStep}`);
    this.#options.ledger.train(sampleIds, step);
    this.#lastStep = step;
    this.#samples.end(sampleIds, step);
    this.#trainedCount += samples.length;
    for (const { planIndex } of samples) this.#captured.delete(planIndex);
    this.#signal.notify();
  }

  /** Gives untrained samples of a window back, in their place. Throws `not-in-training`. */
  returnWindow(sampleIds: readonly string[]): void {
    for (const id of sampleIds) this.#samples.needTraining(id);
    this.#samples.putBack(sampleIds);
    this.#signal.notify();
  }

  /**
   * Forgets samples of a window whose features cannot be read, so that their prompts are captured again. The caller returns
   * the rest of the window. Throws `not-in-training`.
   */
  rejectSamples(sampleIds: readonly string[], reason: string): void {
    assertNoTensors(reason, 'failure record');
    for (const id of sampleIds) this.#samples.needTraining(id);
    this.#options.ledger.discard(sampleIds);
    for (const id of sampleIds) {
      const planIndex = this.#samples.reject(id);
      this.#known.delete(id);
      const prompt = defined(this.#captured.get(planIndex), `sample ${id} has its prompt`);
      this.#captured.delete(planIndex);
      this.#retry(prompt, reason);
    }
    this.#signal.notify();
  }

  /** Records that a checkpoint holds all steps up to `step`. Throws `step-order`. */
  checkpointSaved(step: number): void {
    if (step > this.#lastStep) throw stepOrder(step, `at most ${this.#lastStep}`);
    this.#checkpointStep = Math.max(step, this.#checkpointStep);
  }

  /** Returns refs whose features nothing needs any more. The caller aborts them in the store and calls `markFreed`. */
  freeable(): readonly SampleRef[] {
    return this.#samples.ended(this.#options.freeAfter === 'step' ? Infinity : this.#checkpointStep);
  }

  /** Records that the features of `freeable` refs are removed. */
  markFreed(sampleIds: readonly string[]): void {
    this.#options.ledger.free(sampleIds);
    for (const id of sampleIds) this.#samples.free(id);
  }

  /** True for features that a sample still needs: the rule for a store's `gc`. */
  isNeeded(sampleId: string, generation: number): boolean {
    if (this.#samples.holds(sampleId, generation)) return true;
    const known = this.#known.get(sampleId);
    const restored = known === undefined ? undefined : this.#restored.get(known.planIndex);
    return restored?.sampleId === sampleId && restored.file.generation === generation;
  }

  status(): RunStatus {
    return {
      prompts: {
        planned: this.#planIndices.size,
        waiting: this.#prompts.waitingCount,
        leased: this.#prompts.leasedCount,
      },
      samples: this.#samples.counts,
      trained: this.#trainedCount,
      dropped: this.#droppedCount,
      failures: [...this.#failures.values()],
      lastStep: this.#lastStep,
    };
  }

  /** Throws an AssertionError if the parts of the run contradict each other. */
  checkIntegrity(): void {
    this.#samples.checkIntegrity();
  }

  #restore({ planIndex, ref, state, step }: LedgerSample): void {
    this.#known.set(ref.sampleId, { planIndex, address: ref.file.address });
    if (step !== null) this.#lastStep = Math.max(this.#lastStep, step);
    if (state === 'committed') this.#restored.set(planIndex, ref);
    else if (state === 'freed') this.#samples.skip(planIndex);
    else this.#samples.addEnded(planIndex, ref, step);
    if (state === 'trained' || (state === 'freed' && step !== null)) this.#trainedCount++;
    else if (state !== 'committed') this.#droppedCount++;
  }

  #retry(prompt: LeasedPrompt, reason: string): void {
    if (this.#prompts.retry(prompt) === 'out-of-attempts') this.#failPrompt(prompt, reason);
  }

  #failPrompt({ task, attempt }: LeasedPrompt, reason: string): void {
    const { taskId, planIndex } = task;
    const failure = { taskId, planIndex, attempts: attempt, reason };
    this.#options.ledger.fail(failure);
    this.#prompts.settle(planIndex);
    this.#endPrompt(failure);
  }

  #endPrompt(failure: FailedPrompt): void {
    this.#failures.set(failure.taskId, failure);
    this.#samples.skip(failure.planIndex);
    const { failedPromptsMax } = this.#options;
    if (this.#failures.size > failedPromptsMax)
      this.#runFailure ??= tooManyFailures(this.#failures.size, failedPromptsMax, failure);
  }

  #planIndexOf(taskId: string): number {
    const planIndex = this.#planIndices.get(taskId);
    if (planIndex === undefined) throw unknownTask(taskId, this.#planIndices.size);
    return planIndex;
  }

  #throwFailure(): void {
    if (this.#runFailure !== null) throw this.#runFailure;
  }
}
