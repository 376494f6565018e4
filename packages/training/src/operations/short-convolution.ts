/**
 * Depthwise convolution of a few taps inside groups of rows, as drafts mix the tokens of a block:
 *
 *     y[t, c] = sum over tap j of (base[j, c] + delta[t, j, c / groupColumns]) x[t - j, c]
 *
 * A row before the group's first counts as zero. `delta` makes the taps depend on the row; the channels of a group share
 * it.
 */
import { assert } from '@plimsoll/foundation';
import type { StepMemory, Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';

export interface ConvolutionOperands {
  /** [rows, columns] */
  readonly input: Tensor;
  /** [taps, columns] */
  readonly base: Tensor;
  /** [rows, taps x column groups]: all groups of tap 0 first. */
  readonly delta?: Tensor;
}

interface Convolution extends ConvolutionOperands {
  /** Rows of a block: no tap reaches over its start. */
  readonly blockRows: number;
  /** Columns that share a delta. */
  readonly groupColumns: number;
}

export function shortConvolution(
  tape: Tape,
  name: string,
  operands: ConvolutionOperands,
  blockRows: number,
): Tensor {
  const { input, base, delta } = operands;
  assert(base.columns === input.columns, `${name}: taps for every column`);
  assert(
    input.rows % blockRows === 0 && base.rows <= blockRows,
    `${name}: whole blocks of ${blockRows} rows`,
  );
  const groups = (delta?.columns ?? base.rows) / base.rows;
  assert(delta === undefined || delta.rows === input.rows, `${name}: a delta for every row`);
  assert(Number.isInteger(input.columns / groups), `${name}: ${groups} groups of columns`);
  const shape: Convolution = { ...operands, blockRows, groupColumns: input.columns / groups };
  const used = [input, base, ...(delta === undefined ? [] : [delta])];
  const output = tape.activation(name, [input.rows, input.columns], used);
  tape.emit(name, [...used, output], (memory) => forward(memory, shape, output));
  tape.onBackward(output, () => {
    const gradientOf = (tensor: Tensor | undefined): Tensor | null =>
      tensor !== undefined && tape.needsGradient(tensor) ? tape.gradient(tensor) : null;
    const source = tape.gradient(output);
    const gradients = { input: gradientOf(input), base: gradientOf(base), delta: gradientOf(delta) };
    const targets = Object.values(gradients).filter((target) => target !== null);
    tape.emit(`adjoint of ${name}`, [...used, source, ...targets], (memory) =>
      backward(memory, shape, { ...gradients, source }),
    );
  });
  return output;
}

/** Calls `visit` with each tap of a row that reaches a row of its block, and the elements at which rows begin. */
function forEachTap(
  { at }: StepMemory,
  { input, base, delta, blockRows }: Convolution,
  visit: (tap: { row: number; source: number; base: number; delta: number; index: number }) => void,
): void {
  for (let row = 0; row < input.rows; row++) {
    for (let index = 0; index < Math.min(base.rows, 1 + (row % blockRows)); index++) {
      const groups = delta === undefined ? 0 : delta.columns / base.rows;
      const ownDelta = delta === undefined ? -1 : at(delta) + row * delta.rowStride + index * groups;
      const source = at(input) + (row - index) * input.rowStride;
      visit({ row, source, base: at(base) + index * base.rowStride, delta: ownDelta, index });
    }
  }
}

function forward(memory: StepMemory, shape: Convolution, output: Tensor): void {
  const { elements } = memory;
  const { groupColumns } = shape;
  forEachTap(memory, shape, ({ row, source, base, delta, index }) => {
    const to = memory.at(output) + row * output.rowStride;
    for (let i = 0; i < output.columns; i++) {
      const change = delta < 0 ? 0 : (elements[delta + Math.floor(i / groupColumns)] ?? 0);
      const value = ((elements[base + i] ?? 0) + change) * (elements[source + i] ?? 0);
      elements[to + i] = index === 0 ? value : (elements[to + i] ?? 0) + value;
    }
  });
}

interface ConvolutionGradients {
  readonly source: Tensor;
  readonly input: Tensor | null;
  readonly base: Tensor | null;
  readonly delta: Tensor | null;
}

function backward(memory: StepMemory, shape: Convolution, gradients: ConvolutionGradients): void {
  const { elements, at } = memory;
  const { input, groupColumns } = shape;
  const rowAt = (tensor: Tensor | null, row: number): number =>
    tensor === null ? -1 : at(tensor) + row * tensor.rowStride;
  const add = (start: number, i: number, value: number): void => {
    if (start >= 0) elements[start + i] = (elements[start + i] ?? 0) + value;
  };
  forEachTap(memory, shape, ({ row, source, base, delta, index }) => {
    const dy = rowAt(gradients.source, row);
    const toInput = rowAt(gradients.input, row - index);
    const toBase = rowAt(gradients.base, index);
    const groups = input.columns / groupColumns;
    const toDelta = gradients.delta === null ? -1 : rowAt(gradients.delta, row) + index * groups;
    for (let i = 0; i < input.columns; i++) {
      const slope = elements[dy + i] ?? 0;
      const group = Math.floor(i / groupColumns);
      const change = delta < 0 ? 0 : (elements[delta + group] ?? 0);
      const product = slope * (elements[source + i] ?? 0);
      add(toInput, i, slope * ((elements[base + i] ?? 0) + change));
      add(toBase, i, product);
      add(toDelta, group, product);
    }
  });
}
