/**
 * output[row, column] (+)= sum over depth of left[row, depth] x right[depth, column], in f32.
 *
 * Both operands are packed (gemm-pack.ts) into panels: six rows of the left, sixteen columns of the right, in blocks of
 * `gemmDepthBlock` along the depth. A tile of 6 x 16 sums is in registers while one block of depth passes. The loops
 * around it are those of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): a block of
 * left panels stays in the second-level cache, a right panel in the first.
 *
 * Threads share rows and columns of the output and never the depth, and every tile, also at an edge, runs the same
 * instructions. The bits of the output therefore do not depend on the number of threads.
 */
import { claimPiece, pieceEnd, pieceStart, word } from './command';
import { gemmDepthBlock, gemmScratchBytesPerThread, leftPanelRows, rightPanelColumns } from './opcodes';
import { multiplyAdd } from './tile';

/** Panels of the piece of the output that a thread computes at a time: 192 rows and 512 columns. */
const rowPanelsMax: u32 = 32;
const columnPanelsMax: u32 = 32;

/** Writes the 6 x 16 sums of one tile over `depth` steps to `sums`. */
function multiplyTile(left: usize, right: usize, depth: u32, sums: usize): void {
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero, c02 = zero, c03 = zero, c10 = zero, c11 = zero, c12 = zero, c13 = zero;
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero, c30 = zero, c31 = zero, c32 = zero, c33 = zero;
  let c40 = zero, c41 = zero, c42 = zero, c43 = zero, c50 = zero, c51 = zero, c52 = zero, c53 = zero;
  const end = right + (<usize>depth << 6);
  while (right < end) {
    const b0 = v128.load(right), b1 = v128.load(right, 16), b2 = v128.load(right, 32), b3 = v128.load(right, 48);
    right += 64;
    const a0 = v128.load_splat<u32>(left);
    c00 = multiplyAdd(c00, a0, b0), c01 = multiplyAdd(c01, a0, b1);
    c02 = multiplyAdd(c02, a0, b2), c03 = multiplyAdd(c03, a0, b3);
    const a1 = v128.load_splat<u32>(left, 4);
    c10 = multiplyAdd(c10, a1, b0), c11 = multiplyAdd(c11, a1, b1);
    c12 = multiplyAdd(c12, a1, b2), c13 = multiplyAdd(c13, a1, b3);
    const a2 = v128.load_splat<u32>(left, 8);
    c20 = multiplyAdd(c20, a2, b0), c21 = multiplyAdd(c21, a2, b1);
    c22 = multiplyAdd(c22, a2, b2), c23 = multiplyAdd(c23, a2, b3);
    const a3 = v128.load_splat<u32>(left, 12);
    c30 = multiplyAdd(c30, a3, b0), c31 = multiplyAdd(c31, a3, b1);
    c32 = multiplyAdd(c32, a3, b2), c33 = multiplyAdd(c33, a3, b3);
    const a4 = v128.load_splat<u32>(left, 16);
    c40 = multiplyAdd(c40, a4, b0), c41 = multiplyAdd(c41, a4, b1);
    c42 = multiplyAdd(c42, a4, b2), c43 = multiplyAdd(c43, a4, b3);
    const a5 = v128.load_splat<u32>(left, 20);
    c50 = multiplyAdd(c50, a5, b0), c51 = multiplyAdd(c51, a5, b1);
    c52 = multiplyAdd(c52, a5, b2), c53 = multiplyAdd(c53, a5, b3);
    left += 24;
  }
  // Neighbouring stores, from which the revectoriser forms instructions of 256 bits.
  v128.store(sums, c00), v128.store(sums, c01, 16), v128.store(sums, c02, 32), v128.store(sums, c03, 48);
  v128.store(sums, c10, 64), v128.store(sums, c11, 80), v128.store(sums, c12, 96), v128.store(sums, c13, 112);
  v128.store(sums, c20, 128), v128.store(sums, c21, 144), v128.store(sums, c22, 160), v128.store(sums, c23, 176);
  v128.store(sums, c30, 192), v128.store(sums, c31, 208), v128.store(sums, c32, 224), v128.store(sums, c33, 240);
  v128.store(sums, c40, 256), v128.store(sums, c41, 272), v128.store(sums, c42, 288), v128.store(sums, c43, 304);
  v128.store(sums, c50, 320), v128.store(sums, c51, 336), v128.store(sums, c52, 352), v128.store(sums, c53, 368);
}

/** Copies the sums of the tile's real rows and columns to the output, or adds them to it. */
function storeTile(sums: usize, output: usize, stride: usize, rows: u32, columns: u32, accumulates: bool): void {
  const whole: usize = (columns & ~3) << 2, end: usize = columns << 2;
  for (let row: u32 = 0; row < rows; row++, sums += 64, output += stride) {
    for (let at: usize = 0; at < whole; at += 16) {
      const sum = v128.load(sums + at);
      v128.store(output + at, accumulates ? f32x4.add(v128.load(output + at), sum) : sum);
    }
    for (let at = whole; at < end; at += 4) {
      const sum = load<f32>(sums + at);
      store<f32>(output + at, accumulates ? load<f32>(output + at) + sum : sum);
    }
  }
}

/**
 * Words: 1 left panels, 2 right panels, 3 output, 4 bytes between rows of the output, 5 rows, 6 columns, 7 depth, 8
 * whether to add to the output, 9 scratch with one tile for each thread.
 */
export function gemm(command: usize, thread: u32, threads: u32): void {
  const rows = word(command, 5), columns = word(command, 6);
  const rowPanels = (rows + leftPanelRows - 1) / leftPanelRows;
  const columnPanels = (columns + rightPanelColumns - 1) / rightPanelColumns;
  const columnBlocks = (columnPanels + columnPanelsMax - 1) / columnPanelsMax;
  const rowBlocks = (rowPanels + rowPanelsMax - 1) / rowPanelsMax;
  const sums = <usize>word(command, 9) + thread * gemmScratchBytesPerThread;
  while (claimPiece(command, rowBlocks * columnBlocks, threads)) {
    for (let item = pieceStart; item < pieceEnd; item++) {
      multiplyBlock(command, (item / columnBlocks) * rowPanelsMax, (item % columnBlocks) * columnPanelsMax, sums);
    }
  }
}

/** Computes the piece of the output that begins at the given panels. */
function multiplyBlock(command: usize, firstRow: u32, firstColumn: u32, sums: usize): void {
  const stride: usize = word(command, 4), rows = word(command, 5), columns = word(command, 6), depth = word(command, 7);
  const rowPanels = (rows + leftPanelRows - 1) / leftPanelRows;
  const columnPanels = (columns + rightPanelColumns - 1) / rightPanelColumns;
  const lastRow = min(rowPanels, firstRow + rowPanelsMax), lastColumn = min(columnPanels, firstColumn + columnPanelsMax);
  let accumulates = word(command, 8) != 0;
  for (let start: u32 = 0; start < depth; start += gemmDepthBlock) {
    const steps = min<u32>(gemmDepthBlock, depth - start);
    const left = <usize>word(command, 1) + <usize>start * rowPanels * (leftPanelRows << 2);
    const right = <usize>word(command, 2) + <usize>start * columnPanels * (rightPanelColumns << 2);
    for (let column = firstColumn; column < lastColumn; column++) {
      const panel = right + <usize>column * steps * (rightPanelColumns << 2);
      const width = min<u32>(rightPanelColumns, columns - column * rightPanelColumns);
      for (let row = firstRow; row < lastRow; row++) {
        multiplyTile(left + <usize>row * steps * (leftPanelRows << 2), panel, steps, sums);
        const height = min<u32>(leftPanelRows, rows - row * leftPanelRows);
        const target = <usize>word(command, 3) + row * leftPanelRows * stride + ((column * rightPanelColumns) << 2);
        storeTile(sums, target, stride, height, width, accumulates);
      }
    }
    accumulates = true;
  }
}
