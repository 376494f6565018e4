/**
 * `--split-mode row`: the rows of each matrix in a split buffer (ggml-cuda.cu before PR 24216, get_row_split). Norms, biases,
 * caches and experts stay on the device of their layer.
 */
import { isFlatMatrix } from './model-buffers.ts';
import type { PlacedTensor } from './placement.ts';

export interface RowDivision {
  readonly kind: 'rows';
  /** Each device takes a multiple of this many rows; the last device takes the rest. */
  readonly roundedRows: number;
  /** The share of each device, in any unit. */
  readonly shares: readonly number[];
}

export function rowSlices(
  { roundedRows, shares }: RowDivision,
  tensor: PlacedTensor,
): readonly PlacedTensor[] {
  if (!isFlatMatrix(tensor) || /conv|norm/.test(tensor.name)) return [tensor];
  const rows = tensor.shape.at(-2) ?? 1;
  const bounds = rowBounds(rows, roundedRows, shares);
  const counts = shares.map((_, device) => (bounds[device + 1] ?? 0) - (bounds[device] ?? 0));
  // A device without rows of its own refuses the product, so that the matrix stays whole (device_supports_op).
  if (counts[tensor.backend] === 0) return [tensor];
  return counts.flatMap((count, backend) => (count === 0 ? [] : [slice(tensor, backend, count)]));
}

function slice(tensor: PlacedTensor, backend: number, rows: number): PlacedTensor {
  const rowBytes = tensor.bytes / (tensor.shape.at(-2) ?? 1);
  return { ...tensor, backend, shape: [rows, tensor.shape.at(-1) ?? 1], bytes: rows * rowBytes };
}

/** First row of each device, and the number of rows at the end. */
function rowBounds(rows: number, rounding: number, shares: readonly number[]): readonly number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  let reached = 0;
  const first = shares.map((share) => {
    // The engine multiplies 32-bit floats.
    const row = Math.trunc(Math.fround(rows * Math.fround(reached / total)));
    reached += share;
    return row - (row % rounding);
  });
  return [...first, rows];
}
