/** Weighted cross entropy of rows of logits with labels, and what it counts. */
import type { StepMemory } from '../tape/tape.ts';
import { applyLabelLoss } from './row-losses.ts';
import { largestIn } from './row-sums.ts';

/** Factors of the rows of a group, which depend on the probabilities of their labels and count as constants. */
export interface GroupFactors {
  readonly groupRows: number;
  /** Returns a factor for each row of a group. */
  factorsOf(probabilities: Float64Array, weights: Float64Array): Float64Array;
}

export interface LabelRows {
  /** Filled before a run, one for each row. */
  readonly labels: Uint32Array;
  /** Factor of each row's loss; 0 leaves a row out. */
  readonly weights: Float64Array;
  readonly factors?: GroupFactors;
  /** Set by a run: 1 for each row whose largest logit is the label's. */
  readonly hits?: Uint8Array;
}

/** Sums of the last run. */
export interface LabelLossSums {
  /** sum of weight x loss */
  loss: number;
  /** Rows with a weight, and those of them whose largest logit is the label's. */
  rows: number;
  correct: number;
}

/** Rows of logits that begin at an element; row 0 of them is row `first` of the loss. */
export interface LogitRows {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  readonly first: number;
}

/** Adds to the sums, and replaces the logits by their gradient times `share`. */
export function applyLabelRows(
  memory: StepMemory,
  { at, rows, columns, first }: LogitRows,
  { labels, weights, factors, hits }: LabelRows,
  { sums, share }: { readonly sums: LabelLossSums; readonly share: number },
): void {
  const { elements } = memory;
  const startOf = (row: number): number => at + row * columns;
  const before = Array.from({ length: rows }, (_, row) => {
    const largest = largestIn(elements, startOf(row), columns);
    return { largest, value: elements[startOf(row) + (labels[first + row] ?? 0)] ?? 0 };
  });
  memory.softmaxRows(at, rows, columns);
  const own = weights.slice(first, first + rows);
  if (factors !== undefined) {
    const probabilities = Float64Array.from(
      { length: rows },
      (_, row) => elements[startOf(row) + (labels[first + row] ?? 0)] ?? 0,
    );
    multiplyByFactors(own, probabilities, factors);
  }
  for (const [row, { largest, value }] of before.entries()) {
    const [label, weight] = [labels[first + row] ?? 0, own[row] ?? 0];
    const isCorrect = Number(largest.index === label);
    if (hits !== undefined) hits[first + row] = isCorrect;
    if (weights[first + row] !== 0) {
      const logSum = largest.value - Math.log(elements[startOf(row) + largest.index] ?? 1);
      sums.loss += weight * (logSum - value);
      sums.rows++;
      sums.correct += isCorrect;
    }
    applyLabelLoss({ elements, at: startOf(row), count: columns, weight: share * weight }, label);
  }
}

function multiplyByFactors(
  weights: Float64Array,
  probabilities: Float64Array,
  { groupRows, factorsOf }: GroupFactors,
): void {
  for (let start = 0; start < weights.length; start += groupRows) {
    const group = weights.subarray(start, start + groupRows);
    const factors = factorsOf(probabilities.subarray(start, start + groupRows), group);
    for (let row = 0; row < group.length; row++) group[row] = (group[row] ?? 0) * (factors[row] ?? 0);
  }
}
