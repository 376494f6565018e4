/**
 * Weighted cross entropy of a head with labels, fused: a chunk of rows gets its logits, losses and gradients, and the
 * logits are gone before the next chunk. The workspace is [chunk, vocabulary], whatever the length of the sequence.
 */
import { assert } from '@plimsoll/foundation';
import { placeOf } from '../operations/linear.ts';
import { transposedPlace } from '../tape/memory.ts';
import type { StepMemory, Tape } from '../tape/tape.ts';
import { rowsOf, type Tensor } from '../tape/tensor.ts';
import { applyLabelRows, type LabelLossSums, type LabelRows } from './label-rows.ts';

export interface LabelLossInputs extends LabelRows {
  /** [rows, width], already normalised. */
  readonly hidden: Tensor;
  /** [vocabulary, width] */
  readonly head: Tensor;
}

/** Rows whose logits exist at the same time: enough for a fast product. */
export const headChunkRows = 128;

/** Rows of a chunk: whole groups, at least one. */
function chunkRowsOf({ factors }: LabelRows): number {
  const groupRows = factors?.groupRows ?? 1;
  return groupRows * Math.max(1, Math.floor(headChunkRows / groupRows));
}

export function emptyLabelSums(): LabelLossSums {
  return { loss: 0, rows: 0, correct: 0 };
}

export function labelHeadLoss(tape: Tape, name: string, inputs: LabelLossInputs): LabelLossSums {
  const { hidden, head, labels, weights } = inputs;
  assert(labels.length === hidden.rows && weights.length === hidden.rows, `${name}: a label for every row`);
  const sums = emptyLabelSums();
  const chunkRows = Math.min(chunkRowsOf(inputs), hidden.rows);
  const logits = tape.workspace(`${name} logits`, chunkRows, head.rows);
  const targets = gradientTargets(tape, { hidden, head });
  reserveHeadProducts(tape, logits, head);
  for (let first = 0; first < hidden.rows; first += chunkRows) {
    const rows = Math.min(chunkRows, hidden.rows - first);
    const chunk = { hidden: rowsOf(hidden, first, rows), head, logits: rowsOf(logits, 0, rows) };
    tape.emit(`${name} of rows ${first} on`, [hidden, head, logits, ...targets.all], (memory) => {
      if (first === 0) Object.assign(sums, emptyLabelSums());
      computeLogits(memory, chunk);
      const place = { at: memory.at(logits), rows, columns: head.rows, first };
      applyLabelRows(memory, place, inputs, { sums, share: 1 });
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
