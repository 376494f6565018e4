/**
 * Weighted cross entropy of two heads on the same rows, fused: the base logits, and the same logits plus a low-rank
 * correction. Both are compared with the same labels; their gradients meet before the product with the head, so that the
 * base head is multiplied once in each direction.
 */
import { assert } from '@plimsoll/foundation';
import type { StepMemory, Tape } from '../tape/tape.ts';
import { rowsOf, type Tensor } from '../tape/tensor.ts';
import {
  addHeadGradients,
  computeLogits,
  emptyLabelSums,
  gradientTargets,
  type HeadChunk,
  headChunkRows,
  reserveHeadProducts,
} from './label-head-loss.ts';
import { applyLabelRows, type LabelLossSums } from './label-rows.ts';

export interface CorrectedLossInputs {
  /** [rows, width], already normalised, and [vocabulary, width]. */
  readonly hidden: Tensor;
  readonly head: Tensor;
  /** [rows, rank] and [vocabulary, rank]: the correction is low x projection^T. */
  readonly low: Tensor;
  readonly projection: Tensor;
  /** 1 for each row that is corrected; the others keep their base logits. */
  readonly isCorrected: Uint8Array;
  /** Label, and factor of the loss, of each row; filled before a run. */
  readonly labels: Uint32Array;
  readonly weights: Float64Array;
  /** The loss is (1 - baseShare) final + baseShare base; set before a run. */
  readonly baseShare: { readonly value: number };
  /** Set by a run: 1 for each row whose largest logit is the label's. */
  readonly baseHits: Uint8Array;
  readonly finalHits: Uint8Array;
}

/** Sums of the last run. The losses are not multiplied by their shares. */
export interface CorrectedLossSums {
  readonly base: LabelLossSums;
  readonly final: LabelLossSums;
}

export function correctedHeadLoss(tape: Tape, name: string, inputs: CorrectedLossInputs): CorrectedLossSums {
  const { hidden, head, low, projection, isCorrected, labels, weights } = inputs;
  for (const { length } of [labels, weights, isCorrected])
    assert(length === hidden.rows && low.rows === length, `${name}: a label for every row`);
  assert(projection.rows === head.rows, `${name}: both heads have one vocabulary`);
  const sums = { base: emptyLabelSums(), final: emptyLabelSums() };
  const rowsMax = Math.min(headChunkRows, hidden.rows);
  const [base, final] = [
    tape.workspace(`${name} base logits`, rowsMax, head.rows),
    tape.workspace(`${name} final logits`, rowsMax, head.rows),
  ];
  const baseTargets = gradientTargets(tape, { hidden, head });
  const finalTargets = gradientTargets(tape, { hidden: low, head: projection });
  reserveHeadProducts(tape, base, head);
  reserveHeadProducts(tape, final, projection);
  const used = [hidden, head, low, projection, base, final, ...baseTargets.all, ...finalTargets.all];
  for (let first = 0; first < hidden.rows; first += rowsMax) {
    const rows = Math.min(rowsMax, hidden.rows - first);
    const baseChunk = { hidden: rowsOf(hidden, first, rows), head, logits: rowsOf(base, 0, rows) };
    const finalChunk = {
      hidden: rowsOf(low, first, rows),
      head: projection,
      logits: rowsOf(final, 0, rows),
    };
    tape.emit(`${name} of rows ${first} on`, used, (memory) => {
      if (first === 0) for (const sum of [sums.base, sums.final]) Object.assign(sum, emptyLabelSums());
      compareChunk(memory, inputs, { baseChunk, finalChunk, first, sums });
      addHeadGradients(memory, baseChunk, baseTargets.rows(first, rows));
      addHeadGradients(memory, finalChunk, finalTargets.rows(first, rows));
    });
  }
  return sums;
}

/** Leaves the gradient of the head's logits in the base chunk, and of the correction in the final chunk. */
function compareChunk(
  memory: StepMemory,
  inputs: CorrectedLossInputs,
  chunk: {
    readonly baseChunk: HeadChunk;
    readonly finalChunk: HeadChunk;
    readonly first: number;
    readonly sums: CorrectedLossSums;
  },
): void {
  const { elements } = memory;
  const { baseChunk, finalChunk, first, sums } = chunk;
  const { labels, weights, isCorrected, baseHits, finalHits } = inputs;
  const { rows, columns } = baseChunk.logits;
  const [base, final] = [memory.at(baseChunk.logits), memory.at(finalChunk.logits)];
  computeLogits(memory, baseChunk);
  computeLogits(memory, finalChunk);
  const forEachElement = (visit: (index: number, isCorrected: boolean) => void): void => {
    for (let row = 0; row < rows; row++) {
      const corrects = isCorrected[first + row] === 1;
      for (let i = row * columns; i < (row + 1) * columns; i++) visit(i, corrects);
    }
  };
  forEachElement((i, corrects) => {
    elements[final + i] = (elements[base + i] ?? 0) + (corrects ? (elements[final + i] ?? 0) : 0);
  });
  const baseShare = inputs.baseShare.value;
  const place = { rows, columns, first };
  const [baseRows, finalRows] = [
    { labels, weights, hits: baseHits },
    { labels, weights, hits: finalHits },
  ];
  applyLabelRows(memory, { ...place, at: base }, baseRows, { sums: sums.base, share: baseShare });
  applyLabelRows(memory, { ...place, at: final }, finalRows, { sums: sums.final, share: 1 - baseShare });
  forEachElement((i, corrects) => {
    elements[base + i] = (elements[base + i] ?? 0) + (elements[final + i] ?? 0);
    if (!corrects) elements[final + i] = 0;
  });
}
