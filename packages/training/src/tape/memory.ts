/**
 * The memory that a recording runs on, and the two operations that need speed: the product of matrices and the softmax of
 * rows. All other operations are loops over its elements.
 */
import type { Floats } from './tensor.ts';

/** A matrix in the arena: element (row, column) is at + row x rowStride + column x columnStride, in elements. */
export interface Place {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

export interface Product {
  /** [rows, depth] and [depth, columns]. */
  readonly left: Place;
  readonly right: Place;
  /** First element, and elements between rows, of [rows, columns]. */
  readonly outputAt: number;
  readonly outputRowStride: number;
  /** Adds to the output instead of overwriting it. */
  readonly accumulate: boolean;
}

export interface TrainingMemory {
  readonly elements: Floats;
  multiply(product: Product): void;
  /** Replaces each row of a contiguous [rows, columns] matrix by its softmax. */
  softmaxRows(at: number, rows: number, columns: number): void;
}

export function transposedPlace({ at, rows, columns, rowStride, columnStride }: Place): Place {
  return { at, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride };
}
