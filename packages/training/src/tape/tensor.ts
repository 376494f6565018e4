/**
 * Tensors of the tape: matrices in regions of the arena. A tensor can be a view of rows or columns of a region, so that
 * concatenations and slices copy nothing.
 */
import { assert } from '@plimsoll/foundation';

/** Elements of an arena: f32 in training, f64 in the reference that finite differences check. */
export type Floats = Float32Array | Float64Array;

/**
 * `parameters` and `frozen` weights, `gradients` of parameters and optimizer `moments` live as long as the arena. `inputs`
 * live for a whole run of a recording; `activations` (with their gradients) and `workspace` live from their first to
 * their last step.
 */
export type RegionKind =
  | 'parameters'
  | 'frozen'
  | 'gradients'
  | 'moments'
  | 'inputs'
  | 'activations'
  | 'workspace';

export interface Region {
  readonly kind: RegionKind;
  readonly name: string;
  readonly elements: number;
}

export interface Tensor {
  readonly region: Region;
  /** First element in the region. */
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  /** Elements from one row to the next; larger than `columns` in a view of columns. */
  readonly rowStride: number;
}

export function wholeRegion(region: Region, rows: number, columns: number): Tensor {
  assert(region.elements === rows * columns, `region ${region.name} has not ${rows} x ${columns} elements`);
  return { region, offset: 0, rows, columns, rowStride: columns };
}

export function rowsOf(tensor: Tensor, first: number, rows: number): Tensor {
  assert(first >= 0 && first + rows <= tensor.rows, `rows ${first} to ${first + rows} of ${tensor.rows}`);
  return { ...tensor, offset: tensor.offset + first * tensor.rowStride, rows };
}

export function columnsOf(tensor: Tensor, first: number, columns: number): Tensor {
  assert(
    first >= 0 && first + columns <= tensor.columns,
    `columns ${first} to ${first + columns} of ${tensor.columns}`,
  );
  return { ...tensor, offset: tensor.offset + first, columns };
}

/** Number of elements from the first to the last of a tensor. */
export function spanOf({ rows, columns, rowStride }: Tensor): number {
  return rows === 0 ? 0 : (rows - 1) * rowStride + columns;
}
