/**
 * A gated recurrent unit (Cho et al., 2014) over short groups of rows, without biases, with the gates of PyTorch in the
 * order reset, update, candidate:
 *
 *     r = sigma(x_r + U_r h)   z = sigma(x_z + U_z h)   n = tanh(x_n + r U_n h)   h' = (1 - z) n + z h
 *
 * All groups take a step at the same time, so that a step is one product. The backward pass computes the gates again from
 * the saved products.
 */
import { assert } from '@plimsoll/foundation';
import { type Place, transposedPlace } from '../tape/memory.ts';
import type { StepMemory, Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';
import { placeOf } from './linear.ts';

export interface GruOperands {
  /** W x of every row, [groups x steps, 3 x width]. */
  readonly projected: Tensor;
  /** U, [3 x width, width]. */
  readonly weight: Tensor;
}

export interface GruShape {
  /** Rows of a group. */
  readonly steps: number;
  /** The first row that the unit reads; the state of the rows before is zero. */
  readonly firstStep: number;
}

interface Unit extends GruOperands, GruShape {
  readonly output: Tensor;
  /** U h of the state before every row, [groups x steps, 3 x width]. */
  readonly recurrent: Tensor;
}

/** Returns the state after every row, [groups x steps, width]. The state before the first step is zero. */
export function gru(tape: Tape, name: string, operands: GruOperands, shape: GruShape): Tensor {
  const { projected, weight } = operands;
  const { steps, firstStep } = shape;
  const width = weight.columns;
  assert(weight.rows === 3 * width && projected.columns === 3 * width, `${name}: three gates of ${width}`);
  assert(projected.rows % steps === 0 && firstStep < steps, `${name}: whole groups of ${steps} rows`);
  const groups = projected.rows / steps;
  const output = tape.activation(name, [projected.rows, width], [projected, weight]);
  const recurrent = tape.activation(`${name} products`, [projected.rows, 3 * width], []);
  const unit: Unit = { ...operands, ...shape, output, recurrent };
  tape.reserveProduct(groups, 3 * width, width);
  tape.emit(name, [projected, weight, output, recurrent], (memory) => forward(memory, unit));
  tape.onBackward(output, () => {
    const slopes = tape.workspace(`${name} slopes`, projected.rows, 3 * width);
    const source = tape.gradient(output);
    const toProjected = tape.needsGradient(projected) ? tape.gradient(projected) : null;
    const toWeight = tape.needsGradient(weight) ? tape.gradient(weight) : null;
    const targets = [toProjected, toWeight].filter((target) => target !== null);
    tape.reserveProduct(groups, width, 3 * width);
    tape.reserveProduct(3 * width, width, groups);
    const used = [projected, weight, output, recurrent, slopes, source, ...targets];
    tape.emit(`adjoint of ${name}`, used, (memory) =>
      backward(memory, unit, { slopes, source, toProjected, toWeight }),
    );
  });
  return output;
}

/** The rows of one step in all groups. */
function stepOf(tensor: Tensor, step: number, steps: number): Tensor {
  const offset = tensor.offset + step * tensor.rowStride;
  return { ...tensor, offset, rows: tensor.rows / steps, rowStride: tensor.rowStride * steps };
}

function fillRows({ elements, at }: StepMemory, tensor: Tensor, value: number): void {
  for (let row = 0; row < tensor.rows; row++) {
    const start = at(tensor) + row * tensor.rowStride;
    elements.fill(value, start, start + tensor.columns);
  }
}

function multiplyInto(
  memory: StepMemory,
  output: Tensor,
  operands: { readonly left: Place; readonly right: Place },
  accumulate: boolean,
): void {
  const place = { outputAt: memory.at(output), outputRowStride: output.rowStride };
  memory.multiply({ ...operands, ...place, accumulate });
}

/** Gates of one element. */
interface Gates {
  readonly reset: number;
  readonly update: number;
  readonly candidate: number;
}

function gatesOf({ elements }: StepMemory, x: number, u: number, width: number): Gates {
  const value = (at: number): number => elements[at] ?? 0;
  const reset = 1 / (1 + Math.exp(-(value(x) + value(u))));
  const update = 1 / (1 + Math.exp(-(value(x + width) + value(u + width))));
  return { reset, update, candidate: Math.tanh(value(x + 2 * width) + reset * value(u + 2 * width)) };
}

function forward(memory: StepMemory, unit: Unit): void {
  const { elements, at } = memory;
  const { projected, weight, output, recurrent, steps, firstStep } = unit;
  const width = output.columns;
  for (let step = 0; step < steps; step++) {
    const [products, states] = [stepOf(recurrent, step, steps), stepOf(output, step, steps)];
    if (step > firstStep) {
      const left = placeOf(memory, stepOf(output, step - 1, steps));
      const right = transposedPlace(placeOf(memory, weight));
      multiplyInto(memory, products, { left, right }, false);
    } else fillRows(memory, products, 0);
    if (step < firstStep) {
      fillRows(memory, states, 0);
      continue;
    }
    for (let group = 0; group < states.rows; group++) {
      const x = at(projected) + (group * steps + step) * projected.rowStride;
      const u = at(products) + group * products.rowStride;
      const own = at(states) + group * states.rowStride;
      for (let i = 0; i < width; i++) {
        const { update, candidate } = gatesOf(memory, x + i, u + i, width);
        const state = step > firstStep ? (elements[own - output.rowStride + i] ?? 0) : 0;
        elements[own + i] = (1 - update) * candidate + update * state;
      }
    }
  }
}

interface GruGradients {
  /** Gradients of U h, [groups x steps, 3 x width]. */
  readonly slopes: Tensor;
  readonly source: Tensor;
  readonly toProjected: Tensor | null;
  readonly toWeight: Tensor | null;
}

/** From the last step to the first; the gradient of a state is added to that of the row before. */
function backward(memory: StepMemory, unit: Unit, gradients: GruGradients): void {
  const { weight, output, steps, firstStep } = unit;
  const { slopes, source, toWeight } = gradients;
  for (let step = steps - 1; step >= firstStep; step--) {
    backwardGates(memory, unit, gradients, step);
    if (step === firstStep) continue;
    const slope = placeOf(memory, stepOf(slopes, step, steps));
    const previous = stepOf(source, step - 1, steps);
    multiplyInto(memory, previous, { left: slope, right: placeOf(memory, weight) }, true);
    const state = placeOf(memory, stepOf(output, step - 1, steps));
    if (toWeight !== null)
      multiplyInto(memory, toWeight, { left: transposedPlace(slope), right: state }, true);
  }
}

function backwardGates(memory: StepMemory, unit: Unit, gradients: GruGradients, step: number): void {
  const { elements, at } = memory;
  const { projected, output, recurrent, steps, firstStep } = unit;
  const { slopes, source, toProjected } = gradients;
  const width = output.columns;
  const rowAt = (tensor: Tensor, group: number, row: number): number =>
    at(tensor) + (group * steps + row) * tensor.rowStride;
  for (let group = 0; group < output.rows / steps; group++) {
    const [x, u] = [rowAt(projected, group, step), rowAt(recurrent, group, step)];
    const [dh, du] = [rowAt(source, group, step), rowAt(slopes, group, step)];
    const before = step > firstStep ? rowAt(output, group, step - 1) : -1;
    const target = toProjected === null ? -1 : rowAt(toProjected, group, step);
    for (let i = 0; i < width; i++) {
      const { reset, update, candidate } = gatesOf(memory, x + i, u + i, width);
      const slope = elements[dh + i] ?? 0;
      const state = before < 0 ? 0 : (elements[before + i] ?? 0);
      const toCandidate = slope * (1 - update) * (1 - candidate * candidate);
      const toUpdate = slope * (state - candidate) * update * (1 - update);
      const toReset = toCandidate * (elements[u + 2 * width + i] ?? 0) * reset * (1 - reset);
      elements[du + i] = toReset;
      elements[du + width + i] = toUpdate;
      elements[du + 2 * width + i] = toCandidate * reset;
      if (before >= 0) {
        const previous = dh - source.rowStride + i;
        elements[previous] = (elements[previous] ?? 0) + slope * update;
      }
      if (target < 0) continue;
      for (const [gate, value] of [toReset, toUpdate, toCandidate].entries()) {
        const place = target + gate * width + i;
        elements[place] = (elements[place] ?? 0) + value;
      }
    }
  }
}
