/**
 * A producer's side of a run that another process controls. A prompt stays on the server until its sample or failure is
 * durable there, so a producer that dies costs an attempt and no prompt.
 */
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { PlimsollError } from '@plimsoll/foundation';
import { type CaptureContract, checkCapture } from '../contracts/capture-contract.ts';
import { assertNoTensors } from '../contracts/no-tensors.ts';
import { parseSampleRef, type SampleRef } from '../contracts/sample-ref.ts';
import type { PromptFailure } from '../control/data-flow-controller.ts';
import type { ProducerLink } from '../control/producer-link.ts';
import { type LeasedPrompt, promptNotLeased } from '../control/prompt-queue.ts';
import type { FeatureStore } from '../store/feature-store.ts';
import { type ProducerResult, readPrompt } from './messages.ts';
import { isPassing, type NatsLink } from './nats-connection.ts';
import { RunBoard, type RunTerms } from './run-board.ts';
import { runNames } from './run-names.ts';
import { hasQueues, isGone, promptsOf } from './run-streams.ts';

export interface NatsProducerOptions {
  readonly link: NatsLink;
  readonly contract: CaptureContract;
  /** Removes features that come after the end of the run. */
  readonly store: Pick<FeatureStore, 'abort'>;
  readonly worker: string;
  /** How long to wait for the run's controller, which may start later. */
  readonly startSeconds: number;
}

interface HeldPrompt extends LeasedPrompt {
  readonly message: JsMsg;
}

/** The library's minimum. The state of the run is read after each wait. */
const waitMilliseconds = 1000;

export class NatsProducerLink implements ProducerLink {
  readonly #options: NatsProducerOptions;
  readonly #board: RunBoard;
  readonly #terms: RunTerms;
  /** Task id -> leased prompt. */
  readonly #held = new Map<string, HeldPrompt>();
  #consumer: Consumer | null = null;

  private constructor(options: NatsProducerOptions, board: RunBoard, terms: RunTerms) {
    this.#options = options;
    this.#board = board;
    this.#terms = terms;
  }

  /** Throws `run-not-found` or `nats-unreachable`. */
  static async open(options: NatsProducerOptions): Promise<NatsProducerLink> {
    const { link, contract, startSeconds } = options;
    const board = await RunBoard.open(link, contract.runId);
    const deadline = performance.now() + 1000 * startSeconds;
    for (;;) {
      const terms = await board.terms();
      if (terms !== null) return new NatsProducerLink(options, board, terms);
      if (performance.now() >= deadline) throw runNotFound(contract.runId, startSeconds);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async nextPrompts(count: number, signal?: AbortSignal): Promise<readonly LeasedPrompt[] | null> {
    for (;;) {
      signal?.throwIfAborted();
      const state = await this.#board.state();
      if (state?.kind === 'failed') throw runFailed(state);
      if (state?.kind === 'ended') return null;
      const prompts: LeasedPrompt[] = [];
      for (const message of await this.#fetch(count)) {
        const prompt = await this.#accept(message);
        if (prompt !== null) prompts.push(prompt);
      }
      if (prompts.length > 0) return prompts;
    }
  }

  /**
   * Waits, after `nextPrompts` has returned null, until the controller has removed the features of the run. Until then a producer
   * that serves its own files must go on: a trainer that crashes before its last checkpoint reads them again. Returns false
   * if a restarted controller needs prompts again. Throws the failure of the run.
   */
  async hasFinished(signal?: AbortSignal): Promise<boolean> {
    const { link, contract } = this.#options;
    for (;;) {
      signal?.throwIfAborted();
      const state = await this.#board.state();
      if (state?.kind === 'failed') throw runFailed(state);
      if (state?.kind === 'open') return false;
      if (!(await hasQueues(link, contract.runId))) return true;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async commit(refs: readonly SampleRef[]): Promise<void> {
    const parsed = refs.map(parseSampleRef);
    for (const ref of parsed) checkCapture(ref, this.#options.contract);
    await Promise.all(parsed.map((ref) => this.#handIn(ref)));
  }

  async fail(failures: readonly PromptFailure[]): Promise<void> {
    assertNoTensors(failures, 'failure record');
    for (const { taskId } of failures)
      if (!this.#held.has(taskId)) throw promptNotLeased(this.#options.worker, taskId, null);
    for (const { taskId, reason, isRetryable } of failures) {
      const held = this.#held.get(taskId);
      if (held === undefined) continue;
      this.#held.delete(taskId);
      if (isRetryable && held.attempt < this.#terms.attemptsMax) held.message.nak();
      else await this.#endPrompt(held, reason);
    }
  }

  /** Gives the prompts back that this producer holds. */
  async close(): Promise<void> {
    for (const { message } of this.#held.values()) message.nak();
    this.#held.clear();
    await this.#options.link.connection.flush().catch(() => undefined);
  }

  /** Waits for the next prompt, and takes the prompts that are queued after it, at most `count` in all. */
  async #fetch(count: number): Promise<readonly JsMsg[]> {
    const { link, contract } = this.#options;
    try {
      this.#consumer ??= await promptsOf(link, contract.runId);
      const first = await this.#consumer.next({ expires: waitMilliseconds });
      if (first === null) return [];
      const more = Math.min(count - 1, first.info.pending);
      if (more === 0) return [first];
      const messages = [first];
      const batch = await this.#consumer.fetch({ max_messages: more, expires: waitMilliseconds });
      for await (const message of batch) messages.push(message);
      return messages;
    } catch (error) {
      this.#consumer = null;
      if (!isGone(error) && !isPassing(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [];
    }
  }

  /** A prompt whose producers have died as often as it may be tried ends: it may be what kills them. */
  async #accept(message: JsMsg): Promise<LeasedPrompt | null> {
    const { task, attempt } = readPrompt(message.data);
    const held = { task, attempt: attempt + message.info.deliveryCount - 1, message };
    if (held.attempt > this.#terms.attemptsMax) {
      await this.#endPrompt(held, `${held.attempt - 1} producers did not finish it`);
      return null;
    }
    this.#held.set(task.taskId, held);
    return { task, attempt: held.attempt };
  }

  async #endPrompt({ task, message }: HeldPrompt, reason: string): Promise<void> {
    await this.#publish(
      { kind: 'failure', taskId: task.taskId, reason },
      `failure:${message.info.streamSequence}`,
    );
    await confirm(message);
  }

  /** The sample is durable before its prompt leaves the server. */
  async #handIn(ref: SampleRef): Promise<void> {
    await this.#publish({ kind: 'sample', ref }, ref.file.address);
    const held = this.#held.get(ref.taskId);
    this.#held.delete(ref.taskId);
    if (held !== undefined) await confirm(held.message);
  }

  async #publish(message: ProducerResult, id: string): Promise<void> {
    const { link, contract, store } = this.#options;
    const { subject } = runNames(contract.runId).results;
    const hasEnded = async (): Promise<boolean> => (await this.#board.state())?.kind === 'ended';
    const outcome = await link.publish(subject, { id, message }, hasEnded);
    if (outcome === 'over' && message.kind === 'sample') await store.abort(message.ref);
  }
}

/** An unconfirmed prompt comes again after its lease; its second sample is superfluous. */
async function confirm(message: JsMsg): Promise<void> {
  await message.ackAck().catch(() => false);
}

function runNotFound(runId: string, seconds: number): PlimsollError {
  return new PlimsollError({
    code: 'run-not-found',
    message: `the NATS server has no run ${runId} after ${seconds} s`,
    value: runId,
    limit: 'a run whose controller has started',
    hint: 'start the trainer with the same run id and server',
  });
}

function runFailed({ code, message }: { readonly code: string; readonly message: string }): PlimsollError {
  return new PlimsollError({
    code: 'run-failed',
    message: `the run failed: ${message}`,
    value: code,
    hint: 'read the log of the trainer, repair the cause, and resume the run from its checkpoint',
  });
}
