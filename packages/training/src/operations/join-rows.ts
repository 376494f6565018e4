/** Rows of two tensors under each other, sequence by sequence: the keys of a context, then those of its blocks. */
import { assert } from '@plimsoll/foundation';
import type { StepMemory, Tape } from '../tape/tape.ts';
import { rowsOf, type Tensor } from '../tape/tensor.ts';

/** Each sequence of the output has its rows of `first`, then its rows of `second`. */
export function joinRows(
  tape: Tape,
  name: string,
  operands: { readonly first: Tensor; readonly second: Tensor },
  sequences: number,
): Tensor {
  const { first, second } = operands;
  assert(first.columns === second.columns, `${name}: rows of one width`);
  const [firstRows, secondRows] = [first.rows / sequences, second.rows / sequences];
  assert(Number.isInteger(firstRows) && Number.isInteger(secondRows), `${name}: whole sequences`);
  const parts = (joined: Tensor, sequence: number): readonly (readonly [Tensor, Tensor])[] => {
    const start = sequence * (firstRows + secondRows);
    return [
      [rowsOf(first, sequence * firstRows, firstRows), rowsOf(joined, start, firstRows)],
      [rowsOf(second, sequence * secondRows, secondRows), rowsOf(joined, start + firstRows, secondRows)],
    ];
  };
  const output = tape.activation(name, [first.rows + second.rows, first.columns], [first, second]);
  tape.emit(name, [first, second, output], (memory) => {
    for (let sequence = 0; sequence < sequences; sequence++)
      for (const [source, target] of parts(output, sequence)) copyRows(memory, source, target);
  });
  tape.onBackward(output, () => {
    const source = tape.gradient(output);
    for (const [index, operand] of [first, second].entries()) {
      if (!tape.needsGradient(operand)) continue;
      const { region } = tape.gradient(operand);
      tape.emit(`adjoint of ${name}`, [source, { ...operand, region }], (memory) => {
        for (let sequence = 0; sequence < sequences; sequence++) {
          const [part, from] = parts(source, sequence)[index] ?? [];
          if (part !== undefined && from !== undefined) addRows(memory, from, { ...part, region });
        }
      });
    }
  });
  return output;
}

function copyRows({ elements, at }: StepMemory, source: Tensor, target: Tensor): void {
  for (let row = 0; row < source.rows; row++) {
    const start = at(source) + row * source.rowStride;
    elements.copyWithin(at(target) + row * target.rowStride, start, start + source.columns);
  }
}

function addRows({ elements, at }: StepMemory, source: Tensor, target: Tensor): void {
  for (let row = 0; row < source.rows; row++) {
    const from = at(source) + row * source.rowStride;
    const to = at(target) + row * target.rowStride;
    for (let i = 0; i < source.columns; i++)
      elements[to + i] = (elements[to + i] ?? 0) + (elements[from + i] ?? 0);
  }
}
