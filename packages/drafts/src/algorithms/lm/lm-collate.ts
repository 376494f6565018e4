/** Fills the inputs of a recording from a batch: position i holds token i, and its label is token i + 1 if that is supervised. */
import { type Features, featureOf, sizeOf, tokenIdsOf } from '../feature-values.ts';
import type { LmRecording } from './lm-recording.ts';

export const lmFeatures = ['input_ids', 'loss_mask'] as const;

/** Supervised tokens that a token precedes: the positions that the loss of a batch is divided by. */
export function labelsOf(batch: Features): number {
  const { samples, tokens } = sizeOf(batch);
  const mask = featureOf(batch, 'loss_mask', 1);
  let labels = 0;
  for (let sample = 0; sample < samples; sample++)
    for (let token = 1; token < tokens; token++) labels += mask[sample * tokens + token] ?? 0;
  return labels;
}

/** Copies a batch into rows of `length` tokens; the rest is padding without a label. `scale` is the factor of each loss. */
export function fillLm(
  recorded: LmRecording,
  batch: Features,
  { length, vocabularySize, scale }: { length: number; vocabularySize: number; scale: number },
): void {
  const { samples, tokens } = sizeOf(batch);
  const [ids, mask] = [tokenIdsOf(batch, vocabularySize), featureOf(batch, 'loss_mask', 1)];
  recorded.tokenIds.fill(0);
  recorded.labels.fill(0);
  recorded.weights.fill(0);
  for (let sample = 0; sample < samples; sample++) {
    const [from, to] = [sample * tokens, sample * length];
    recorded.tokenIds.set(ids.subarray(from, from + tokens), to);
    for (let token = 0; token + 1 < tokens; token++) {
      recorded.labels[to + token] = ids[from + token + 1] ?? 0;
      recorded.weights[to + token] = scale * (mask[from + token + 1] ?? 0);
    }
  }
}
