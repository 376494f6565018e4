/**
 * Fills the inputs of a recording from a batch of captured samples. Everything that speaks of the next token moves left by
 * one: position i holds the feature of token i, the id of token i + 1, and the target's state after it. The loss mask
 * moves with them.
 */
import type { TrainingArena } from '@plimsoll/training';
import type { BucketShape } from '../buckets.ts';
import { type Features, featureOf, sizeOf, tokenIdsOf } from '../feature-values.ts';
import type { Eagle3Recording } from './eagle3-recording.ts';

/** Names of the features, as captures of a target write them. */
export const eagle3Features = ['input_ids', 'loss_mask', 'layer_states', 'final_states'] as const;

/** Copies a batch that fits the bucket; the rest is padding without supervision. */
export function fillEagle3(
  arena: TrainingArena,
  { recording, batch: inputs, vocabularySize }: Eagle3Recording,
  batch: Features,
  { length }: BucketShape,
): void {
  const { samples, tokens } = sizeOf(batch);
  const features = arena.view(recording, inputs.features);
  const teacher = arena.view(recording, inputs.teacherHidden);
  features.fill(0);
  teacher.fill(0);
  inputs.mask.fill(0);
  for (const step of inputs.tokenIds) step.fill(0);
  const [width, finalWidth] = [inputs.features.columns, inputs.teacherHidden.columns];
  const values = featureOf(batch, 'layer_states', width);
  const finals = featureOf(batch, 'final_states', finalWidth);
  const [tokenIds, mask] = [tokenIdsOf(batch, vocabularySize), featureOf(batch, 'loss_mask', 1)];
  for (let sample = 0; sample < samples; sample++) {
    const [from, to] = [sample * tokens, sample * length];
    features.set(values.subarray(from * width, (from + tokens) * width), to * width);
    teacher.set(finals.subarray((from + 1) * finalWidth, (from + tokens) * finalWidth), to * finalWidth);
    for (const [step, place] of inputs.tokenIds.entries()) {
      for (let i = 0; i + 1 + step < tokens; i++) place[to + i] = tokenIds[from + i + 1 + step] ?? 0;
    }
    // The last position has no next token, and so no teacher.
    for (let i = 0; i + 1 < tokens; i++) inputs.mask[to + i] = mask[from + i + 1] ?? 0;
  }
}
