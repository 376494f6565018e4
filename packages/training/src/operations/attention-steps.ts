/** The forward and backward loops of attention over tiles of queries. */
import type { Place } from '../tape/memory.ts';
import { transposedPlace } from '../tape/memory.ts';
import type { StepMemory } from '../tape/tape.ts';
import type { Floats, Tensor } from '../tape/tensor.ts';
import {
  type AttentionShape,
  forEachTile,
  type KeySpan,
  keyPlace,
  queryPlace,
  rowAt,
  type ScoreRow,
  scorePlace,
  scoreRow,
  type Tile,
} from './attention-tiles.ts';

export interface AttentionTensors {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly values: Tensor;
  readonly diagonals: readonly { readonly keys: Tensor; readonly values: Tensor }[];
  readonly output: Tensor;
  /** Per query and head: logarithm of the sum of e^score over all visible keys. */
  readonly logSums: Tensor;
  /** Workspace of one tile, [queries of a tile, keys]. */
  readonly scores: Tensor;
}

export interface AttentionGradients {
  readonly output: Tensor;
  readonly queries: Tensor | null;
  readonly keys: Tensor | null;
  readonly values: Tensor | null;
  readonly diagonals: readonly { readonly keys: Tensor | null; readonly values: Tensor | null }[];
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

export function forwardStep(memory: StepMemory, tensors: AttentionTensors, shape: AttentionShape): void {
  forEachTile(memory, shape, tensors.queries.rows / shape.sequences, (tile) => {
    const queries = queryPlace(tile, tensors.queries, tile.head);
    const output = queryPlace(tile, tensors.output, tile.head);
    for (const span of tile.spans) {
      const keys = keyPlace(tile, tensors.keys, tile.kvHead, span);
      const place = scorePlace(tile, tensors.scores, span);
      multiplyInto(memory, queries, transposedPlace(keys), { place, accumulate: false });
    }
    const weights = softmaxRows(tile, tensors);
    if (tile.spans.length === 0) clearRows(memory.elements, output);
    for (const [index, span] of tile.spans.entries()) {
      const values = keyPlace(tile, tensors.values, tile.kvHead, span);
      const scores = scorePlace(tile, tensors.scores, span);
      multiplyInto(memory, scores, values, { place: output, accumulate: index > 0 });
    }
    for (const [step, pair] of tensors.diagonals.entries()) {
      const diagonal = queryPlace(tile, pair.values, tile.kvHead);
      for (let row = 0; row < queries.rows; row++) {
        const factor = weights[row * tensors.diagonals.length + step] ?? 0;
        addScaled(memory.elements, rowAt(output, row), rowAt(diagonal, row), {
          count: shape.headDim,
          factor,
        });
      }
    }
  });
}

function clearRows(elements: Floats, place: Place): void {
  for (let row = 0; row < place.rows; row++)
    elements.fill(0, rowAt(place, row), rowAt(place, row) + place.columns);
}

/** Scaled scores of a query with the diagonal keys. */
function diagonalScores(tile: Tile, tensors: AttentionTensors, row: number): number[] {
  const { memory, shape } = tile;
  const query = rowAt(queryPlace(tile, tensors.queries, tile.head), row);
  return tensors.diagonals.map((pair) => {
    const key = rowAt(queryPlace(tile, pair.keys, tile.kvHead), row);
    return shape.scale * dot(memory.elements, query, key, shape.headDim);
  });
}

/** The element that keeps the log sum of a query. */
function logSumAt(
  { memory, shape, sequence, head, first }: Tile,
  { logSums }: AttentionTensors,
  row: number,
) {
  const query = sequence * (logSums.rows / shape.sequences) + first + row;
  return memory.at(logSums) + query * shape.heads + head;
}

/** Turns the scores into weights, hidden keys into zeros. Returns the weights of the diagonals, [queries, diagonals]. */
function softmaxRows(tile: Tile, tensors: AttentionTensors): Float64Array {
  const { elements } = tile.memory;
  const { scale } = tile.shape;
  const weights = new Float64Array(tile.rows * tensors.diagonals.length);
  for (let row = 0; row < tile.rows; row++) {
    const scores = scoreRow(tile, tensors.scores, row);
    const diagonal = diagonalScores(tile, tensors, row);
    let largest = Math.max(Number.NEGATIVE_INFINITY, ...diagonal);
    for (const [start, end] of scores.ranges)
      for (let i = start; i < end; i++) largest = Math.max(largest, scale * (elements[i] ?? 0));
    let total = diagonal.reduce((sum, score) => sum + Math.exp(score - largest), 0);
    for (const [start, end] of scores.ranges)
      for (let i = start; i < end; i++) total += Math.exp(scale * (elements[i] ?? 0) - largest);
    const logSum = largest + Math.log(total);
    elements[logSumAt(tile, tensors, row)] = logSum;
    weightRow(elements, scores, scale, logSum);
    diagonal.forEach((score, step) => {
      weights[row * diagonal.length + step] = Math.exp(score - logSum);
    });
  }
  return weights;
}

/** Replaces the scores of a row by e^(scale score - logSum), and hidden scores by zero. Ranges ascend. */
function weightRow(elements: Floats, row: ScoreRow, scale: number, logSum: number): void {
  let done = row.start;
  for (const [start, end] of row.ranges) {
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
  forEachTile(memory, shape, tensors.queries.rows / shape.sequences, (tile) => {
    const { head, kvHead, spans } = tile;
    const queries = queryPlace(tile, tensors.queries, head);
    const outputGradient = queryPlace(tile, gradients.output, head);
    for (const span of spans) {
      const keys = transposedPlace(keyPlace(tile, tensors.keys, kvHead, span));
      const values = transposedPlace(keyPlace(tile, tensors.values, kvHead, span));
      const scores = { place: scorePlace(tile, tensors.scores, span), accumulate: false };
      const slopes = { place: scorePlace(tile, tensors.scoreGradients, span), accumulate: false };
      multiplyInto(memory, queries, keys, scores);
      multiplyInto(memory, outputGradient, values, slopes);
    }
    for (let row = 0; row < tile.rows; row++) backwardRow(tile, tensors, row);
    const add = (left: Place, right: Place, place: Place | null): void => {
      if (place !== null) multiplyInto(memory, left, right, { place, accumulate: true });
    };
    const target = (tensor: Tensor | null, span: KeySpan): Place | null =>
      tensor === null ? null : keyPlace(tile, tensor, kvHead, span);
    const toQueries = gradients.queries === null ? null : queryPlace(tile, gradients.queries, head);
    for (const span of spans) {
      const weights = scorePlace(tile, tensors.scores, span);
      const slopes = scorePlace(tile, tensors.scoreGradients, span);
      add(transposedPlace(weights), outputGradient, target(gradients.values, span));
      add(slopes, keyPlace(tile, tensors.keys, kvHead, span), toQueries);
      add(transposedPlace(slopes), queries, target(gradients.keys, span));
    }
  });
}

/** Turns scores into weights and their gradients into gradients of scores, in one row; adds what the diagonals take. */
function backwardRow(tile: Tile, tensors: BackwardTensors, row: number): void {
  const { elements } = tile.memory;
  const { scale, headDim } = tile.shape;
  const logSum = elements[logSumAt(tile, tensors, row)] ?? 0;
  const scores = scoreRow(tile, tensors.scores, row);
  weightRow(elements, scores, scale, logSum);
  const outputGradient = rowAt(queryPlace(tile, tensors.gradients.output, tile.head), row);
  const output = rowAt(queryPlace(tile, tensors.output, tile.head), row);
  const mean = dot(elements, outputGradient, output, headDim);
  const slopes = scoreRow(tile, tensors.scoreGradients, row).start;
  for (let i = 0; i < scores.end - scores.start; i++) {
    const weight = elements[scores.start + i] ?? 0;
    elements[slopes + i] = weight === 0 ? 0 : weight * ((elements[slopes + i] ?? 0) - mean) * scale;
  }
  backwardDiagonals(tile, tensors, { row, logSum, mean });
}

function backwardDiagonals(
  tile: Tile,
  tensors: BackwardTensors,
  { row, logSum, mean }: { row: number; logSum: number; mean: number },
): void {
  const { elements } = tile.memory;
  const { gradients } = tensors;
  const count = tile.shape.headDim;
  const place = (tensor: Tensor, index: number): number => rowAt(queryPlace(tile, tensor, index), row);
  const outputGradient = place(gradients.output, tile.head);
  const query = place(tensors.queries, tile.head);
  for (const [step, score] of diagonalScores(tile, tensors, row).entries()) {
    const [pair, targets] = [tensors.diagonals[step], gradients.diagonals[step]];
    if (pair === undefined || targets === undefined) continue;
    const weight = Math.exp(score - logSum);
    const slope = dot(elements, outputGradient, place(pair.values, tile.kvHead), count) - mean;
    const factor = weight * slope * tile.shape.scale;
    const add = (target: Tensor | null, index: number, source: number, by: number): void => {
      if (target !== null) addScaled(elements, place(target, index), source, { count, factor: by });
    };
    add(gradients.queries, tile.head, place(pair.keys, tile.kvHead), factor);
    add(targets.keys, tile.kvHead, query, factor);
    add(targets.values, tile.kvHead, outputGradient, weight);
  }
}
