/** Domino as a training strategy. */
import { type BlockBuckets, BlockStrategy } from '../dflash/block-strategy.ts';
import { defineDomino } from './domino-model.ts';
import { type DominoRecording, fillDomino, recordDominoLoss } from './domino-recording.ts';
import { baseShareAt, checkDominoConfig, type DominoConfig, type DominoTraining } from './domino-spec.ts';

export interface DominoModel {
  readonly config: DominoConfig;
  readonly training: DominoTraining;
}

/** Throws `bad-draft-config`. */
export function dominoStrategy(
  { config, training }: DominoModel,
  buckets: BlockBuckets,
): BlockStrategy<DominoRecording> {
  checkDominoConfig(config, training);
  const { blockSize, shiftLabel } = config;
  const { anchorsMax, anchorSeed, gamma } = training;
  return new BlockStrategy<DominoRecording>(
    {
      config,
      rules: { blockSize, shiftLabel, gamma },
      anchors: { anchorsMax, anchorSeed },
      dividesBy: 'weights',
      define(parameters) {
        const weights = defineDomino(parameters, config);
        return (shape) => recordDominoLoss(parameters, weights, config, shape);
      },
      fill(arena, recorded, fill, progress) {
        // A draft serves its corrected logits, so that an evaluation measures these alone.
        const baseShare = progress === null ? 0 : baseShareAt(training, progress);
        fillDomino(arena, recorded, { ...fill, config, baseShare });
      },
      lossOf: dominoLoss,
    },
    buckets,
  );
}

function dominoLoss({ batch, sums }: DominoRecording): number {
  const { value: share } = batch.baseShare;
  return (1 - share) * sums.final.loss + share * sums.base.loss;
}
