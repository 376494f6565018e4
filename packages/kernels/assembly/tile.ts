/**
 * What all tiles share. A tile is one panel of eight rows by one or four tokens; its sums live in registers:
 * `s<half><token>` for integers, `f<half><token>` for floats, half 0 being rows 0 to 3 and half 1 rows 4 to 7.
 * A tile function is generic over `Tokens`, whose size is the number of tokens: one source, two loops without branches.
 *
 * The geometry of the multiplication that a thread works on is kept in globals: every thread has an instance of its own,
 * and a tile is called a million times with the same values.
 */
import { panelRows } from './formats';

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

/**
 * Where a tile leaves its sums, [4 tokens][8 rows] f32: 128 bytes of this thread's own in the control region. The two
 * halves of a token's rows are neighbours here, and a tile ends with nothing but stores of such pairs: from them V8's
 * revectoriser, where it is on, makes instructions of 256 bits of the whole tile.
 */
export let tileSums: usize = 0;

export function setTileSums(pointer: usize): void {
  tileSums = pointer;
}

/** Zeros, for tiles that keep the integer sums of a super-block there. */
// @ts-ignore: decorator
@inline export function clearSums(): void {
  const sums = tileSums, zero = i32x4.splat(0);
  v128.store(sums, zero), v128.store(sums, zero, 16), v128.store(sums, zero, 32), v128.store(sums, zero, 48);
  v128.store(sums, zero, 64), v128.store(sums, zero, 80), v128.store(sums, zero, 96), v128.store(sums, zero, 112);
}

/** Copies or adds the sums of the rows from `row` on and of the tokens that exist to the output. */
export function storeTile(output: usize, row: u32): void {
  const rows = min<u32>(panelRows, rowCount - row);
  for (let token: u32 = 0; token < tokenCount; token++) {
    const sums = tileSums + (token << 5), target = output + token * outputStride + (row << 2);
    if (rows == panelRows) {
      const low = v128.load(sums), high = v128.load(sums, 16);
      v128.store(target, accumulates ? f32x4.add(low, v128.load(target)) : low);
      v128.store(target, accumulates ? f32x4.add(high, v128.load(target, 16)) : high, 16);
    } else {
      for (let at: usize = 0; at < rows << 2; at += 4) {
        store<f32>(target + at, accumulates ? load<f32>(sums + at) + load<f32>(target + at) : load<f32>(sums + at));
      }
    }
  }
}

/** sum + a x b, fused where the relaxed build and the processor can. */
// @ts-ignore: decorator
@inline export function multiplyAdd(sum: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<f32>(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** sum + convert(integers) x rowScales x tokenScale. */
// @ts-ignore: decorator
@inline export function addScaled(sum: v128, integers: v128, rowScales: v128, tokenScale: v128): v128 {
  return multiplyAdd(sum, f32x4.convert_i32x4_s(integers), f32x4.mul(rowScales, tokenScale));
}
