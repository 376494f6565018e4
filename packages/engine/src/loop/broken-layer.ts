/**
 * Finds the layer that produced values that are not finite. The sampler detects such logits at no cost. Only then the
 * engine computes the step again and checks the output of every layer. The second run writes the same keys and values.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { Forward } from '../forward/forward.ts';
import type { StepBatch } from '../forward/step-batch.ts';

/** Returns an error that names the first layer with values that are not finite. Returns other errors unchanged. */
export function namedLayer(error: unknown, forward: Forward, batch: StepBatch): unknown {
  const isBroken =
    error instanceof PlimsollError && (error.code === 'logits-not-finite' || error.code === 'logits-empty');
  if (!isBroken) return error;
  const layers = forward.model.layers.map(({ index }) => index);
  let first: number | null = null;
  forward.run(batch, {
    layers: new Set([-1, ...layers]),
    take(layer, rows) {
      if (first === null && !rows.every(Number.isFinite)) first = layer;
    },
  });
  const place =
    first === null ? 'the final norm or the head' : first === -1 ? 'the embedding' : `layer ${String(first)}`;
  return new PlimsollError(
    {
      code: 'logits-not-finite',
      message: `${place} gave numbers that are not finite, so there is no next token`,
      value: error.value,
      limit: 'finite numbers',
      hint: 'the model file is damaged or a layer overflowed: check its hash, or load another quantisation',
    },
    { cause: error },
  );
}
