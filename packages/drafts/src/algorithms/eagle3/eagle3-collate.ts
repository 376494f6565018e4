/**
 * Fills the inputs of a recording from a batch of captured samples. Everything that speaks of the next token moves left by
 * one: position i holds the feature of token i, the id of token i + 1, and the target's state after it. The loss mask
 * moves with them.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { TrainingArena } from '@plimsoll/training';
import { type Feature, type Features, fromFeature } from '../feature-values.ts';
import type { Eagle3Recording } from './eagle3-recording.ts';

/** Names of the features, as captures of a target write them. */
const eagle3Features = ['input_ids', 'loss_mask', 'layer_states', 'final_states'] as const;

function featureOf(batch: Features, name: (typeof eagle3Features)[number]): Feature {
  const feature = batch.tensors[name];
  if (feature !== undefined) return feature;
  throw new PlimsollError({
    code: 'missing-feature',
    message: `EAGLE3 needs the feature ${name}, which the samples do not have`,
    value: Object.keys(batch.tensors).join(', '),
    limit: eagle3Features.join(', '),
    hint: 'capture the samples for the strategy eagle3',
  });
}

export interface BucketShape {
  readonly sequences: number;
  readonly length: number;
}

/** Copies a batch of at most `sequences` samples of at most `length` tokens; the rest is padding without supervision. */
export function fillEagle3(
  arena: TrainingArena,
  { recording, batch: inputs }: Eagle3Recording,
  batch: Features,
  { sequences, length }: BucketShape,
): void {
  const ids = featureOf(batch, 'input_ids');
  const [samples = 0, tokens = 0] = ids.shape;
  if (samples > sequences || tokens > length)
    throw new PlimsollError({
      code: 'batch-too-large',
      message: `a batch of ${samples} samples of ${tokens} tokens does not fit its recording`,
      value: `${samples} x ${tokens}`,
      limit: `${sequences} x ${length}`,
      hint: 'record a bucket of this length',
    });
  const features = arena.view(recording, inputs.features);
  const teacher = arena.view(recording, inputs.teacherHidden);
  features.fill(0);
  teacher.fill(0);
  inputs.mask.fill(0);
  for (const step of inputs.tokenIds) step.fill(0);
  const [states, final] = [featureOf(batch, 'layer_states'), featureOf(batch, 'final_states')];
  const [values, finals] = [fromFeature(states), fromFeature(final)];
  const [tokenIds, mask] = [fromFeature(ids), fromFeature(featureOf(batch, 'loss_mask'))];
  const [width, finalWidth] = [inputs.features.columns, inputs.teacherHidden.columns];
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
