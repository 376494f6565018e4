/**
 * Binary cross entropy of a head with one logit: the confidence that a drafted token is accepted. A logit lives for one
 * row only, so that the loss needs no workspace.
 */
import { assert } from '@plimsoll/foundation';
import type { StepMemory, Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';
import { binaryLoss } from './row-losses.ts';
import { dotOf } from './row-sums.ts';

export interface BinaryLossInputs {
  /** The logit is the sum of input x weight over the terms: [rows, width] and [1, width]. */
  readonly terms: readonly { readonly input: Tensor; readonly weight: Tensor }[];
  /** Probability that the logit of each row aims at, a constant; read when the step runs. */
  readonly targets: Float64Array;
  /** Factor of each row's loss; 0 leaves a row out. */
  readonly weights: Float64Array;
}

/** Sums of the last run. */
export interface BinaryLossSums {
  /** sum of weight x loss */
  loss: number;
  /** Rows with a weight, and the sum of |probability - target| over them. */
  rows: number;
  error: number;
}

export function binaryHeadLoss(tape: Tape, name: string, inputs: BinaryLossInputs): BinaryLossSums {
  const { terms, targets, weights } = inputs;
  for (const { input, weight } of terms) {
    assert(targets.length === input.rows && weights.length === input.rows, `${name}: a target for every row`);
    assert(weight.rows === 1 && weight.columns === input.columns, `${name}: one logit`);
  }
  const sums: BinaryLossSums = { loss: 0, rows: 0, error: 0 };
  const gradientOf = (tensor: Tensor): Tensor | null =>
    tape.needsGradient(tensor) ? tape.gradient(tensor) : null;
  const places = terms.map(({ input, weight }) => ({
    ...{ input, weight },
    ...{ toInput: gradientOf(input), toWeight: gradientOf(weight) },
  }));
  const used = places.flatMap(({ input, weight, toInput, toWeight }) =>
    [input, weight, toInput, toWeight].filter((tensor) => tensor !== null),
  );
  tape.emit(name, used, (memory) => {
    Object.assign(sums, { loss: 0, rows: 0, error: 0 });
    for (const [row, weight] of weights.entries()) {
      if (weight === 0) continue;
      const logit = places.reduce((sum, place) => sum + dotOf(...rowOf(memory, place, row)), 0);
      const { loss, gradient } = binaryLoss(logit, targets[row] ?? 0);
      sums.loss += weight * loss;
      sums.rows++;
      sums.error += Math.abs(gradient);
      for (const place of places) addGradients(memory, place, { row, slope: weight * gradient });
    }
  });
  return sums;
}

interface Term {
  readonly input: Tensor;
  readonly weight: Tensor;
  readonly toInput: Tensor | null;
  readonly toWeight: Tensor | null;
}

function rowOf({ elements, at }: StepMemory, { input, weight }: Term, row: number): Parameters<typeof dotOf> {
  const left = { elements, at: at(input) + row * input.rowStride };
  return [left, { elements, at: at(weight) }, input.columns];
}

function addGradients(
  memory: StepMemory,
  term: Term,
  { row, slope }: { readonly row: number; readonly slope: number },
): void {
  const { elements, at } = memory;
  const [left, right, count] = rowOf(memory, term, row);
  const toInput = term.toInput === null ? -1 : at(term.toInput) + row * term.toInput.rowStride;
  const toWeight = term.toWeight === null ? -1 : at(term.toWeight);
  for (let i = 0; i < count; i++) {
    const [x, w] = [elements[left.at + i] ?? 0, elements[right.at + i] ?? 0];
    if (toInput >= 0) elements[toInput + i] = (elements[toInput + i] ?? 0) + slope * w;
    if (toWeight >= 0) elements[toWeight + i] = (elements[toWeight + i] ?? 0) + slope * x;
  }
}
