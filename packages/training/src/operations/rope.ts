/** Rotary embedding of pairs (i, i + rotaryDim / 2) of every head. The adjoint rotates back. */
import { assert } from '@plimsoll/foundation';
import { type RopeScaling, ropeFrequencies, ropeTable } from '@plimsoll/kernels/rope';
import type { StepMemory, Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';

export interface RopeShape {
  readonly heads: number;
  readonly headDim: number;
  readonly rotaryDim: number;
  /** [rows, rotaryDim / 2, (cos, sin)] from `ropeTable` of the kernels, filled before a run. */
  readonly table: Float32Array;
}

export interface RopeAngles {
  readonly base: number;
  readonly rotaryDim: number;
  readonly scaling: RopeScaling;
}

/** The table of `rope` for the position of every row. */
export function ropeAngles(angles: RopeAngles, positions: readonly number[]): Float32Array {
  const table = new Float32Array(positions.length * angles.rotaryDim);
  ropeTable(ropeFrequencies(angles), positions, table);
  return table;
}

/** to (+)= rotation of from by the angle, or by minus the angle. */
function rotate(
  memory: StepMemory,
  { from, to }: { from: Tensor; to: Tensor },
  shape: RopeShape,
  isAdjoint: boolean,
): void {
  const { elements } = memory;
  const { heads, headDim, rotaryDim, table } = shape;
  const half = rotaryDim / 2;
  for (let row = 0; row < from.rows; row++) {
    for (let head = 0; head < heads; head++) {
      const source = memory.at(from) + row * from.rowStride + head * headDim;
      const target = memory.at(to) + row * to.rowStride + head * headDim;
      const put = (i: number, value: number): void => {
        elements[target + i] = isAdjoint ? (elements[target + i] ?? 0) + value : value;
      };
      for (let i = 0; i < half; i++) {
        const cos = table[row * rotaryDim + 2 * i] ?? 0;
        const turn = table[row * rotaryDim + 2 * i + 1] ?? 0;
        const sin = isAdjoint ? -turn : turn;
        const [x, y] = [elements[source + i] ?? 0, elements[source + half + i] ?? 0];
        put(i, x * cos - y * sin);
        put(half + i, x * sin + y * cos);
      }
      for (let i = rotaryDim; i < headDim; i++) put(i, elements[source + i] ?? 0);
    }
  }
}

export function rope(tape: Tape, name: string, input: Tensor, shape: RopeShape): Tensor {
  const output = tape.activation(name, [input.rows, input.columns], [input]);
  assert(input.columns === shape.heads * shape.headDim, `${name}: a row has all heads`);
  assert(shape.table.length === input.rows * shape.rotaryDim, `${name}: a table of angles for every row`);
  tape.emit(name, [input, output], (memory) => rotate(memory, { from: input, to: output }, shape, false));
  tape.onBackward(output, () => {
    if (!tape.needsGradient(input)) return;
    const [from, to] = [tape.gradient(output), tape.gradient(input)];
    tape.emit(`adjoint of ${name}`, [from, to], (memory) => rotate(memory, { from, to }, shape, true));
  });
  return output;
}
