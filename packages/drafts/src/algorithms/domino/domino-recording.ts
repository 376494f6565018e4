/** A training pass of Domino for one bucket of batch size and length: blocks, correction, fused loss of both logits. */
import {
  type CorrectedLossSums,
  correctedHeadLoss,
  type ParameterSet,
  type Recording,
  Tape,
  type TrainingArena,
} from '@plimsoll/training';
import {
  type BlockBatch,
  type BlockFill,
  type BlockShape,
  blockBatch,
  fillBlocks,
} from '../dflash/block-collate.ts';
import { recordDFlash } from '../dflash/dflash-model.ts';
import { sizeOf, tokenIdsOf } from '../feature-values.ts';
import { type DominoWeights, recordCorrection } from './domino-model.ts';
import { type DominoConfig, firstCorrected } from './domino-spec.ts';

/** `hits` are those of the corrected logits. */
export interface DominoBatch extends BlockBatch {
  readonly baseHits: Uint8Array;
  /** The token before each label. */
  readonly previousIds: Uint32Array;
  /** Share of the base logits in the loss. */
  readonly baseShare: { value: number };
}

export interface DominoRecording {
  readonly recording: Recording;
  readonly batch: DominoBatch;
  readonly sums: CorrectedLossSums;
}

export function recordDominoLoss(
  parameters: ParameterSet,
  weights: DominoWeights,
  config: DominoConfig,
  shape: BlockShape & { readonly trains: boolean },
): DominoRecording {
  const tape = new Tape({ trains: shape.trains, parameterGradients: parameters.gradients });
  const blocks = blockBatch(tape, config, shape);
  const rows = blocks.labels.length;
  const batch: DominoBatch = {
    ...blocks,
    baseHits: new Uint8Array(rows),
    previousIds: new Uint32Array(rows),
    baseShare: { value: 1 },
  };
  const hidden = recordDFlash(tape, config, weights, batch);
  const low = recordCorrection(tape, config, weights, { hidden, previousIds: batch.previousIds });
  const first = firstCorrected(config);
  const isCorrected = Uint8Array.from({ length: rows }, (_, row) => Number(row % config.blockSize >= first));
  const { labels, weights: lossWeights, hits: finalHits, baseHits, baseShare } = batch;
  const sums = correctedHeadLoss(tape, 'loss', {
    ...{ hidden, head: weights.head, low, projection: weights.raise, isCorrected },
    ...{ labels, weights: lossWeights, baseShare, baseHits, finalHits },
  });
  return { recording: tape.finish(), batch, sums };
}

export interface DominoFill extends BlockFill {
  readonly config: DominoConfig;
  readonly baseShare: number;
}

/** Copies a batch, its blocks and the tokens before their labels. */
export function fillDomino(
  arena: TrainingArena,
  { recording, batch }: DominoRecording,
  fill: DominoFill,
): void {
  const { samples, layout, config, shape, baseShare } = fill;
  fillBlocks(arena, { recording, batch }, fill);
  batch.baseShare.value = baseShare;
  const { tokens } = sizeOf(samples);
  const ids = tokenIdsOf(samples, config.vocabulary);
  const back = config.shiftLabel ? 0 : 1;
  batch.previousIds.fill(config.maskTokenId);
  for (const [sample, anchors] of layout.anchors.entries()) {
    for (const [block, anchor] of anchors.entries()) {
      const row = (sample * shape.blocks + block) * config.blockSize;
      for (let offset = back; offset < config.blockSize; offset++) {
        const position = Math.min(anchor + offset - back, tokens - 1);
        batch.previousIds[row + offset] = ids[sample * tokens + position] ?? 0;
      }
    }
  }
}
