/**
 * Offers a run to producers of other processes and machines. The controller stays in this process, and its ledger stays the
 * truth; JetStream carries prompts out and results in:
 *
 *   DataFlowController --leasePrompts--> prompts (work queue) --> NatsProducerLink
 *           ^                                                          |  capture, put
 *           +---- commit, then confirm --- results (work queue) <------+
 *
 * A message is confirmed after its effect is durable, so a process or server that dies repeats messages and loses none. The
 * ledger recognizes a repeated sample; the server's message ids only save its transport.
 */
import type { JsMsg } from '@nats-io/jetstream';
import { PlimsollError } from '@plimsoll/foundation';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { ChangeSignal } from '../control/change-signal.ts';
import type { DataFlowController } from '../control/data-flow-controller.ts';
import type { LeasedPrompt } from '../control/prompt-queue.ts';
import type { FeatureStore } from '../store/feature-store.ts';
import { type ProducerResult, readResult } from './messages.ts';
import type { NatsLink } from './nats-connection.ts';
import { RunBoard, type RunTerms } from './run-board.ts';
import { runNames } from './run-names.ts';
import { openMessages, openQueues, removeQueues, resultsOf } from './run-streams.ts';

export interface NatsRunOptions {
  readonly link: NatsLink;
  readonly run: DataFlowController;
  readonly runId: string;
  /** Removes features of repeated captures. */
  readonly store: Pick<FeatureStore, 'abort'>;
  readonly terms: RunTerms;
  /** Time from the delivery of a prompt to its result; then another producer gets the prompt. */
  readonly leaseSeconds: number;
  /** Prompts that all producers together have at a time. */
  readonly promptsMax: number;
}

/** The controller's name for all producers behind the server: the server knows which of them has a prompt. */
const worker = 'nats';
const dispatchMax = 256;
const statusSeconds = 1;
/** Results on their way to this process. */
const arrivedMax = 1024;

export class NatsRun {
  readonly #options: NatsRunOptions;
  readonly #board: RunBoard;
  readonly #closing = new AbortController();
  /** Received and not yet handled. */
  #arrived: JsMsg[] = [];
  readonly #arrival = new ChangeSignal();
  /** Makes the message ids of this process differ from those of an earlier controller. */
  readonly #incarnation = crypto.randomUUID();
  #work: Promise<unknown> = Promise.resolve();
  #statusAt = 0;

  private constructor(options: NatsRunOptions, board: RunBoard) {
    this.#options = options;
    this.#board = board;
  }

  /** Throws `run-terms-differ` or `nats-unreachable`. */
  static async open(options: NatsRunOptions): Promise<NatsRun> {
    const { link, runId, terms, leaseSeconds, promptsMax } = options;
    const board = await RunBoard.open(link, runId);
    await board.claim(terms);
    await openQueues(link, runId, { leaseSeconds, promptsMax });
    await board.setState({ kind: 'open' });
    const served = new NatsRun(options, board);
    const loops = [served.#dispatch(), served.#receive(), served.#apply()];
    served.#work = Promise.all(loops.map((loop) => served.#guard(loop)));
    return served;
  }

  /**
   * Ends the run on the server: waits until producers have handed in what they hold, at most `drainSeconds`, then removes the
   * queues. Features of later results stay for the store's `gc`.
   */
  async finish(drainSeconds: number): Promise<void> {
    const { link, runId } = this.#options;
    await this.#board.setState({ kind: 'ended' });
    const deadline = performance.now() + 1000 * drainSeconds;
    while (performance.now() < deadline && (await openMessages(link, runId)) > 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await this.close();
    await this.#board.setStatus(this.#options.run.status());
    await removeQueues(link, runId);
  }

  /** Ends this process's part. The run can be opened again. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  /** An error of the transport fails the run, so that the trainer learns of it. */
  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const failure = error instanceof PlimsollError ? error : transportFailed(error);
      this.#options.run.failRun(failure);
      const { code, message } = failure;
      await this.#board.setState({ kind: 'failed', code, message }).catch(() => undefined);
    }
  }

  /** Publishes prompts as back-pressure allows, and the end of the plan. Stops with the failure of the run. */
  async #dispatch(): Promise<void> {
    const { run } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const prompts = run.leasePrompts(worker, dispatchMax, Infinity);
      await Promise.all(prompts.map((prompt) => this.#publish(prompt)));
      await this.#showStatus();
      if (run.isEnded()) await this.#board.setState({ kind: 'ended' });
      if (prompts.length === 0) await run.nextChange(signal);
    }
  }

  async #publish({ task, attempt }: LeasedPrompt): Promise<void> {
    const { link, runId, run } = this.#options;
    const id = `${this.#incarnation}:${task.taskId}:${attempt}`;
    try {
      await link.publish(runNames(runId).prompts.subject, { id, message: { task, attempt } });
    } catch (error) {
      if (!(error instanceof PlimsollError && error.code === 'message-too-long')) throw error;
      run.failPrompts(worker, [{ taskId: task.taskId, reason: error.message, isRetryable: false }]);
    }
  }

  async #showStatus(): Promise<void> {
    if (performance.now() < this.#statusAt) return;
    this.#statusAt = performance.now() + 1000 * statusSeconds;
    await this.#board.setStatus(this.#options.run.status());
  }

  async #receive(): Promise<void> {
    const { link, runId } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const consumer = await resultsOf(link, runId);
      const messages = await consumer.consume({
        max_messages: arrivedMax,
        callback: (message) => {
          this.#arrived.push(message);
          this.#arrival.notify();
        },
      });
      const stop = (): void => messages.stop();
      signal.addEventListener('abort', stop, { once: true });
      await messages.closed();
      signal.removeEventListener('abort', stop);
    }
  }

  async #apply(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const batch = this.#arrived.splice(0);
      if (batch.length === 0) await this.#arrival.next(signal);
      else await this.#handle(batch);
    }
  }

  /** Applies a batch to the ledger in one transaction where possible, then confirms it. */
  async #handle(batch: readonly JsMsg[]): Promise<void> {
    const samples: SampleRef[] = [];
    for (const message of batch) {
      const result = readOrNull(message);
      if (result?.kind === 'sample') samples.push(result.ref);
      else if (result?.kind === 'failure') this.#failPrompt(result.taskId, result.reason);
    }
    for (const ref of this.#commit(samples)) await this.#options.store.abort(ref);
    await this.#showStatus();
    // An unconfirmed message arrives again and changes nothing.
    await Promise.all(batch.map((message) => message.ackAck().catch(() => false)));
  }

  /** Returns refs whose features nothing needs. */
  #commit(refs: readonly SampleRef[]): readonly SampleRef[] {
    try {
      return this.#options.run.commit(refs).superfluous;
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code === 'sample-known') throw error;
      if (refs.length > 1) return refs.flatMap((ref) => this.#commit([ref]));
      const [ref] = refs;
      if (ref === undefined) return [];
      this.#failPrompt(ref.taskId, error.message);
      return [ref];
    }
  }

  /** A failure that comes after the sample, from an earlier lease, counts for nothing. */
  #failPrompt(taskId: string, reason: string): void {
    try {
      this.#options.run.failPrompts(worker, [{ taskId, reason, isRetryable: false }]);
    } catch (error) {
      if (!(error instanceof PlimsollError && lateFailures.has(error.code))) throw error;
    }
  }
}

const lateFailures: ReadonlySet<string> = new Set(['prompt-not-leased', 'unknown-task']);

/** Returns null for a message that no producer of this program writes. */
function readOrNull(message: JsMsg): ProducerResult | null {
  try {
    return readResult(message.data);
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}

function transportFailed(cause: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'nats-transport-failed',
      message: `the NATS transport failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'read the log of nats-server, and resume the run from its checkpoint',
    },
    { cause },
  );
}
