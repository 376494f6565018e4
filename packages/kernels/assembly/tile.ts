/**
 * What all tiles share. A tile is one panel of eight rows by one or four tokens; its sums live in registers:
 * `s<half><token>` for integers, `f<half><token>` for floats, half 0 being rows 0 to 3 and half 1 rows 4 to 7.
 * A tile function is generic over `Tokens`, whose size is the number of tokens: one source, two loops without branches.
 *
 * The geometry of the multiplication that a thread works on is kept in globals: every thread has an instance of its own,
 * and a tile is called a million times with the same values.
 */
export type OneToken = u8;
export type FourTokens = u32;

/** Bytes from one token's activations to the next, and where its scales and sums begin. */
export let activationStride: usize = 0;
export let scalesAt: usize = 0;
export let sumsAt: usize = 0;
/** Blocks per row: of 32 or 256 columns; for floats the columns themselves. */
export let blockCount: u32 = 0;
/** Rows of the output that exist, its bytes per token, and whether the product is added to what is there. */
export let rowCount: u32 = 0;
export let outputStride: usize = 0;
export let accumulates: bool = false;
/** Tokens of the current tile that exist; the others repeat the last one and are not stored. */
export let tokenCount: u32 = 4;

export function setActivations(stride: usize, scales: usize, sums: usize, blocks: u32): void {
  activationStride = stride;
  scalesAt = scales;
  sumsAt = sums;
  blockCount = blocks;
}

export function setOutput(rows: u32, stride: usize, accumulate: bool): void {
  rowCount = rows;
  outputStride = stride;
  accumulates = accumulate;
}

export function setTokenCount(count: u32): void {
  tokenCount = count;
}

/** Activations of token `index` of the tile that starts at `activations`. */
// @ts-ignore: decorator
@inline export function tokenAt(activations: usize, index: u32): usize {
  return activations + min<u32>(index, tokenCount - 1) * activationStride;
}

function storePartial(output: usize, values: v128, rows: i32): void {
  if (rows > 0) store<f32>(output, f32x4.extract_lane(values, 0));
  if (rows > 1) store<f32>(output + 4, f32x4.extract_lane(values, 1));
  if (rows > 2) store<f32>(output + 8, f32x4.extract_lane(values, 2));
  if (rows > 3) store<f32>(output + 12, f32x4.extract_lane(values, 3));
}

/** Adds what is there already when the command asks for it. Reads whole vectors only where they exist. */
function finish(output: usize, values: v128, rows: i32): void {
  if (rows >= 4) {
    v128.store(output, accumulates ? f32x4.add(values, v128.load(output)) : values);
    return;
  }
  let sum = values;
  if (accumulates) {
    if (rows > 0) sum = f32x4.replace_lane(sum, 0, f32x4.extract_lane(sum, 0) + load<f32>(output));
    if (rows > 1) sum = f32x4.replace_lane(sum, 1, f32x4.extract_lane(sum, 1) + load<f32>(output + 4));
    if (rows > 2) sum = f32x4.replace_lane(sum, 2, f32x4.extract_lane(sum, 2) + load<f32>(output + 8));
  }
  storePartial(output, sum, rows);
}

/** Stores the eight rows, from `row` on, of token `token` of the tile. */
export function storeRows(output: usize, token: u32, row: u32, low: v128, high: v128): void {
  if (token >= tokenCount) return;
  const target = output + token * outputStride + (row << 2);
  finish(target, low, <i32>(rowCount - row));
  finish(target + 16, high, <i32>(rowCount - row) - 4);
}

/** sum + convert(integers) x rowScales x tokenScale. */
// @ts-ignore: decorator
@inline export function addScaled(sum: v128, integers: v128, rowScales: v128, tokenScale: usize): v128 {
  const scale = f32x4.mul(rowScales, v128.load_splat<u32>(tokenScale));
  return f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(integers), scale));
}
