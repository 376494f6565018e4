/** EAGLE3 as a training strategy: recordings for buckets of length, planned together, and metrics over runs. */
import { assert, PlimsollError } from '@plimsoll/foundation';
import {
  type DraftTrainStrategy,
  ParameterSet,
  planArena,
  type Recording,
  type StepSums,
  type TrainingArena,
} from '@plimsoll/training';
import type { VocabularyMap } from '../../data/vocabulary-map.ts';
import type { Features } from '../feature-values.ts';
import { fillEagle3 } from './eagle3-collate.ts';
import { defineEagle3 } from './eagle3-model.ts';
import { type Eagle3Metrics, type Eagle3Recording, eagle3Metrics, recordEagle3 } from './eagle3-recording.ts';
import { checkEagle3Config, type Eagle3Config, type Eagle3Training } from './eagle3-spec.ts';

export interface Eagle3StrategySettings {
  readonly config: Eagle3Config;
  readonly training: Eagle3Training;
  readonly vocabulary: VocabularyMap;
  /** Samples of a batch. */
  readonly sequences: number;
  /** Lengths of the buckets; a batch runs in the shortest that holds it. */
  readonly lengths: readonly number[];
}

interface Bucket {
  readonly length: number;
  readonly recorded: Eagle3Recording;
}

export class Eagle3Strategy implements DraftTrainStrategy<Features> {
  readonly parameters = new ParameterSet();
  /** The memory of the whole training, known before anything is allocated. */
  readonly plan: ReturnType<typeof planArena>;
  readonly #settings: Eagle3StrategySettings;
  readonly #buckets: readonly Bucket[];
  #last: { readonly sums: readonly StepSums[]; readonly scale: number } | null = null;

  /** Throws `bad-draft-config`. */
  constructor(settings: Eagle3StrategySettings) {
    const { config, training, sequences } = settings;
    checkEagle3Config(config, training);
    const weights = defineEagle3(this.parameters, config);
    const lengths = settings.lengths.toSorted((left, right) => left - right);
    this.#buckets = lengths.map((length) => {
      const shape = { sequences, length, trains: true };
      return { length, recorded: recordEagle3(this.parameters, weights, settings, shape) };
    });
    this.plan = planArena(
      this.parameters,
      this.#buckets.map(({ recorded }) => recorded.recording),
    );
    this.#settings = settings;
  }

  /** All positions of the padded batch, as the reference counts them. */
  positionsOf({ tensors }: Features): number {
    const [samples = 0, tokens = 0] = tensors.input_ids?.shape ?? [];
    return samples * tokens;
  }

  prepare(arena: TrainingArena, batch: Features, scale: number): Recording {
    const { length, recorded } = this.#bucketOf(batch);
    recorded.batch.scale.value = scale;
    fillEagle3(arena, recorded, batch, { sequences: this.#settings.sequences, length });
    this.#last = { sums: recorded.sums, scale };
    return recorded.recording;
  }

  lossOfRun(): number {
    return this.metricsOfRun().loss;
  }

  metricsOfRun(): Eagle3Metrics {
    assert(this.#last !== null, 'a batch has been prepared and run');
    return eagle3Metrics(this.#last.sums, this.#last.scale, this.#settings.training);
  }

  #bucketOf({ tensors }: Features): Bucket {
    const tokens = tensors.input_ids?.shape[1] ?? 0;
    const bucket = this.#buckets.find(({ length }) => length >= tokens);
    if (bucket !== undefined) return bucket;
    throw new PlimsollError({
      code: 'batch-too-long',
      message: `a batch of ${tokens} tokens is longer than every bucket`,
      value: tokens,
      limit: this.#buckets.at(-1)?.length ?? 0,
      hint: 'cut samples at max_length when they are captured',
    });
  }
}
