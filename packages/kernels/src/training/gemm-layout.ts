/** Sizes of the regions that `gemm` reads, and the operations of a whole product. */
import {
  gemmScratchBytesPerThread,
  leftPanelRows,
  rightPanelColumns,
  threadsMax,
} from '../../assembly/opcodes.ts';
import type { Pointer } from '../pointer.ts';
import type { Gemm, PackPanels } from './training-operations.ts';

/** Scratch of a product: one tile for each possible thread. Products that run in turn can share it. */
export const gemmScratchBytes = threadsMax * gemmScratchBytesPerThread;

/** Bytes of a packed operand. */
export function panelBytes(side: 'left' | 'right', lines: number, depth: number): number {
  const width = side === 'left' ? leftPanelRows : rightPanelColumns;
  return 4 * Math.ceil(lines / width) * width * depth;
}

/** A matrix of f32 in the arena: element (row, column) is at pointer + row x rowStride + column x columnStride (bytes). */
export interface MatrixPlace {
  readonly pointer: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly rowStrideBytes: number;
  readonly columnStrideBytes: number;
}

/** Packs the left operand, [rows, depth]. */
function packLeft(matrix: MatrixPlace, output: Pointer): PackPanels {
  const { pointer, rows, columns, rowStrideBytes, columnStrideBytes } = matrix;
  const strides = { lineStrideBytes: rowStrideBytes, depthStrideBytes: columnStrideBytes };
  return {
    op: 'pack-panels',
    source: pointer,
    ...strides,
    lines: rows,
    depth: columns,
    panelLines: 6,
    output,
  };
}

/** Packs the right operand, [depth, columns]. */
function packRight(matrix: MatrixPlace, output: Pointer): PackPanels {
  const { pointer, rows, columns, rowStrideBytes, columnStrideBytes } = matrix;
  const strides = { lineStrideBytes: columnStrideBytes, depthStrideBytes: rowStrideBytes };
  return {
    op: 'pack-panels',
    source: pointer,
    ...strides,
    lines: columns,
    depth: rows,
    panelLines: 16,
    output,
  };
}

/** Returns the same elements as the transposed matrix. */
export function transposed(matrix: MatrixPlace): MatrixPlace {
  const { pointer, rows, columns, rowStrideBytes, columnStrideBytes } = matrix;
  return {
    ...{ pointer, rows: columns, columns: rows },
    ...{ rowStrideBytes: columnStrideBytes, columnStrideBytes: rowStrideBytes },
  };
}

/** Where a product reads its packed operands and writes its output. */
export type ProductPlaces = Pick<
  Gemm,
  'left' | 'right' | 'output' | 'outputStrideBytes' | 'accumulate' | 'scratch'
>;

/** Returns the operations of a product: pack both operands, multiply. */
export function productOperations(
  left: MatrixPlace,
  right: MatrixPlace,
  places: ProductPlaces,
): readonly (PackPanels | Gemm)[] {
  const sizes = { rows: left.rows, columns: right.columns, depth: left.columns };
  return [packLeft(left, places.left), packRight(right, places.right), { op: 'gemm', ...places, ...sizes }];
}
