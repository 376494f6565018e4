/**
 * Activations to 8 bits: blocks of 32 columns for q8_0 and q4_0 weights, of 256 for the K formats, each with an f32
 * scale of amax / 127, rounded to nearest even. One token's row is
 *
 *     [quants | scales f32 per block | sums]
 *
 * Quants are plain i8 where the relaxed dot product reads them ("narrow"), else i16 ("wide") in the order a0 a2 a1 a3
 * of every four columns: weights split into even and odd bytes meet those pairs in a multiply-add. The sums take a
 * weight's constant offset into account. Per block of 32, for q4_0: -8 x the sum of columns 4i, 4i + 1 and -8 x the sum
 * of columns 4i + 2, 4i + 3, two i16, one for each lane of a 16-bit accumulator (one i32 in the wide-dot build). Per
 * block of 256: sixteen such words with -32 x the sums of 16 columns, for q6_K, and then the sums of 32 columns as eight
 * i16 in the order 0 2 1 3 4 6 5 7, which the minima of q4_K and q5_K are multiplied with.
 */
import { splitStart, word } from './command';
import { blockElements } from './formats';
import { horizontalMax } from './exponential';
import { q8_0Code } from './opcodes';
import { narrowQuants } from './dot';

export function isWide(format: u32): bool {
  return format == q8_0Code || !narrowQuants;
}

// @ts-ignore: decorator
@inline function roundUp16(value: usize): usize {
  return (value + 15) & ~15;
}

/** Byte offset of the scales inside a token's row. */
export function scalesOffset(format: u32, columns: u32): usize {
  return isWide(format) ? columns << 1 : columns;
}

export function sumsOffset(format: u32, columns: u32): usize {
  return scalesOffset(format, columns) + roundUp16((columns / blockElements(format)) << 2);
}

/** Bytes from one token's row to the next. */
export function activationStride(format: u32, columns: u32): usize {
  const sums = blockElements(format) == 32 ? (columns >> 5) << 2 : (columns >> 8) * 80;
  return sumsOffset(format, columns) + roundUp16(sums);
}

function largestMagnitude(input: usize, count: u32): f32 {
  let largest = f32x4.splat(0);
  for (let i: u32 = 0; i < count; i += 4) largest = f32x4.max(largest, f32x4.abs(v128.load(input + (i << 2))));
  return horizontalMax(largest);
}

// @ts-ignore: decorator
@inline function roundFour(input: usize, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(input), inverse)));
}

/** Sums of columns 4i, 4i + 1 (low half) and 4i + 2, 4i + 3 (high half) of the last 16 columns quantised. */
let lowPairs: i32 = 0;
let highPairs: i32 = 0;

/** Quantises 16 columns. */
// @ts-ignore: decorator
@inline function quantise16(input: usize, inverse: v128, output: usize, wide: bool): void {
  const low = i16x8.narrow_i32x4_s(roundFour(input, inverse), roundFour(input + 16, inverse));
  const high = i16x8.narrow_i32x4_s(roundFour(input + 32, inverse), roundFour(input + 48, inverse));
  if (wide) {
    v128.store(output, v128.shuffle<i16>(low, low, 0, 2, 1, 3, 4, 6, 5, 7));
    v128.store(output + 16, v128.shuffle<i16>(high, high, 0, 2, 1, 3, 4, 6, 5, 7));
  } else {
    v128.store(output, i8x16.narrow_i16x8_s(low, high));
  }
  const sum = i32x4.extadd_pairwise_i16x8_s(i16x8.add(low, high));
  lowPairs = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 2);
  highPairs = i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 3);
}

/** Stores -offset x the two sums, as the dot product of this build starts with them. */
// @ts-ignore: decorator
@inline function storeOffsets(target: usize, low: i32, high: i32, offset: i32): void {
  if (DOT_VARIANT == 2) {
    store<i32>(target, -offset * (low + high));
  } else {
    store<i16>(target, <i16>(-offset * low));
    store<i16>(target + 2, <i16>(-offset * high));
  }
}

/** Place of entry `index` in the 0 2 1 3 order. */
// @ts-ignore: decorator
@inline function pairedPlace(index: u32): u32 {
  return (index & ~3) | ((index & 1) << 1) | ((index & 2) >> 1);
}

/** Words: 1 format, 2 input [tokens, columns] f32, 3 output, 4 tokens, 5 columns. */
export function quantise(command: usize, thread: u32, threads: u32): void {
  const format = word(command, 1);
  const columns = word(command, 5);
  const size = blockElements(format);
  if (size == 1) return;
  const wide = isWide(format);
  const blocks = columns / size;
  const total = word(command, 4) * blocks;
  const end = splitStart(total, thread + 1, threads);
  for (let item = splitStart(total, thread, threads); item < end; item++) {
    const block = item % blocks;
    const row = <usize>word(command, 3) + (item / blocks) * activationStride(format, columns);
    const input = <usize>word(command, 2) + ((item * size) << 2);
    const largest = largestMagnitude(input, size);
    // Below 1e-30 the inverse could overflow; such a block counts as zero. NaN fails the test and goes on.
    const inverse = f32x4.splat(largest < 1e-30 ? 0 : <f32>127 / largest);
    store<f32>(row + scalesOffset(format, columns) + (block << 2), largest / <f32>127);
    const sums = row + sumsOffset(format, columns) + (size == 32 ? block << 2 : block * 80);
    let low: i32 = 0, high: i32 = 0;
    for (let i: u32 = 0; i < size; i += 16) {
      quantise16(input + (i << 2), inverse, row + ((block * size + i) << u32(wide)), wide);
      low = (i & 16) == 0 ? lowPairs : low + lowPairs;
      high = (i & 16) == 0 ? highPairs : high + highPairs;
      if (size == 256) storeOffsets(sums + (i >> 2), lowPairs, highPairs, 32);
      if (size == 256 && (i & 16)) store<i16>(sums + 64 + (pairedPlace(i >> 5) << 1), <i16>(low + high));
    }
    if (size == 32) storeOffsets(sums, low, high, 8);
  }
}
