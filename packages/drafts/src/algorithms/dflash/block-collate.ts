/**
 * Fills the inputs of a recording from captured samples and their blocks. What a token of a block sees is a rule: the
 * context before its anchor, and its own block.
 */
import type { Tape, TrainingArena } from '@plimsoll/training';
import { ropeAngles } from '@plimsoll/training/operations';
import type { BucketShape } from '../buckets.ts';
import { type Features, featureOf, sizeOf, tokenIdsOf } from '../feature-values.ts';
import type { BlockLayout } from './block-layout.ts';
import type { DFlashInputs } from './dflash-model.ts';
import type { DFlashConfig } from './dflash-spec.ts';

export interface BlockShape extends BucketShape {
  /** Blocks of a sequence. */
  readonly blocks: number;
}

/** What a batch fills before a run, and what the run says about each token of the blocks. */
export interface BlockBatch extends DFlashInputs {
  readonly labels: Uint32Array;
  readonly weights: Float64Array;
  readonly hits: Uint8Array;
}

export function blockBatch(tape: Tape, config: DFlashConfig, shape: BlockShape): BlockBatch {
  const { sequences, length, blocks } = shape;
  const { headDim, layerWindows, capturedLayers, hiddenSize } = config;
  const rows = sequences * blocks * config.blockSize;
  return {
    features: tape.input('features', sequences * length, capturedLayers * hiddenSize),
    tokenIds: new Uint32Array(rows),
    queryAngles: new Float32Array(rows * headDim),
    keyAngles: new Float32Array((sequences * length + rows) * headDim),
    visible: layerWindows.map(() => new Uint32Array(4 * rows)),
    sequences,
    labels: new Uint32Array(rows),
    weights: new Float64Array(rows),
    hits: new Uint8Array(rows),
  };
}

export interface BlockFill {
  readonly samples: Features;
  readonly layout: BlockLayout;
  readonly config: DFlashConfig;
  readonly shape: BlockShape;
  /** Factor of all weights: one over the weight of the whole optimizer window. */
  readonly scale: number;
}

/** Copies a batch that fits the shape, and its blocks. The rest is padding: blocks without context or weight. */
export function fillBlocks(arena: TrainingArena, recorded: Recorded, fill: BlockFill): void {
  const { samples, layout, config, shape, scale } = fill;
  const { recording, batch } = recorded;
  const { samples: count, tokens } = sizeOf(samples);
  const features = arena.view(recording, batch.features);
  const width = batch.features.columns;
  const states = featureOf(samples, 'layer_states', width);
  const tokenIds = tokenIdsOf(samples, config.vocabulary);
  const rows = shape.blocks * config.blockSize;
  features.fill(0);
  batch.tokenIds.fill(config.maskTokenId);
  batch.labels.fill(0);
  batch.weights.fill(0);
  for (let sample = 0; sample < count; sample++) {
    const own = states.subarray(sample * tokens * width, (sample + 1) * tokens * width);
    features.set(own, sample * shape.length * width);
    batch.labels.set(layout.labels[sample] ?? [], sample * rows);
    batch.weights.set(layout.weights[sample]?.map((weight) => weight * scale) ?? [], sample * rows);
    for (const [block, anchor] of (layout.anchors[sample] ?? []).entries())
      batch.tokenIds[sample * rows + block * config.blockSize] = tokenIds[sample * tokens + anchor] ?? 0;
  }
  fillPositions(batch, fill);
}

type Recorded = {
  readonly recording: Parameters<TrainingArena['view']>[0];
  readonly batch: BlockBatch;
};

/** Angles and visible keys of every token of the blocks. */
function fillPositions(batch: BlockBatch, { layout, config, shape }: BlockFill): void {
  const { blockSize, headDim, layerWindows } = config;
  const { sequences, length, blocks } = shape;
  const context = Array.from({ length }, (_, position) => position);
  const queries: number[] = [];
  const keys: number[] = [];
  for (let sequence = 0; sequence < sequences; sequence++) {
    const own: number[] = [];
    for (let block = 0; block < blocks; block++) {
      // A block of padding has no context: it begins at position 0.
      const anchor = layout.anchors[sequence]?.[block] ?? 0;
      const row = (sequence * blocks + block) * blockSize;
      for (let offset = 0; offset < blockSize; offset++) {
        own.push(anchor + offset);
        const place = { anchor, offset, ownStart: length + block * blockSize, blockSize };
        for (const [layer, window] of layerWindows.entries())
          batch.visible[layer]?.set(visibleKeys(place, window), 4 * (row + offset));
      }
    }
    queries.push(...own);
    keys.push(...context, ...own);
  }
  const angles = { base: config.ropeBase, rotaryDim: headDim, scaling: { kind: 'none' } } as const;
  batch.queryAngles.set(ropeAngles(angles, queries));
  batch.keyAngles.set(ropeAngles(angles, keys));
}

/**
 * Two ranges of keys: context [start, anchor), own block. Under a window a token sees only the block's tokens up to itself,
 * as in the order in which the target writes them.
 */
function visibleKeys(
  place: {
    readonly anchor: number;
    readonly offset: number;
    readonly ownStart: number;
    readonly blockSize: number;
  },
  window: number | null,
): readonly number[] {
  const { anchor, offset, ownStart, blockSize } = place;
  if (window === null) return [0, anchor, ownStart, ownStart + blockSize];
  const start = Math.max(0, anchor + offset - (window - 1));
  return [Math.min(start, anchor), anchor, ownStart, ownStart + offset + 1];
}
