/** A training pass of DFlash for one bucket of batch size and length: inputs, blocks, fused loss. */
import {
  type LabelLossSums,
  labelHeadLoss,
  type ParameterSet,
  type Recording,
  Tape,
} from '@plimsoll/training';
import { type BlockBatch, type BlockShape, blockBatch } from './block-collate.ts';
import { blockFactors } from './dflash-loss.ts';
import { type DFlashWeights, recordDFlash } from './dflash-model.ts';
import type { DFlashConfig, DFlashTraining } from './dflash-spec.ts';

export interface DFlashRecording {
  readonly recording: Recording;
  readonly batch: BlockBatch;
  readonly sums: LabelLossSums;
}

export function recordDFlashLoss(
  parameters: ParameterSet,
  weights: DFlashWeights,
  { config, training }: { readonly config: DFlashConfig; readonly training: DFlashTraining },
  shape: BlockShape & { readonly trains: boolean },
): DFlashRecording {
  const tape = new Tape({ trains: shape.trains, parameterGradients: parameters.gradients });
  const batch = blockBatch(tape, config, shape);
  const hidden = recordDFlash(tape, config, weights, batch);
  const factors = blockFactors(training.loss, config.blockSize);
  const rows = { labels: batch.labels, weights: batch.weights, hits: batch.hits };
  const inputs = { hidden, head: weights.head, ...rows, ...(factors === undefined ? {} : { factors }) };
  const sums = labelHeadLoss(tape, 'loss', inputs);
  return { recording: tape.finish(), batch, sums };
}
