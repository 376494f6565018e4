/** The forward and backward loops of attention over sequences and heads. */
import type { Place } from '../tape/memory.ts';
import { transposedPlace } from '../tape/memory.ts';
import type { StepMemory } from '../tape/tape.ts';
import type { Floats, Tensor } from '../tape/tensor.ts';

/** Visible keys of every query of a sequence: keys [start, end) twice, u32; an empty range has start = end. */
export type VisibleRanges = Uint32Array;

export interface AttentionShape {
  readonly sequences: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  /** [sequences x queries per sequence, 4], filled before a run. */
  readonly visible: VisibleRanges;
}

export interface AttentionTensors {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly diagonals: readonly { readonly keys: Tensor; readonly values: Tensor }[];
  readonly output: Tensor;
  /** Per query and head: logarithm of the sum of e^score over all visible keys. */
  readonly logSums: Tensor;
  /** Workspace of one head, [queries, keys]. */
  readonly scores: Tensor;
}

export interface AttentionGradients {
  readonly output: Tensor;
  readonly queries: Tensor | null;
  readonly keys: Tensor | null;
  readonly values: Tensor | null;
  readonly diagonals: readonly { readonly keys: Tensor | null; readonly values: Tensor | null }[];
}

/** One head of one sequence. */
interface Head {
  readonly memory: StepMemory;
  readonly sequence: number;
  readonly head: number;
  readonly kvHead: number;
  readonly headDim: number;
  readonly shape: AttentionShape;
}

function forEachHead(memory: StepMemory, shape: AttentionShape, visit: (head: Head) => void): void {
  const { sequences, heads, kvHeads, headDim } = shape;
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      visit({ memory, sequence, head, kvHead, headDim, shape });
    }
  }
}

/** The rows of the current sequence and the columns of head `index`. */
function headPlace({ memory, sequence, headDim, shape }: Head, tensor: Tensor, index: number): Place {
  const rows = tensor.rows / shape.sequences;
  const at = memory.at(tensor) + sequence * rows * tensor.rowStride + index * headDim;
  return { at, rows, columns: headDim, rowStride: tensor.rowStride, columnStride: 1 };
}

function scorePlace({ memory }: Head, scores: Tensor): Place {
  const { rows, columns } = scores;
  return { at: memory.at(scores), rows, columns, rowStride: columns, columnStride: 1 };
}

function multiplyInto(
  memory: StepMemory,
  left: Place,
  right: Place,
  to: { readonly place: Place; readonly accumulate: boolean },
): void {
  const { place, accumulate } = to;
  memory.multiply({ left, right, outputAt: place.at, outputRowStride: place.rowStride, accumulate });
}

function dot(elements: Floats, left: number, right: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (elements[left + i] ?? 0) * (elements[right + i] ?? 0);
  return sum;
}

function addScaled(
  elements: Floats,
  target: number,
  source: number,
  { count, factor }: { count: number; factor: number },
): void {
  for (let i = 0; i < count; i++)
    elements[target + i] = (elements[target + i] ?? 0) + factor * (elements[source + i] ?? 0);
}

/** The element at which row `row` of a head begins. */
function rowAt(place: Place, row: number): number {
  return place.at + row * place.rowStride;
}

export function forwardStep(memory: StepMemory, tensors: AttentionTensors, shape: AttentionShape): void {
  forEachHead(memory, shape, (head) => {
    const queries = headPlace(head, tensors.queries, head.head);
    const keys = headPlace(head, tensors.keys, head.kvHead);
    const output = headPlace(head, tensors.output, head.head);
    const scores = scorePlace(head, tensors.scores);
    multiplyInto(memory, queries, transposedPlace(keys), { place: scores, accumulate: false });
    const weights = softmaxRows(head, tensors, scores);
    const values = headPlace(head, tensors.values, head.kvHead);
    multiplyInto(memory, scores, values, { place: output, accumulate: false });
    for (const [step, pair] of tensors.diagonals.entries()) {
      const diagonal = headPlace(head, pair.values, head.kvHead);
      for (let row = 0; row < queries.rows; row++) {
        const factor = weights[row * tensors.diagonals.length + step] ?? 0;
        addScaled(memory.elements, rowAt(output, row), rowAt(diagonal, row), { count: head.headDim, factor });
      }
    }
  });
}

/** Scaled scores of a query with the diagonal keys. */
function diagonalScores(head: Head, tensors: AttentionTensors, row: number): number[] {
  const query = rowAt(headPlace(head, tensors.queries, head.head), row);
  return tensors.diagonals.map((pair) => {
    const key = rowAt(headPlace(head, pair.keys, head.kvHead), row);
    return head.shape.scale * dot(head.memory.elements, query, key, head.headDim);
  });
}

/** Calls `visit` with the element range of the visible scores of a row, first range first. */
function rangesOf(head: Head, scores: Place, row: number): readonly (readonly [number, number])[] {
  const { visible } = head.shape;
  const at = 4 * (head.sequence * scores.rows + row);
  const start = rowAt(scores, row);
  const bound = (index: number): number => start + (visible[at + index] ?? 0);
  return [
    [bound(0), bound(1)],
    [bound(2), bound(3)],
  ];
}

/** Turns the scores into weights, hidden keys into zeros. Returns the weights of the diagonals, [queries, diagonals]. */
function softmaxRows(head: Head, tensors: AttentionTensors, scores: Place): Float64Array {
  const { elements } = head.memory;
  const { scale, heads } = head.shape;
  const weights = new Float64Array(scores.rows * tensors.diagonals.length);
  for (let row = 0; row < scores.rows; row++) {
    const ranges = rangesOf(head, scores, row);
    const diagonal = diagonalScores(head, tensors, row);
    let largest = Math.max(Number.NEGATIVE_INFINITY, ...diagonal);
    for (const [start, end] of ranges)
      for (let i = start; i < end; i++) largest = Math.max(largest, scale * (elements[i] ?? 0));
    let total = diagonal.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    for (const [start, end] of ranges)
      for (let i = start; i < end; i++) total += Math.exp(scale * (elements[i] ?? 0) - largest);
    const logSum = largest + Math.log(total);
    const saved = head.memory.at(tensors.logSums) + (head.sequence * scores.rows + row) * heads + head.head;
    elements[saved] = logSum;
    weightRow(
      elements,
      { ranges, start: rowAt(scores, row), end: rowAt(scores, row) + scores.columns },
      scale,
      logSum,
    );
    diagonal.forEach((score, step) => {
      weights[row * diagonal.length + step] = Math.exp(score - logSum);
    });
  }
  return weights;
}

interface VisibleRow {
  readonly ranges: readonly (readonly [number, number])[];
  readonly start: number;
  readonly end: number;
}

/** Replaces the scores of a row by e^(scale score - logSum), and hidden scores by zero. Ranges ascend. */
function weightRow(elements: Floats, row: VisibleRow, scale: number, logSum: number): void {
  let done = row.start;
  for (const [start, end] of row.ranges) {
    if (start >= end) continue;
    elements.fill(0, done, start);
    for (let i = start; i < end; i++) elements[i] = Math.exp(scale * (elements[i] ?? 0) - logSum);
    done = end;
  }
  elements.fill(0, done, row.end);
}

type BackwardTensors = AttentionTensors & {
  readonly gradients: AttentionGradients;
  readonly scoreGradients: Tensor;
};

export function backwardStep(memory: StepMemory, tensors: BackwardTensors, shape: AttentionShape): void {
  const { gradients } = tensors;
  forEachHead(memory, shape, (head) => {
    const place = (tensor: Tensor, index: number): Place => headPlace(head, tensor, index);
    const queries = place(tensors.queries, head.head);
    const keys = place(tensors.keys, head.kvHead);
    const weights = scorePlace(head, tensors.scores);
    const slopes = scorePlace(head, tensors.scoreGradients);
    const outputGradient = place(gradients.output, head.head);
    multiplyInto(memory, queries, transposedPlace(keys), { place: weights, accumulate: false });
    const values = place(tensors.values, head.kvHead);
    multiplyInto(memory, outputGradient, transposedPlace(values), { place: slopes, accumulate: false });
    for (let row = 0; row < weights.rows; row++) backwardRow(head, tensors, row);
    const add = (left: Place, right: Place, target: Tensor | null, index: number): void => {
      if (target !== null)
        multiplyInto(memory, left, right, { place: place(target, index), accumulate: true });
    };
    add(transposedPlace(weights), outputGradient, gradients.values, head.kvHead);
    add(slopes, keys, gradients.queries, head.head);
    add(transposedPlace(slopes), queries, gradients.keys, head.kvHead);
  });
}

/** Turns scores into weights and their gradients into gradients of scores, in one row; adds what the diagonals take. */
function backwardRow(head: Head, tensors: BackwardTensors, row: number): void {
  const { elements } = head.memory;
  const { scale, heads } = head.shape;
  const weights = scorePlace(head, tensors.scores);
  const slopes = scorePlace(head, tensors.scoreGradients);
  const saved = head.memory.at(tensors.logSums) + (head.sequence * weights.rows + row) * heads + head.head;
  const logSum = elements[saved] ?? 0;
  const start = rowAt(weights, row);
  const ranges = rangesOf(head, weights, row);
  weightRow(elements, { ranges, start, end: start + weights.columns }, scale, logSum);
  const outputGradient = rowAt(headPlace(head, tensors.gradients.output, head.head), row);
  const output = rowAt(headPlace(head, tensors.output, head.head), row);
  const mean = dot(elements, outputGradient, output, head.headDim);
  const slopeRow = rowAt(slopes, row);
  for (let i = 0; i < weights.columns; i++) {
    const weight = elements[start + i] ?? 0;
    elements[slopeRow + i] = weight === 0 ? 0 : weight * ((elements[slopeRow + i] ?? 0) - mean) * scale;
  }
  backwardDiagonals(head, tensors, { row, logSum, mean });
}

function backwardDiagonals(
  head: Head,
  tensors: BackwardTensors,
  { row, logSum, mean }: { row: number; logSum: number; mean: number },
): void {
  const { elements } = head.memory;
  const { gradients } = tensors;
  const count = head.headDim;
  const place = (tensor: Tensor, index: number): number => rowAt(headPlace(head, tensor, index), row);
  const outputGradient = place(gradients.output, head.head);
  const query = place(tensors.queries, head.head);
  for (const [step, score] of diagonalScores(head, tensors, row).entries()) {
    const [pair, targets] = [tensors.diagonals[step], gradients.diagonals[step]];
    if (pair === undefined || targets === undefined) continue;
    const weight = Math.exp(score - logSum);
    const slope = dot(elements, outputGradient, place(pair.values, head.kvHead), count) - mean;
    const factor = weight * slope * head.shape.scale;
    const add = (target: Tensor | null, index: number, source: number, by: number): void => {
      if (target !== null) addScaled(elements, place(target, index), source, { count, factor: by });
    };
    add(gradients.queries, head.head, place(pair.keys, head.kvHead), factor);
    add(targets.keys, head.kvHead, query, factor);
    add(targets.values, head.kvHead, outputGradient, weight);
  }
}
