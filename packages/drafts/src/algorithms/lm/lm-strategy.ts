/** Next-token training as a strategy. */
import { assert } from '@plimsoll/foundation';
import { ParameterSet, planArena, type Recording, type TrainingArena } from '@plimsoll/training';
import type { RunCounts } from '@plimsoll/training/trainer';
import { Buckets } from '../buckets.ts';
import type { Features } from '../feature-values.ts';
import type { TrainableStrategy } from '../strategy-spec.ts';
import { fillLm, labelsOf } from './lm-collate.ts';
import { defineLm, type LmConfig, type LmRecording, recordLm } from './lm-recording.ts';

export interface LmStrategySettings {
  readonly config: LmConfig;
  /** Samples of a batch. */
  readonly sequences: number;
  readonly lengths: readonly number[];
}

export class LmStrategy implements TrainableStrategy {
  readonly parameters = new ParameterSet();
  readonly plan: ReturnType<typeof planArena>;
  readonly tables = {};
  readonly #config: LmConfig;
  readonly #buckets: Buckets<LmRecording>;
  #last: { readonly recorded: LmRecording; readonly scale: number } | null = null;

  constructor({ config, sequences, lengths }: LmStrategySettings) {
    const weights = defineLm(this.parameters, config);
    this.#config = config;
    this.#buckets = new Buckets(sequences, lengths, (shape) =>
      recordLm(this.parameters, weights, config, shape),
    );
    const recordings = this.#buckets.recorded.map(({ recording }) => recording);
    this.plan = planArena(this.parameters, recordings);
  }

  positionsOf(batch: Features): number {
    return labelsOf(batch);
  }

  prepare(_: TrainingArena, batch: Features, scale: number): Recording {
    const { training, length } = this.#buckets.bucketOf(batch);
    return this.#fill(training, batch, length, scale);
  }

  prepareEvaluation(_: TrainingArena, batch: Features): Recording {
    const { evaluation, length } = this.#buckets.bucketOf(batch);
    return this.#fill(evaluation, batch, length, 1);
  }

  countsOfRun(): RunCounts {
    assert(this.#last !== null, 'a batch has been prepared and run');
    const { recorded, scale } = this.#last;
    const { loss, rows, correct } = recorded.sums;
    const guess = { supervised: rows, correct, covered: 0, acceptance: 0 };
    return { loss: loss / scale, positions: rows, guesses: [guess] };
  }

  #fill(recorded: LmRecording, batch: Features, length: number, scale: number): Recording {
    fillLm(recorded, batch, { length, vocabularySize: this.#config.vocabulary, scale });
    this.#last = { recorded, scale };
    return recorded.recording;
  }
}
