/**
 * What a producer asks of a run. LocalProducerLink calls the controller in its own process; NatsProducerLink reaches the
 * controller of another process through JetStream. producer-link.test.ts runs one suite against both.
 */
import type { SampleRef } from '../contracts/sample-ref.ts';
import type { FeatureStore } from '../store/feature-store.ts';
import type { DataFlowController, PromptFailure } from './data-flow-controller.ts';
import type { LeasedPrompt } from './prompt-queue.ts';

export interface ProducerLink {
  /**
   * Leases up to `count` prompts, and waits until there is at least one. Returns null when every sample of the plan is
   * trained, dropped or failed. Throws the failure of the run, which never looks like its end.
   */
  nextPrompts(count: number, signal?: AbortSignal): Promise<readonly LeasedPrompt[] | null>;
  /**
   * Hands captured samples over: they cannot be lost once this returns. The run removes features that it has already.
   * Throws `bad-sample-ref`, `tensor-in-control-plane`, `unknown-task` or what `checkCapture` throws.
   */
  commit(refs: readonly SampleRef[]): Promise<void>;
  /** Ends attempts of leased prompts. Throws `prompt-not-leased` or `tensor-in-control-plane`. */
  fail(failures: readonly PromptFailure[]): Promise<void>;
  close(): Promise<void>;
}

export interface LocalProducer {
  readonly run: DataFlowController;
  /** Removes features of repeated captures. */
  readonly store: Pick<FeatureStore, 'abort'>;
  readonly worker: string;
}

export class LocalProducerLink implements ProducerLink {
  readonly #producer: LocalProducer;

  constructor(producer: LocalProducer) {
    this.#producer = producer;
  }

  async nextPrompts(count: number, signal?: AbortSignal): Promise<readonly LeasedPrompt[] | null> {
    const { run, worker } = this.#producer;
    for (;;) {
      signal?.throwIfAborted();
      const prompts = run.leasePrompts(worker, count);
      if (prompts.length > 0) return prompts;
      if (run.isEnded()) return null;
      await run.nextChange(signal);
    }
  }

  async commit(refs: readonly SampleRef[]): Promise<void> {
    const { run, store } = this.#producer;
    for (const ref of run.commit(refs).superfluous) await store.abort(ref);
  }

  async fail(failures: readonly PromptFailure[]): Promise<void> {
    this.#producer.run.failPrompts(this.#producer.worker, failures);
  }

  /** Gives the prompts back that this producer has leased. */
  async close(): Promise<void> {
    this.#producer.run.dropWorker(this.#producer.worker);
  }
}
