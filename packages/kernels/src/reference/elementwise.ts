/** Norms, rotation, activations and the other operations on rows of f32. Sums are in double precision. */
import type {
  Add,
  Gated,
  GatherRows,
  LayerNorm,
  ReadSum,
  RmsNorm,
  Rope,
  Scale,
  SoftCap,
  Softmax,
} from '../operations.ts';
import type { ArenaView } from './arena-view.ts';

/** Returns row `row` of a contiguous [rows, columns] tensor. */
function rowOf(arena: ArenaView, pointer: number, row: number, columns: number): Float32Array {
  return arena.floats(pointer + 4 * row * columns, columns);
}

function mean(values: Float32Array, map: (value: number) => number): number {
  let sum = 0;
  for (const value of values) sum += map(value);
  return sum / values.length;
}

export function rmsNorm(arena: ArenaView, operation: RmsNorm): void {
  const { input, output, rows, columns, epsilon, weightOffset } = operation;
  const weight = operation.weight === null ? null : arena.floats(operation.weight, columns);
  for (let row = 0; row < rows; row++) {
    const values = rowOf(arena, input, row, columns);
    const factor = 1 / Math.sqrt(mean(values, (value) => value * value) + epsilon);
    rowOf(arena, output, row, columns).set(
      values.map((value, i) => value * factor * (weight === null ? 1 : (weight[i] ?? 0) + weightOffset)),
    );
  }
}

export function layerNorm(arena: ArenaView, operation: LayerNorm): void {
  const { input, output, rows, columns, epsilon } = operation;
  const weight = arena.floats(operation.weight, columns);
  const bias = operation.bias === null ? new Float32Array(columns) : arena.floats(operation.bias, columns);
  for (let row = 0; row < rows; row++) {
    const values = rowOf(arena, input, row, columns);
    const center = mean(values, (value) => value);
    const factor = 1 / Math.sqrt(mean(values, (value) => (value - center) ** 2) + epsilon);
    rowOf(arena, output, row, columns).set(
      values.map((value, i) => (value - center) * factor * (weight[i] ?? 0) + (bias[i] ?? 0)),
    );
  }
}

export function rope(arena: ArenaView, operation: Rope): void {
  const { values, table, tokens, heads, headDim, rotaryDim, pairs, strideBytes } = operation;
  const pairCount = rotaryDim / 2;
  for (let token = 0; token < tokens; token++) {
    const turns = rowOf(arena, table, token, rotaryDim);
    for (let head = 0; head < heads; head++) {
      const vector = arena.floats(values + token * strideBytes + 4 * head * headDim, headDim);
      for (let i = 0; i < pairCount; i++) {
        const [first, second] = pairs === 'interleaved' ? [2 * i, 2 * i + 1] : [i, i + pairCount];
        const [cos, sin] = [turns[2 * i] ?? 0, turns[2 * i + 1] ?? 0];
        const [x, y] = [vector[first] ?? 0, vector[second] ?? 0];
        vector[first] = x * cos - y * sin;
        vector[second] = x * sin + y * cos;
      }
    }
  }
}

/** Computes probabilities from scores; subtracts the largest score first to avoid overflow. */
export function softmaxOf(scores: readonly number[] | Float32Array): number[] {
  const list = Array.from(scores);
  const largest = list.reduce((left, right) => Math.max(left, right), Number.NEGATIVE_INFINITY);
  const powers = list.map((score) => Math.exp(score - largest));
  const total = powers.reduce((left, right) => left + right, 0);
  return powers.map((power) => power / total);
}

export function softmax(arena: ArenaView, { values, rows, columns }: Softmax): void {
  for (let row = 0; row < rows; row++) {
    const scores = rowOf(arena, values, row, columns);
    scores.set(softmaxOf(scores));
  }
}

const activations = {
  silu: (x: number): number => x / (1 + Math.exp(-x)),
  gelu: (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

export function gated(arena: ArenaView, operation: Gated): void {
  const { rows, columns, gateStrideBytes, upStrideBytes, output, activation } = operation;
  for (let row = 0; row < rows; row++) {
    const gate = arena.floats(operation.gate + row * gateStrideBytes, columns);
    const up = arena.floats(operation.up + row * upStrideBytes, columns);
    rowOf(arena, output, row, columns).set(
      gate.map((value, i) => activations[activation](value) * (up[i] ?? 0)),
    );
  }
}

export function add(arena: ArenaView, { left, right, output, count, period, factor }: Add): void {
  const addend = arena.floats(right, period);
  const sum = arena.floats(left, count).map((value, i) => value + factor * (addend[i % period] ?? 0));
  arena.floats(output, count).set(sum);
}

export function scale(arena: ArenaView, { input, output, count, factor }: Scale): void {
  arena.floats(output, count).set(arena.floats(input, count).map((value) => value * factor));
}

export function softCap(arena: ArenaView, { values, count, cap }: SoftCap): void {
  const target = arena.floats(values, count);
  target.set(target.map((value) => cap * Math.tanh(value / cap)));
}

export function gatherRows(arena: ArenaView, { input, indices, output, rows, columns }: GatherRows): void {
  arena.words(indices, rows).forEach((index, row) => {
    rowOf(arena, output, row, columns).set(rowOf(arena, input, index, columns));
  });
}

export function readSum(arena: ArenaView, { input, sizeBytes, output }: ReadSum): void {
  const target = arena.words(output, 1);
  for (const word of arena.words(input, sizeBytes / 4)) target[0] = (target[0] ?? 0) ^ word;
}
