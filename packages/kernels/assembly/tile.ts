/**
 * The common parts of all tiles. A tile multiplies one panel of eight rows by one to four tokens; its sums are in
 * registers: `s<half><token>` for integers, `f<half><token>` for floats; half 0 is rows 0 to 3, half 1 is rows 4 to 7.
 * A tile function is generic over `Tokens`, one of the types below: one source gives a loop without branches for each
 * number of tokens.
 *
 * Globals hold the geometry of the thread's current multiplication: every thread has its own instance, and a tile is
 * called a million times with the same values.
 */
import { panelRows } from './formats';

export type OneToken = u8;
export type TwoTokens = u16;
/** There is no type of three bytes. */
export type ThreeTokens = u64;
export type FourTokens = u32;

/** True if a tile of this type has more than two tokens, and more than three. */
// @ts-ignore: decorator
@inline export function hasThird<Tokens>(): bool {
  return sizeof<Tokens>() > 2;
}

// @ts-ignore: decorator
@inline export function hasFourth<Tokens>(): bool {
  return sizeof<Tokens>() == 4;
}

/** Bytes from one token's activations to the next, and the offsets of its scales and sums. */
export let activationStride: usize = 0;
export let scalesAt: usize = 0;
export let sumsAt: usize = 0;
/** Number of blocks per row, of 32 or 256 columns; for floats the number of columns. */
export let blockCount: u32 = 0;
/** Number of output rows, output bytes per token, and whether the product is added to the output. */
export let rowCount: u32 = 0;
export let outputStride: usize = 0;
export let accumulates: bool = false;
/** Number of real tokens in the current tile; the other tokens repeat the last one and are not stored. */
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

/** Returns the activations of token `index` of the tile that starts at `activations`. */
// @ts-ignore: decorator
@inline export function tokenAt(activations: usize, index: u32): usize {
  return activations + min<u32>(index, tokenCount - 1) * activationStride;
}

/**
 * Pointer to the sums of a tile, [4 tokens][8 rows] f32: 128 bytes in the control region that only this thread uses.
 * The two halves of a token's rows are neighbours, and a tile ends only with stores of such pairs: from them V8's
 * revectoriser, if it is on, compiles the whole tile to 256-bit instructions.
 */
export let tileSums: usize = 0;

export function setTileSums(pointer: usize): void {
  tileSums = pointer;
}

/** Clears the sums, for tiles that store the integer sums of a super-block in them. */
// @ts-ignore: decorator
@inline export function clearSums(): void {
  const sums = tileSums, zero = i32x4.splat(0);
  v128.store(sums, zero), v128.store(sums, zero, 16), v128.store(sums, zero, 32), v128.store(sums, zero, 48);
  v128.store(sums, zero, 64), v128.store(sums, zero, 80), v128.store(sums, zero, 96), v128.store(sums, zero, 112);
}

/** Copies or adds the sums of the rows from `row` on, and of the real tokens, to the output. */
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

/** sum + a x b, fused if the relaxed build and the processor support it. */
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
