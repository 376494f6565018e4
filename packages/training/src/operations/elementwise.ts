/**
 * Sums, gates and factors of elements. Their share of a step's time is small, so that they are plain loops on one thread;
 * their results do not depend on the number of threads.
 */
import { assert } from '@plimsoll/foundation';
import type { Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';

function assertContiguous(tensor: Tensor): void {
  assert(tensor.rowStride === tensor.columns, `${tensor.region.name} is contiguous`);
}

function assertSameShape(left: Tensor, right: Tensor): void {
  assertContiguous(left);
  assertContiguous(right);
  assert(left.rows === right.rows && left.columns === right.columns, 'both operands have one shape');
}

/** left + right */
export function add(tape: Tape, name: string, left: Tensor, right: Tensor): Tensor {
  assertSameShape(left, right);
  const count = left.rows * left.columns;
  const output = tape.activation(name, [left.rows, left.columns], [left, right]);
  tape.emit(name, [left, right, output], (memory) => {
    const { elements } = memory;
    const [a, b, at] = [memory.at(left), memory.at(right), memory.at(output)];
    for (let i = 0; i < count; i++) elements[at + i] = (elements[a + i] ?? 0) + (elements[b + i] ?? 0);
  });
  tape.onBackward(output, () => {
    for (const operand of [left, right]) addGradient(tape, { operand, output, factor: 1 });
  });
  return output;
}

/** factor x input */
export function scale(tape: Tape, name: string, input: Tensor, factor: number): Tensor {
  assertContiguous(input);
  const count = input.rows * input.columns;
  const output = tape.activation(name, [input.rows, input.columns], [input]);
  tape.emit(name, [input, output], (memory) => {
    const { elements } = memory;
    const [from, at] = [memory.at(input), memory.at(output)];
    for (let i = 0; i < count; i++) elements[at + i] = factor * (elements[from + i] ?? 0);
  });
  tape.onBackward(output, () => addGradient(tape, { operand: input, output, factor }));
  return output;
}

function addGradient(tape: Tape, to: { operand: Tensor; output: Tensor; factor: number }): void {
  const { operand, output, factor } = to;
  if (!tape.needsGradient(operand)) return;
  const [source, target] = [tape.gradient(output), tape.gradient(operand)];
  tape.emit(`add to ${target.region.name}`, [source, target], (memory) => {
    const { elements } = memory;
    const [from, to] = [memory.at(source), memory.at(target)];
    for (let i = 0; i < operand.rows * operand.columns; i++)
      elements[to + i] = (elements[to + i] ?? 0) + factor * (elements[from + i] ?? 0);
  });
}

/** x sigma(x) */
export function silu(tape: Tape, name: string, input: Tensor): Tensor {
  assertContiguous(input);
  const count = input.rows * input.columns;
  const output = tape.activation(name, [input.rows, input.columns], [input]);
  tape.emit(name, [input, output], (memory) => {
    const { elements } = memory;
    const [from, at] = [memory.at(input), memory.at(output)];
    for (let i = 0; i < count; i++) {
      const x = elements[from + i] ?? 0;
      elements[at + i] = x / (1 + Math.exp(-x));
    }
  });
  tape.onBackward(output, () => {
    if (!tape.needsGradient(input)) return;
    const [source, target] = [tape.gradient(output), tape.gradient(input)];
    tape.emit(`adjoint of ${name}`, [input, source, target], (memory) => {
      const { elements } = memory;
      const [at, from, to] = [memory.at(input), memory.at(source), memory.at(target)];
      for (let i = 0; i < count; i++) {
        const x = elements[at + i] ?? 0;
        const sigma = 1 / (1 + Math.exp(-x));
        const slope = sigma * (1 + x * (1 - sigma));
        elements[to + i] = (elements[to + i] ?? 0) + slope * (elements[from + i] ?? 0);
      }
    });
  });
  return output;
}

/** `silu`: x sigma(x), of SwiGLU. `sigmoid`: sigma(x), of gates. */
export type Activation = 'silu' | 'sigmoid';

/** activation(gate) x up */
export function gated(
  tape: Tape,
  name: string,
  { gate, up, activation }: { readonly gate: Tensor; readonly up: Tensor; readonly activation: Activation },
): Tensor {
  assertSameShape(gate, up);
  const isSilu = activation === 'silu';
  const count = gate.rows * gate.columns;
  const output = tape.activation(name, [gate.rows, gate.columns], [gate, up]);
  tape.emit(name, [gate, up, output], (memory) => {
    const { elements } = memory;
    const [g, u, at] = [memory.at(gate), memory.at(up), memory.at(output)];
    for (let i = 0; i < count; i++) {
      const x = elements[g + i] ?? 0;
      const sigma = 1 / (1 + Math.exp(-x));
      elements[at + i] = (isSilu ? x * sigma : sigma) * (elements[u + i] ?? 0);
    }
  });
  tape.onBackward(output, () => {
    const source = tape.gradient(output);
    const gateGradient = tape.needsGradient(gate) ? tape.gradient(gate) : null;
    const upGradient = tape.needsGradient(up) ? tape.gradient(up) : null;
    const targets = [gateGradient, upGradient].filter((target) => target !== null);
    tape.emit(`adjoint of ${name}`, [gate, up, source, ...targets], (memory) => {
      const { elements } = memory;
      const [g, u, from] = [memory.at(gate), memory.at(up), memory.at(source)];
      const toGate = gateGradient === null ? -1 : memory.at(gateGradient);
      const toUp = upGradient === null ? -1 : memory.at(upGradient);
      for (let i = 0; i < count; i++) {
        const [x, dy] = [elements[g + i] ?? 0, elements[from + i] ?? 0];
        const sigma = 1 / (1 + Math.exp(-x));
        const value = isSilu ? x * sigma : sigma;
        const slope = isSilu ? sigma * (1 + x * (1 - sigma)) : sigma * (1 - sigma);
        if (toGate >= 0)
          elements[toGate + i] = (elements[toGate + i] ?? 0) + dy * (elements[u + i] ?? 0) * slope;
        if (toUp >= 0) elements[toUp + i] = (elements[toUp + i] ?? 0) + dy * value;
      }
    });
  });
  return output;
}
