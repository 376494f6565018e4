/**
 * The only bridge from refs to tensors. It reads every sample of a window before it yields the window's first batch, so that
 * unreadable features never leave a step half done: they go back to the source, which captures them again. While the trainer
 * computes one window, the loader reads the next; two windows of features are in memory at most.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import type { FeatureHandle, TrainBatch } from '../contracts/feature-tensor.ts';
import type { SampleRef } from '../contracts/sample-ref.ts';
import type { FeatureStore, LeaseUse } from '../store/feature-store.ts';
import { checkSameForm, collate, type LoadedSample } from './collate.ts';
import type { WindowSource } from './window-source.ts';

export interface LoaderOptions {
  readonly store: FeatureStore;
  readonly source: WindowSource;
  /** Samples per batch; windows are multiples of it. */
  readonly batchSize: number;
  /** Samples that are read at the same time. */
  readonly readsMax: number;
}

/** One microstep. */
export interface LoadedBatch extends TrainBatch {
  /** True for the last batch of a window: the optimizer steps after it. */
  readonly endsWindow: boolean;
}

interface LeasedSample extends LoadedSample {
  readonly handle: FeatureHandle;
}

/** Errors of a get that a new capture repairs. */
const repairableCodes: ReadonlySet<string> = new Set([
  'features-gone',
  'feature-file-torn',
  'feature-hash-mismatch',
  'feature-manifest-mismatch',
]);

export class FeatureDataLoader {
  readonly #options: LoaderOptions;
  readonly #closing = new AbortController();

  constructor(options: LoaderOptions) {
    assert(options.batchSize > 0 && options.readsMax > 0, 'a loader reads at least one sample at a time');
    this.#options = options;
  }

  /**
   * Yields batches until the source ends or the loader is closed. A consumer that stops early returns the windows that it has
   * not seen to their end. Throws `mixed-batch`, `bad-batch-size`, or what source and store throw.
   */
  async *batches(): AsyncGenerator<LoadedBatch> {
    let next = this.#startLoading();
    let current: readonly LeasedSample[] = [];
    try {
      for (;;) {
        const window = await this.#unlessClosed(next);
        if (window === null) return;
        current = window;
        next = this.#startLoading();
        this.#checkWindow(window);
        const { batchSize } = this.#options;
        for (let start = 0; start < window.length; start += batchSize) {
          const endsWindow = start + batchSize === window.length;
          const batch = collate(window.slice(start, start + batchSize));
          // The trainer decides about a window that it has seen to its end.
          if (endsWindow) current = [];
          try {
            yield { ...batch, endsWindow };
          } finally {
            if (endsWindow) await this.#release(window, 'consumed');
          }
        }
      }
    } finally {
      this.close();
      await this.#giveBack(current);
      // A read that hangs must not keep the consumer; its window goes back when it ends.
      void next.then((window) => this.#giveBack(window ?? [])).catch(() => undefined);
    }
  }

  /** Ends `batches`, even while it waits for the source or for a read. */
  close(): void {
    this.#closing.abort();
  }

  /** Starts to read the next window; an error appears when the window is awaited. */
  #startLoading(): Promise<readonly LeasedSample[] | null> {
    const loading = this.#loadWindow();
    loading.catch(() => undefined);
    return loading;
  }

  async #loadWindow(): Promise<readonly LeasedSample[] | null> {
    const { source } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      if (signal.aborted) return null;
      const refs = await source.nextWindow(signal);
      if (refs === null) return null;
      const outcomes = await this.#readAll(refs);
      const read = outcomes.flatMap((outcome) => ('handle' in outcome ? outcome : []));
      const failed = outcomes.flatMap((outcome) => ('error' in outcome ? outcome : []));
      const [first] = failed;
      if (first === undefined) return read;
      await this.#release(read, 'unused');
      const fatal = failed.find(({ error }) => !isRepairable(error));
      const unreadable = fatal === undefined ? failed.map(({ ref }) => ref.sampleId) : [];
      if (unreadable.length > 0) source.rejectSamples(unreadable, messageOf(first.error));
      source.returnWindow(refs.map(({ sampleId }) => sampleId).filter((id) => !unreadable.includes(id)));
      if (fatal !== undefined) throw fatal.error;
    }
  }

  /** Reads `readsMax` samples at a time and keeps their order. */
  async #readAll(refs: readonly SampleRef[]): Promise<readonly (LeasedSample | FailedRead)[]> {
    const outcomes: (LeasedSample | FailedRead)[] = [];
    const { readsMax, store } = this.#options;
    let next = 0;
    const reader = async (): Promise<void> => {
      for (let index = next++; index < refs.length; index = next++) {
        const ref = refs[index];
        assert(ref !== undefined, 'the index is below the number of refs');
        outcomes[index] = await store.get(ref).then(
          ({ tensors, handle }) => ({ ref, tensors, handle }),
          (error: unknown) => ({ ref, error }),
        );
      }
    };
    await Promise.all(Array.from({ length: Math.min(readsMax, refs.length) }, reader));
    return outcomes;
  }

  #checkWindow(samples: readonly LeasedSample[]): void {
    checkSameForm(samples.map(({ ref }) => ref));
    const { batchSize } = this.#options;
    if (samples.length % batchSize === 0) return;
    throw new PlimsollError({
      code: 'bad-batch-size',
      message: `a window of ${samples.length} samples cannot be divided into batches of ${batchSize}`,
      value: batchSize,
      limit: `divisors of ${samples.length}`,
      hint: 'make the quantum a multiple of the batch size',
    });
  }

  async #release(samples: readonly LeasedSample[], use: LeaseUse): Promise<void> {
    for (const { handle } of samples) await this.#options.store.release(handle, use);
  }

  async #giveBack(samples: readonly LeasedSample[]): Promise<void> {
    await this.#release(samples, 'unused');
    if (samples.length > 0) this.#options.source.returnWindow(samples.map(({ ref }) => ref.sampleId));
  }

  /** Waits for a window; null as soon as the loader is closed. */
  async #unlessClosed(
    loading: Promise<readonly LeasedSample[] | null>,
  ): Promise<readonly LeasedSample[] | null> {
    const { signal } = this.#closing;
    if (signal.aborted) return null;
    return new Promise((resolve, reject) => {
      const stop = (): void => resolve(null);
      signal.addEventListener('abort', stop, { once: true });
      // A listener that stays would keep the tensors of the window until the loader is closed.
      const settled = (): void => signal.removeEventListener('abort', stop);
      loading.then(
        (window) => {
          settled();
          resolve(window);
        },
        (error: unknown) => {
          settled();
          if (signal.aborted) resolve(null);
          else reject(error);
        },
      );
    });
  }
}

interface FailedRead {
  readonly ref: SampleRef;
  readonly error: unknown;
}

function isRepairable(error: unknown): boolean {
  return error instanceof PlimsollError && repairableCodes.has(error.code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
