/** y = sum of x_i w_i^T: a linear layer, or one whose input is a concatenation that is never made. */
import { assert } from '@plimsoll/foundation';
import { type Place, transposedPlace } from '../tape/memory.ts';
import type { StepMemory, Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';

export interface Term {
  /** [rows, inputs] */
  readonly input: Tensor;
  /** [outputs, inputs], may be columns of a wider weight. */
  readonly weight: Tensor;
}

export function placeOf(memory: StepMemory, tensor: Tensor): Place {
  const { rows, columns, rowStride } = tensor;
  return { at: memory.at(tensor), rows, columns, rowStride, columnStride: 1 };
}

/** output (+)= left x right, where an operand may be transposed. */
function emitProduct(
  tape: Tape,
  operands: { left: Tensor; right: Tensor; leftTurned?: boolean; rightTurned?: boolean },
  output: Tensor,
  accumulate: boolean,
): void {
  const { left, right, leftTurned = false, rightTurned = false } = operands;
  tape.reserveProduct(output.rows, output.columns, leftTurned ? left.rows : left.columns);
  tape.emit(`product into ${output.region.name}`, [left, right, output], (memory) => {
    const [leftPlace, rightPlace] = [placeOf(memory, left), placeOf(memory, right)];
    memory.multiply({
      left: leftTurned ? transposedPlace(leftPlace) : leftPlace,
      right: rightTurned ? transposedPlace(rightPlace) : rightPlace,
      outputAt: memory.at(output),
      outputRowStride: output.rowStride,
      accumulate,
    });
  });
}

export function linear(tape: Tape, name: string, terms: readonly Term[]): Tensor {
  const [first] = terms;
  assert(first !== undefined, 'a linear layer has an input');
  const shape = [first.input.rows, first.weight.rows] as const;
  const output = tape.activation(
    name,
    shape,
    terms.flatMap(({ input, weight }) => [input, weight]),
  );
  for (const [index, { input, weight }] of terms.entries()) {
    assert(input.columns === weight.columns, `${input.columns} inputs for a weight of ${weight.columns}`);
    emitProduct(tape, { left: input, right: weight, rightTurned: true }, output, index > 0);
  }
  tape.onBackward(output, () => {
    const gradient = tape.gradient(output);
    for (const { input, weight } of terms) {
      if (tape.needsGradient(input))
        emitProduct(tape, { left: gradient, right: weight }, tape.gradient(input), true);
      if (tape.needsGradient(weight))
        emitProduct(tape, { left: gradient, right: input, leftTurned: true }, tape.gradient(weight), true);
    }
  });
  return output;
}
