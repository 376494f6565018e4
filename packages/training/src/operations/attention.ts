/**
 * Attention of training. A rule, never a matrix, says what a query sees: one or two ranges of the keys of its sequence.
 * Test-time training (EAGLE3) adds one diagonal key per earlier step: query i also sees key i of each of them.
 *
 * Scores of a tile of queries of one head are in workspace, made by products; the softmax is a loop over the visible keys. The
 * backward pass computes the scores again, so that the saved state is one number for each query and head.
 */
import { assert } from '@plimsoll/foundation';
import type { Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';
import { type AttentionTensors, backwardStep, forwardStep } from './attention-steps.ts';
import { type AttentionShape, tileRows, type VisibleRanges } from './attention-tiles.ts';

/** Fills the ranges of causal attention: query i of each sequence sees keys 0 to i. */
export function causalRanges(sequences: number, queries: number): VisibleRanges {
  const visible = new Uint32Array(4 * sequences * queries);
  for (let row = 0; row < sequences * queries; row++) visible[4 * row + 1] = (row % queries) + 1;
  return visible;
}

export interface AttentionInputs {
  /** [sequences x queries, heads x headDim] */
  readonly queries: Tensor;
  /** [sequences x keys, kvHeads x headDim] */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Keys and values of earlier steps, [sequences x queries, kvHeads x headDim] each. */
  readonly diagonals?: readonly { readonly keys: Tensor; readonly values: Tensor }[];
}

export function attention(tape: Tape, name: string, inputs: AttentionInputs, shape: AttentionShape): Tensor {
  const { queries, keys, values, diagonals = [] } = inputs;
  const { sequences, heads, kvHeads, headDim } = shape;
  assert(queries.columns === heads * headDim && keys.columns === kvHeads * headDim, `${name}: whole heads`);
  assert(heads % kvHeads === 0, `${name}: ${heads} heads share ${kvHeads} heads of keys`);
  assert(shape.visible.length === 4 * queries.rows, `${name}: two ranges for every query`);
  const [queryRows, keyRows] = [Math.min(tileRows, queries.rows / sequences), keys.rows / sequences];
  const operands = [queries, keys, values, ...diagonals.flatMap((pair) => [pair.keys, pair.values])];
  const output = tape.activation(name, [queries.rows, queries.columns], operands);
  const logSums = tape.activation(`${name} log sums`, [queries.rows, heads], []);
  const scores = tape.workspace(`${name} scores`, queryRows, keyRows);
  tape.reserveProduct(queryRows, keyRows, headDim);
  tape.reserveProduct(queryRows, headDim, keyRows);
  tape.reserveProduct(keyRows, headDim, queryRows);
  const tensors: AttentionTensors = { queries, keys, values, diagonals, output, logSums, scores };
  tape.emit(name, [...operands, output, logSums, scores], (memory) => forwardStep(memory, tensors, shape));
  tape.onBackward(output, () => {
    const gradientOf = (tensor: Tensor): Tensor | null =>
      tape.needsGradient(tensor) ? tape.gradient(tensor) : null;
    const gradients = {
      output: tape.gradient(output),
      queries: gradientOf(queries),
      keys: gradientOf(keys),
      values: gradientOf(values),
      diagonals: diagonals.map((pair) => ({ keys: gradientOf(pair.keys), values: gradientOf(pair.values) })),
    };
    const scoreGradients = tape.workspace(`gradient of ${name} scores`, queryRows, keyRows);
    const { diagonals: pairs, ...rest } = gradients;
    const targets = [...Object.values(rest), ...pairs.flatMap((pair) => [pair.keys, pair.values])];
    const used = [...operands, output, logSums, scores, scoreGradients];
    used.push(...targets.filter((target) => target !== null));
    tape.emit(`adjoint of ${name}`, used, (memory) =>
      backwardStep(memory, { ...tensors, gradients, scoreGradients }, shape),
    );
  });
  return output;
}
