/** RMSNorm per row, or per head if a row holds `groups` heads that share the weight. */
import { assert } from '@plimsoll/foundation';
import type { StepMemory, Tape } from '../tape/tape.ts';
import type { Floats, Tensor } from '../tape/tensor.ts';

export interface RmsNormSettings {
  readonly epsilon: number;
  /** Heads of a row; 1 normalises the whole row. */
  readonly groups?: number;
}

/** Elements and places of one run. */
interface Rows {
  readonly rows: number;
  readonly groups: number;
  readonly size: number;
  readonly epsilon: number;
}

/** 1 / sqrt(mean of squares + epsilon) */
function factorOf(elements: Floats, at: number, size: number, epsilon: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (elements[at + i] ?? 0) ** 2;
  return 1 / Math.sqrt(sum / size + epsilon);
}

export function rmsNorm(
  tape: Tape,
  name: string,
  operands: { readonly input: Tensor; readonly weight: Tensor },
  { epsilon, groups = 1 }: RmsNormSettings,
): Tensor {
  const { input, weight } = operands;
  const size = input.columns / groups;
  assert(weight.columns === size && weight.rows === 1, `${name}: a weight of ${size} elements`);
  const shape: Rows = { rows: input.rows, groups, size, epsilon };
  const output = tape.activation(name, [input.rows, input.columns], [input, weight]);
  tape.emit(name, [input, weight, output], (memory) => forward(memory, { input, weight, output }, shape));
  tape.onBackward(output, () => {
    const source = tape.gradient(output);
    const toInput = tape.needsGradient(input) ? tape.gradient(input) : null;
    const toWeight = tape.needsGradient(weight) ? tape.gradient(weight) : null;
    const targets = [toInput, toWeight].filter((target) => target !== null);
    tape.emit(`adjoint of ${name}`, [input, weight, source, ...targets], (memory) =>
      backward(memory, { input, weight, source, toInput, toWeight }, shape),
    );
  });
  return output;
}

function forward(
  memory: StepMemory,
  { input, weight, output }: { input: Tensor; weight: Tensor; output: Tensor },
  { rows, groups, size, epsilon }: Rows,
): void {
  const { elements } = memory;
  const weightAt = memory.at(weight);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const from = memory.at(input) + row * input.rowStride + group * size;
      const to = memory.at(output) + row * output.rowStride + group * size;
      const factor = factorOf(elements, from, size, epsilon);
      for (let i = 0; i < size; i++)
        elements[to + i] = (elements[from + i] ?? 0) * factor * (elements[weightAt + i] ?? 0);
    }
  }
}

/** dx = f (w dy - x f^2 mean(w dy x)), dw = sum over rows of dy x f, in row order. */
function backward(
  memory: StepMemory,
  tensors: { input: Tensor; weight: Tensor; source: Tensor; toInput: Tensor | null; toWeight: Tensor | null },
  { rows, groups, size, epsilon }: Rows,
): void {
  const { elements } = memory;
  const { input, source, toInput, toWeight } = tensors;
  const weight = memory.at(tensors.weight);
  const weightTarget = toWeight === null ? -1 : memory.at(toWeight);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const x = memory.at(input) + row * input.rowStride + group * size;
      const dy = memory.at(source) + row * source.rowStride + group * size;
      const factor = factorOf(elements, x, size, epsilon);
      let dot = 0;
      for (let i = 0; i < size; i++) {
        const product = (elements[dy + i] ?? 0) * (elements[x + i] ?? 0);
        dot += product * (elements[weight + i] ?? 0);
        if (weightTarget >= 0)
          elements[weightTarget + i] = (elements[weightTarget + i] ?? 0) + product * factor;
      }
      if (toInput === null) continue;
      const dx = memory.at(toInput) + row * toInput.rowStride + group * size;
      const pull = (dot * factor * factor) / size;
      for (let i = 0; i < size; i++) {
        const along = (elements[weight + i] ?? 0) * (elements[dy + i] ?? 0) - (elements[x + i] ?? 0) * pull;
        elements[dx + i] = (elements[dx + i] ?? 0) + factor * along;
      }
    }
  }
}
