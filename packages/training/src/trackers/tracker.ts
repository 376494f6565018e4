/** Where the numbers of a run go. A tracker that fails must not end the training, so `SafeTrackers` drops it. */
import type { RunMetrics } from '../trainer/run-counts.ts';

export interface RunRecord {
  /** Completed optimizer steps. */
  readonly step: number;
  /** `train/loss`, `eval/accuracy/0`, `perf/samples_per_second`: the names that TensorBoard groups by. */
  readonly values: Readonly<Record<string, number | null>>;
}

export interface Tracker {
  record(record: RunRecord): void | Promise<void>;
  close(): void | Promise<void>;
}

/** Metrics under a prefix, lists as `name/index`. */
export function metricValues(prefix: 'train' | 'eval', metrics: RunMetrics): RunRecord['values'] {
  const list = (name: string, values: readonly (number | null)[]): [string, number | null][] =>
    values.map((value, index) => [`${prefix}/${name}/${index}`, value]);
  return {
    [`${prefix}/loss`]: metrics.loss,
    ...Object.fromEntries(list('accuracy', metrics.accuracy)),
    ...Object.fromEntries(list('acceptance', metrics.acceptance)),
    [`${prefix}/simulated_length`]: metrics.simulatedLength,
    [`${prefix}/simulated_length_with_bonus`]: metrics.simulatedLengthWithBonus,
  };
}

export class SafeTrackers {
  readonly #onFailure: (error: unknown) => void;
  #trackers: readonly Tracker[];

  /** `onFailure` gets the error of a tracker once; the tracker gets no further record. */
  constructor(trackers: readonly Tracker[], onFailure: (error: unknown) => void) {
    this.#trackers = trackers;
    this.#onFailure = onFailure;
  }

  async record(record: RunRecord): Promise<void> {
    await this.#each(async (tracker) => tracker.record(record));
  }

  async close(): Promise<void> {
    await this.#each(async (tracker) => tracker.close());
    this.#trackers = [];
  }

  async #each(call: (tracker: Tracker) => Promise<void>): Promise<void> {
    const kept: Tracker[] = [];
    for (const tracker of this.#trackers) {
      try {
        await call(tracker);
        kept.push(tracker);
      } catch (error) {
        this.#onFailure(error);
      }
    }
    this.#trackers = kept;
  }
}
