/** The second half of a decoder layer, which all drafts share. */
import type { Tape, Tensor } from '@plimsoll/training';
import { add, gated, linear, rmsNorm } from '@plimsoll/training/operations';

export interface FeedForwardWeights {
  /** Output projection of the attention. */
  readonly output: Tensor;
  readonly postNorm: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
}

/**
 * Records what follows the attention of a layer: its output projection, the residual sum, and the gated network with a
 * residual sum of its own. `hidden` is the input of the layer; `name` names a part of it on the tape.
 */
export function recordFeedForward(
  tape: Tape,
  name: (part: string) => string,
  weights: FeedForwardWeights,
  layer: { readonly hidden: Tensor; readonly attended: Tensor; readonly epsilon: number },
): Tensor {
  const { hidden, attended, epsilon } = layer;
  const projected = linear(tape, name('o'), [{ input: attended, weight: weights.output }]);
  const residual = add(tape, name('residual'), hidden, projected);
  const post = rmsNorm(tape, name('post norm'), { input: residual, weight: weights.postNorm }, { epsilon });
  const gate = linear(tape, name('gate'), [{ input: post, weight: weights.gate }]);
  const up = linear(tape, name('up'), [{ input: post, weight: weights.up }]);
  const product = gated(tape, name('swiglu'), { gate, up, activation: 'silu' });
  const down = linear(tape, name('down'), [{ input: product, weight: weights.down }]);
  return add(tape, name('output'), residual, down);
}
