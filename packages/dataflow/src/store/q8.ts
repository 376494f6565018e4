/**
 * Features in 8 bits: each block of 64 elements of a row is a scale and 64 integers from -127 to 127. An element errs by half a
 * step at most, 1/254 of the largest magnitude of its block; a file shrinks to 0.27 of F32 and 0.53 of BF16.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { fromBfloat16, toBfloat16 } from '@plimsoll/foundation/half-floats';
import type { FeatureTensor } from '../contracts/feature-tensor.ts';

const blockLength = 64;
const stepsMax = 127;

export interface QuantizedFeature {
  /** [...rows, width], signed bytes. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** [...rows, blocks of the row], F32. */
  readonly scales: Uint8Array<ArrayBuffer>;
}

export function blocksOf(width: number): number {
  return Math.ceil(width / blockLength);
}

/** Quantizes finite F32 or BF16 elements. Throws `bad-feature` for other types. */
export function quantizeFeature(name: string, tensor: FeatureTensor): QuantizedFeature {
  const elements = floatsOf(name, tensor);
  const width = tensor.shape.at(-1) ?? 1;
  const rowCount = elements.length / width;
  const values = new Int8Array(elements.length);
  const scales = new Float32Array(rowCount * blocksOf(width));
  let block = 0;
  for (let row = 0; row < rowCount; row++) {
    const rowEnd = (row + 1) * width;
    for (let start = row * width; start < rowEnd; start += blockLength) {
      const end = Math.min(start + blockLength, rowEnd);
      scales[block++] = quantizeBlock(elements, values, { start, end });
    }
  }
  return { values: new Uint8Array(values.buffer), scales: new Uint8Array(scales.buffer) };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Writes the integers of a block and returns its scale. */
function quantizeBlock(elements: Float32Array, values: Int8Array, { start, end }: Span): number {
  let largest = 0;
  for (let index = start; index < end; index++) largest = Math.max(largest, Math.abs(elements[index] ?? 0));
  const scale = Math.fround(largest / stepsMax);
  // A block of numbers below the smallest scale becomes zero.
  if (scale === 0) return 0;
  for (let index = start; index < end; index++)
    values[index] = Math.max(-stepsMax, Math.min(stepsMax, Math.round((elements[index] ?? 0) / scale)));
  return scale;
}

/** Returns elements of `dtype`, row-major. */
export function restoreFeature(
  { values, scales }: { readonly values: Uint8Array; readonly scales: Uint8Array },
  dtype: FeatureTensor['dtype'],
  width: number,
): Uint8Array<ArrayBuffer> {
  const integers = new Int8Array(values.buffer, values.byteOffset, values.byteLength);
  const blockScales = new Float32Array(new Uint8Array(scales).buffer);
  const elements = new Float32Array(integers.length);
  const blocks = blocksOf(width);
  for (let row = 0; row * width < integers.length; row++) {
    for (let column = 0; column < width; column++) {
      const scale = blockScales[row * blocks + Math.floor(column / blockLength)] ?? 0;
      elements[row * width + column] = (integers[row * width + column] ?? 0) * scale;
    }
  }
  // A restored element never exceeds the largest of its block, which is finite.
  return new Uint8Array(dtype === 'BF16' ? toBfloat16(elements).buffer : elements.buffer);
}

function floatsOf(name: string, { dtype, data }: FeatureTensor): Float32Array {
  if (dtype === 'F32') return new Float32Array(new Uint8Array(data).buffer);
  if (dtype !== 'BF16') throw notQuantizable(name, dtype);
  return fromBfloat16(new Uint16Array(new Uint8Array(data).buffer));
}

function notQuantizable(name: string, dtype: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-feature',
    message: `feature "${name}" of ${dtype} cannot be stored in 8 bits`,
    value: dtype,
    limit: 'F32 or BF16',
    hint: 'compress hidden states alone',
  });
}
