/**
 * Quantises activations and multiplies. The layout of quantised activations is private to an implementation, within
 * `activationBytes`: this one stores, per token, i8 quants and then the f32 scale of each block. Products are summed in
 * double precision.
 */
import { activationBytes, type KernelWeightFormat, weightFormats } from '../formats.ts';
import type { MatMul, Quantise } from '../operations.ts';
import type { ArenaView } from './arena-view.ts';
import { dequantise } from './dequantise.ts';
import { unpackRow } from './repack.ts';

/** Columns per scale, and the bytes of one token's region. */
function geometry(format: KernelWeightFormat, columns: number): { size: number; stride: number } {
  return { size: weightFormats[format].blockElements, stride: activationBytes(format, 1, columns) };
}

/** Rounds to nearest, ties to even. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Quantises with scale amax / 127 to quants in [-127, 127]; blocks below 1e-30 become zeros. All steps are f32. */
function quantiseBlock(values: Float32Array): { scale: number; quants: number[] } {
  let largest = 0;
  for (const value of values) {
    if (Number.isNaN(value)) return { scale: Number.NaN, quants: [...values].fill(0) };
    largest = Math.max(largest, Math.abs(value));
  }
  const inverse = largest < 1e-30 ? 0 : Math.fround(127 / largest);
  const quants = [...values].map((value) => roundEven(Math.fround(value * inverse)) || 0);
  return { scale: Math.fround(largest / 127), quants };
}

export function quantise(arena: ArenaView, operation: Quantise): void {
  const { format, input, output, tokens, columns } = operation;
  const { size, stride } = geometry(format, columns);
  if (size === 1) return;
  for (let token = 0; token < tokens; token++) {
    const row = output + token * stride;
    const scales = arena.floats(row + columns, columns / size);
    for (let block = 0; block < scales.length; block++) {
      const start = input + 4 * (token * columns + block * size);
      const { scale, quants } = quantiseBlock(arena.floats(start, size));
      scales[block] = scale;
      for (const [i, quant] of quants.entries()) arena.data.setInt8(row + block * size + i, quant);
    }
  }
}

/** Returns the activations of one token after quantisation, as the product reads them. */
function tokenActivations(arena: ArenaView, operation: MatMul, token: number): Float32Array {
  const { format, activations, columns } = operation;
  const { size, stride } = geometry(format, columns);
  if (size === 1) return arena.floats(activations + 4 * token * columns, columns);
  const row = activations + token * stride;
  const scales = arena.floats(row + columns, columns / size);
  return Float32Array.from(
    { length: columns },
    (_, i) => arena.signedByte(row + i) * (scales[Math.floor(i / size)] ?? 0),
  );
}

export function matMul(arena: ArenaView, operation: MatMul): void {
  const { format, rows, columns, tokens, output, outputStrideBytes, accumulate } = operation;
  const inputs = Array.from({ length: tokens }, (_, token) => tokenActivations(arena, operation, token));
  for (let row = 0; row < rows; row++) {
    const weights = dequantise(unpackRow(arena, operation, row), format, 0, columns);
    inputs.forEach((input, token) => {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += (weights[i] ?? 0) * (input[i] ?? 0);
      const target = arena.floats(output + token * outputStrideBytes + 4 * row, 1);
      target[0] = sum + (accumulate ? (target[0] ?? 0) : 0);
    });
  }
}
