/** EAGLE3 as a training strategy: recordings for buckets of length, planned together, and counts of runs. */
import { assert } from '@plimsoll/foundation';
import { ParameterSet, planArena, type Recording, type TrainingArena } from '@plimsoll/training';
import type { RunCounts } from '@plimsoll/training/trainer';
import type { VocabularyMap } from '../../data/vocabulary-map.ts';
import { type Bucket, Buckets } from '../buckets.ts';
import { type Features, tokensOf } from '../feature-values.ts';
import type { TrainableStrategy } from '../strategy-spec.ts';
import { fillEagle3 } from './eagle3-collate.ts';
import { defineEagle3 } from './eagle3-model.ts';
import { type Eagle3Recording, eagle3Counts, recordEagle3 } from './eagle3-recording.ts';
import { checkEagle3Config, type Eagle3Config, type Eagle3Training } from './eagle3-spec.ts';

export interface Eagle3StrategySettings {
  readonly config: Eagle3Config;
  readonly training: Eagle3Training;
  readonly vocabulary: VocabularyMap;
  /** Samples of a batch. */
  readonly sequences: number;
  /** Lengths of the buckets. */
  readonly lengths: readonly number[];
}

export class Eagle3Strategy implements TrainableStrategy {
  readonly parameters = new ParameterSet();
  readonly plan: ReturnType<typeof planArena>;
  readonly tables = { 'embed_tokens.weight': 'embedding', 'target.lm_head.weight': 'head' } as const;
  readonly #training: Eagle3Training;
  readonly #buckets: Buckets<Eagle3Recording>;
  #last: { readonly recorded: Eagle3Recording; readonly positions: number } | null = null;

  /** Throws `bad-draft-config`. */
  constructor(settings: Eagle3StrategySettings) {
    const { config, training, sequences, lengths } = settings;
    checkEagle3Config(config, training);
    const weights = defineEagle3(this.parameters, config);
    this.#training = training;
    this.#buckets = new Buckets(sequences, lengths, (shape) =>
      recordEagle3(this.parameters, weights, settings, shape),
    );
    const recordings = this.#buckets.recorded.map(({ recording }) => recording);
    this.plan = planArena(this.parameters, recordings);
  }

  /** All tokens, supervised or not, as the reference divides. */
  positionsOf(batch: Features): number {
    return tokensOf(batch);
  }

  prepare(arena: TrainingArena, batch: Features, scale: number): Recording {
    const bucket = this.#buckets.bucketOf(batch);
    bucket.training.batch.scale.value = scale;
    return this.#fill(arena, batch, bucket, bucket.training);
  }

  prepareEvaluation(arena: TrainingArena, batch: Features): Recording {
    const bucket = this.#buckets.bucketOf(batch);
    return this.#fill(arena, batch, bucket, bucket.evaluation);
  }

  countsOfRun(): RunCounts {
    assert(this.#last !== null, 'a batch has been prepared and run');
    return eagle3Counts(this.#last.recorded.sums, this.#last.positions, this.#training);
  }

  #fill(
    arena: TrainingArena,
    batch: Features,
    bucket: Bucket<Eagle3Recording>,
    recorded: Eagle3Recording,
  ): Recording {
    fillEagle3(arena, recorded, batch, bucket);
    this.#last = { recorded, positions: tokensOf(batch) };
    return recorded.recording;
  }
}
