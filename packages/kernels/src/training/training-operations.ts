/**
 * The part of the op contract that training adds: products of f32 matrices in any orientation, and the adjoints of other
 * operations. An adjoint adds to its outputs, because a tensor that several operations read has the sum of their
 * gradients, unless its comment says that it overwrites. Every sum has an order that depends on shapes alone, so that
 * results have the same bits for any number of threads.
 */
import type { Pointer } from '../pointer.ts';

/**
 * Packs an operand of `gemm`: `lines` rows of the left operand (panels of 6) or columns of the right (panels of 16), each
 * over `depth` steps. Element (line, step) is at source + line x lineStrideBytes + step x depthStrideBytes. The output has
 * `panelBytes` bytes.
 */
export interface PackPanels {
  readonly op: 'pack-panels';
  readonly source: Pointer;
  readonly lineStrideBytes: number;
  readonly depthStrideBytes: number;
  readonly lines: number;
  readonly depth: number;
  readonly panelLines: 6 | 16;
  readonly output: Pointer;
}

/** output[row, column] (+)= sum over depth of left[row, depth] x right[depth, column], from packed operands. */
export interface Gemm {
  readonly op: 'gemm';
  readonly left: Pointer;
  readonly right: Pointer;
  readonly output: Pointer;
  readonly outputStrideBytes: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly accumulate: boolean;
  /** Scratch region of `gemmScratchBytes` bytes. */
  readonly scratch: Pointer;
}

export type TrainingOperation = PackPanels | Gemm;
