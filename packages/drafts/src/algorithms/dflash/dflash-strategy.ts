/** DFlash as a training strategy. */
import { fillBlocks } from './block-collate.ts';
import { type BlockBuckets, BlockStrategy } from './block-strategy.ts';
import { defineDFlash } from './dflash-model.ts';
import { type DFlashRecording, recordDFlashLoss } from './dflash-recording.ts';
import { checkDFlashConfig, type DFlashConfig, type DFlashTraining } from './dflash-spec.ts';

export interface DFlashModel {
  readonly config: DFlashConfig;
  readonly training: DFlashTraining;
}

/** Throws `bad-draft-config`. */
export function dflashStrategy(model: DFlashModel, buckets: BlockBuckets): BlockStrategy<DFlashRecording> {
  const { config, training } = model;
  checkDFlashConfig(config, training);
  const { anchorsMax, anchorSeed, loss } = training;
  const gamma = loss.kind === 'dflash' ? training.gamma : 0;
  return new BlockStrategy<DFlashRecording>(
    {
      config,
      rules: { blockSize: config.blockSize, shiftLabel: false, gamma },
      anchors: { anchorsMax, anchorSeed },
      dividesBy: loss.kind === 'dflash' ? 'weights' : 'samples',
      define(parameters) {
        const weights = defineDFlash(parameters, config);
        return (shape) => recordDFlashLoss(parameters, weights, model, shape);
      },
      fill: fillBlocks,
      lossOf: ({ sums }) => sums.loss,
    },
    buckets,
  );
}
