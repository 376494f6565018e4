/**
 * Weighted cross entropy of a head with labels, fused: a chunk of rows gets its logits, losses and gradients, and the
 * logits are gone before the next chunk. The workspace is [chunk, vocabulary], whatever the length of the sequence.
 */
import { assert } from '@plimsoll/foundation';
import { placeOf } from '../operations/linear.ts';
import { transposedPlace } from '../tape/memory.ts';
import type { StepMemory, Tape } from '../tape/tape.ts';
import { rowsOf, type Tensor } from '../tape/tensor.ts';
import { applyLabelLoss } from './row-losses.ts';
import { largestIn } from './row-sums.ts';

export interface LabelLossInputs {
  /** [rows, width], already normalised. */
  readonly hidden: Tensor;
  /** [vocabulary, width] */
  readonly head: Tensor;
  /** Filled before a run, one for each row. */
  readonly labels: Uint32Array;
  /** Factor of each row's loss; 0 leaves a row out. */
  readonly weights: Float64Array;
}

/** Sums of the last run. */
export interface LabelLossSums {
  /** sum of weight x loss */
  loss: number;
  /** Rows with a weight, and those of them whose largest logit is the label's. */
  rows: number;
  correct: number;
}

/** Rows whose logits exist at the same time: enough for a fast product. */
export const headChunkRows = 128;

export function labelHeadLoss(tape: Tape, name: string, inputs: LabelLossInputs): LabelLossSums {
  const { hidden, head, labels, weights } = inputs;
  assert(labels.length === hidden.rows && weights.length === hidden.rows, `${name}: a label for every row`);
  const sums: LabelLossSums = { loss: 0, rows: 0, correct: 0 };
  const logits = tape.workspace(`${name} logits`, Math.min(headChunkRows, hidden.rows), head.rows);
  const targets = gradientTargets(tape, { hidden, head });
  reserveHeadProducts(tape, logits, head);
  for (let first = 0; first < hidden.rows; first += headChunkRows) {
    const rows = Math.min(headChunkRows, hidden.rows - first);
    const chunk = { hidden: rowsOf(hidden, first, rows), head, logits: rowsOf(logits, 0, rows) };
    tape.emit(`${name} of rows ${first} on`, [hidden, head, logits, ...targets.all], (memory) => {
      if (first === 0) Object.assign(sums, { loss: 0, rows: 0, correct: 0 });
      computeLogits(memory, chunk);
      const at = memory.at(logits);
      const labelLogits = Array.from({ length: rows }, (_, row) => {
        const start = at + row * head.rows;
        const largest = largestIn(memory.elements, start, head.rows);
        return { largest, value: memory.elements[start + (labels[first + row] ?? 0)] ?? 0 };
      });
      memory.softmaxRows(at, rows, head.rows);
      for (const [row, { largest, value }] of labelLogits.entries()) {
        const [label, weight] = [labels[first + row] ?? 0, weights[first + row] ?? 0];
        const start = at + row * head.rows;
        const logSum = largest.value - Math.log(memory.elements[start + largest.index] ?? 1);
        if (weight !== 0) {
          sums.loss += weight * (logSum - value);
          sums.rows++;
          sums.correct += Number(largest.index === label);
        }
        applyLabelLoss({ elements: memory.elements, at: start, count: head.rows, weight }, label);
      }
      addHeadGradients(memory, chunk, targets.rows(first, rows));
    });
  }
  return sums;
}

/** The chunk of rows that a step works on. */
export interface HeadChunk {
  readonly hidden: Tensor;
  readonly head: Tensor;
  readonly logits: Tensor;
}

export interface HeadTargets {
  readonly hidden: Tensor | null;
  readonly head: Tensor | null;
}

/** The gradients that a fused loss adds to; none in a recording that does not train. */
export function gradientTargets(tape: Tape, { hidden, head }: { hidden: Tensor; head: Tensor }) {
  const toHidden = tape.needsGradient(hidden) ? tape.gradient(hidden) : null;
  const toHead = tape.needsGradient(head) ? tape.gradient(head) : null;
  return {
    all: [toHidden, toHead].filter((target) => target !== null),
    rows: (first: number, rows: number): HeadTargets => ({
      hidden: toHidden === null ? null : rowsOf(toHidden, first, rows),
      head: toHead,
    }),
  };
}

export function reserveHeadProducts(tape: Tape, logits: Tensor, head: Tensor): void {
  tape.reserveProduct(logits.rows, head.rows, head.columns);
  tape.reserveProduct(logits.rows, head.columns, head.rows);
  tape.reserveProduct(head.rows, head.columns, logits.rows);
}

export function computeLogits(memory: StepMemory, { hidden, head, logits }: HeadChunk): void {
  memory.multiply({
    ...{ left: placeOf(memory, hidden), right: transposedPlace(placeOf(memory, head)), accumulate: false },
    ...{ outputAt: memory.at(logits), outputRowStride: logits.rowStride },
  });
}

/** The logits hold their gradient: hidden += dlogits head, head += dlogits^T hidden. */
export function addHeadGradients(memory: StepMemory, chunk: HeadChunk, targets: HeadTargets): void {
  const slopes = placeOf(memory, chunk.logits);
  const add = (target: Tensor | null, left: typeof slopes, right: typeof slopes): void => {
    if (target === null) return;
    const output = { outputAt: memory.at(target), outputRowStride: target.rowStride };
    memory.multiply({ left, right, ...output, accumulate: true });
  };
  add(targets.hidden, slopes, placeOf(memory, chunk.head));
  add(targets.head, transposedPlace(slopes), placeOf(memory, chunk.hidden));
}
