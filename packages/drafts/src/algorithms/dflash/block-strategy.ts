/** Training of drafts that predict blocks: DFlash, and the algorithms that add to it. */
import { assert } from '@plimsoll/foundation';
import { ParameterSet, planArena, type Recording, type TrainingArena } from '@plimsoll/training';
import type { RunCounts, RunProgress } from '@plimsoll/training/trainer';
import { type Bucket, Buckets } from '../buckets.ts';
import type { Features } from '../feature-values.ts';
import type { TrainableStrategy } from '../strategy-spec.ts';
import type { BlockBatch, BlockFill, BlockShape } from './block-collate.ts';
import {
  type AnchorDraw,
  type BlockLayout,
  type BlockRules,
  drawAnchors,
  firstLabelled,
  layOutBlocks,
  weightOf,
} from './block-layout.ts';
import { blockCounts } from './dflash-loss.ts';
import type { DFlashConfig } from './dflash-spec.ts';

export interface BlockRecording {
  readonly recording: Recording;
  readonly batch: BlockBatch;
}

/** The part of a training that differs between drafts of blocks. */
export interface BlockAlgorithm<Recorded extends BlockRecording> {
  readonly config: DFlashConfig;
  readonly rules: BlockRules;
  readonly anchors: Omit<AnchorDraw, 'step'>;
  /** `weights`: a loss is divided by the weights of all tokens; `samples`: its weights are known only after the pass. */
  readonly dividesBy: 'weights' | 'samples';
  /** Defines the weights, and returns what records a pass for a shape. */
  define(parameters: ParameterSet): (shape: BlockShape & { readonly trains: boolean }) => Recorded;
  /** `progress` is null in an evaluation. */
  fill(arena: TrainingArena, recorded: Recorded, fill: BlockFill, progress: RunProgress | null): void;
  /** The loss of the last run: the value that the gradients belong to. */
  lossOf(recorded: Recorded): number;
}

export interface BlockBuckets {
  /** Samples of a batch. */
  readonly sequences: number;
  readonly lengths: readonly number[];
}

interface PreparedRun<Recorded> {
  readonly recorded: Recorded;
  readonly positions: number;
  readonly scale: number;
}

export class BlockStrategy<Recorded extends BlockRecording> implements TrainableStrategy {
  readonly parameters = new ParameterSet();
  readonly plan: ReturnType<typeof planArena>;
  readonly tables = { 'embed_tokens.weight': 'embedding', 'target.lm_head.weight': 'head' } as const;
  readonly #algorithm: BlockAlgorithm<Recorded>;
  readonly #buckets: Buckets<Recorded>;
  #progress: RunProgress = { completedSteps: 0, totalSteps: 1 };
  #last: PreparedRun<Recorded> | null = null;

  constructor(algorithm: BlockAlgorithm<Recorded>, { sequences, lengths }: BlockBuckets) {
    this.#algorithm = algorithm;
    const record = algorithm.define(this.parameters);
    this.#buckets = new Buckets(sequences, lengths, (shape) =>
      record({ ...shape, blocks: this.#blocksOf(shape.length) }),
    );
    const recordings = this.#buckets.recorded.map(({ recording }) => recording);
    this.plan = planArena(this.parameters, recordings);
  }

  beginStep(progress: RunProgress): void {
    this.#progress = progress;
  }

  positionsOf(batch: Features): number {
    return this.#positionsOf(this.#layoutOf(batch, this.#progress.completedSteps));
  }

  prepare(arena: TrainingArena, batch: Features, scale: number): Recording {
    const bucket = this.#buckets.bucketOf(batch);
    const layout = this.#layoutOf(batch, this.#progress.completedSteps);
    const parts = { batch, layout, bucket, scale, progress: this.#progress };
    return this.#fill(arena, bucket.training, parts);
  }

  prepareEvaluation(arena: TrainingArena, batch: Features): Recording {
    const bucket = this.#buckets.bucketOf(batch);
    const parts = { batch, layout: this.#layoutOf(batch, 0), bucket, scale: 1, progress: null };
    return this.#fill(arena, bucket.evaluation, parts);
  }

  countsOfRun(): RunCounts {
    assert(this.#last !== null, 'a batch has been prepared and run');
    const { recorded, positions, scale } = this.#last;
    const { config, rules, lossOf } = this.#algorithm;
    const shape = { blockSize: config.blockSize, firstOffset: firstLabelled(rules) };
    return { loss: lossOf(recorded) / scale, positions, ...blockCounts(recorded.batch, shape) };
  }

  #fill(
    arena: TrainingArena,
    recorded: Recorded,
    { batch, layout, bucket, scale, progress }: FillParts<Recorded>,
  ): Recording {
    const { config } = this.#algorithm;
    const { sequences, length } = bucket;
    const shape = { sequences, length, blocks: this.#blocksOf(length) };
    this.#algorithm.fill(arena, recorded, { samples: batch, layout, config, shape, scale }, progress);
    this.#last = { recorded, positions: this.#positionsOf(layout), scale };
    return recorded.recording;
  }

  #blocksOf(length: number): number {
    return Math.min(this.#algorithm.anchors.anchorsMax, length - 1);
  }

  #layoutOf(batch: Features, step: number): BlockLayout {
    const { anchors, rules } = this.#algorithm;
    return layOutBlocks(batch, drawAnchors(batch, { ...anchors, step }), rules);
  }

  #positionsOf(layout: BlockLayout): number {
    return this.#algorithm.dividesBy === 'weights' ? weightOf(layout) : layout.anchors.length;
  }
}

interface FillParts<Recorded> {
  readonly batch: Features;
  readonly layout: BlockLayout;
  readonly bucket: Bucket<Recorded>;
  readonly scale: number;
  readonly progress: RunProgress | null;
}
