/**
 * Which layer broke. Logits that are not numbers are noticed when they are sampled, which costs nothing; only then is the
 * step computed once more with a look after every layer. It writes the same keys and values again, so nothing changes.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { Forward } from '../forward/forward.ts';
import type { StepBatch } from '../forward/step-batch.ts';

/** The error itself, or, for logits that are not finite, one that names the first layer whose output is not. */
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
