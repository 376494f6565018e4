/**
 * Quantises activations to 8 bits: blocks of 256 columns for the K formats, of 32 for the others, each with an f32
 * scale of amax / 127, rounded to nearest even. One token's row is
 *
 *     [quants | scales f32 per block | sums]
 *
 * Quants are plain i8 for the relaxed dot product ("narrow"), otherwise i16 ("wide") in the order a0 a2 a1 a3 of every
 * four columns: a multiply-add joins those pairs with weights that are split into even and odd bytes. The sums
 * compensate for a weight's constant offset. For q4_0, a block of 32 has two i16: -8 x the sum of columns 4i, 4i + 1
 * and -8 x the sum of columns 4i + 2, 4i + 3, one for each lane of a 16-bit accumulator (one i32 in the wide-dot
 * build). For q6_K, a block of 256 has sixteen such words with -32 x the sums of 16 columns. After them, a block of 256
 * has the sums of 32 columns as eight i16 in the order 0 2 1 3 4 6 5 7, which are multiplied by the minima of q4_K and
 * q5_K. For q4_1, q5_1 and q5_0, the values of a block of 32 are adjacent instead,
 *
 *     [quants | per block: scale, the word of q4_0 with -16 for -8, scale x the sum of the quants as f32]
 *
 * The word is for accumulators of five bits, the scaled sum is for the minima.
 */
import { splitStart, word } from './command';
import { blockElements, readsSums } from './formats';
import { q8_0Code } from './opcodes';
import { narrowQuants } from './dot';
import { roundMagic } from './masks';

export function isWide(format: u32): bool {
  return format == q8_0Code || !narrowQuants;
}

// @ts-ignore: decorator
@inline function roundUp16(value: usize): usize {
  return (value + 15) & ~15;
}

/** Bytes from the scale of one block to the scale of the next. */
// @ts-ignore: decorator
@inline function scaleStride(format: u32): u32 {
  return readsSums(format) ? 12 : 4;
}

/** Byte offset of the scales inside a token's row. */
export function scalesOffset(format: u32, columns: u32): usize {
  return isWide(format) ? columns << 1 : columns;
}

export function sumsOffset(format: u32, columns: u32): usize {
  return scalesOffset(format, columns) + roundUp16((columns / blockElements(format)) * scaleStride(format));
}

/** Bytes from one token's row to the next. */
export function activationStride(format: u32, columns: u32): usize {
  if (readsSums(format)) return sumsOffset(format, columns);
  const sums = blockElements(format) == 32 ? (columns >> 5) << 2 : (columns >> 8) * 80;
  return sumsOffset(format, columns) + roundUp16(sums);
}

/**
 * Returns the largest magnitude of `count` numbers. Magnitudes compare like the integers of their bits, with NaN above
 * infinity, and an integer maximum is one instruction where a float maximum is seven.
 */
function largestMagnitude(input: usize, count: u32): f32 {
  const mask = i32x4.splat(0x7fffffff);
  let first = i32x4.splat(0), second = first;
  for (const end = input + (count << 2); input < end; input += 32) {
    first = i32x4.max_s(first, v128.and(v128.load(input), mask));
    second = i32x4.max_s(second, v128.and(v128.load(input, 16), mask));
  }
  first = i32x4.max_s(first, second);
  first = i32x4.max_s(first, v128.shuffle<i32>(first, first, 2, 3, 0, 1));
  first = i32x4.max_s(first, v128.shuffle<i32>(first, first, 1, 0, 3, 2));
  return reinterpret<f32>(i32x4.extract_lane(first, 0));
}

/**
 * Converts four numbers x `inverse` to integers: after adding 1.5 x 2^23, the lowest bits hold the number, rounded to
 * nearest even. Correct below 2^22; the result for an infinity or a NaN is never used, because the scale of its block
 * is NaN. The constant is a global vector because V8's revectoriser skips instructions that read one: it would compile
 * the narrowing that follows incorrectly (V8 13.6; conformance.test.ts detects it).
 */
// @ts-ignore: decorator
@inline function roundFour(input: usize, inverse: v128): v128 {
  const magic = roundMagic;
  return i32x4.sub(f32x4.add(f32x4.mul(v128.load(input), inverse), magic), magic);
}

/** Quantises 16 columns; returns the sums of columns i and i + 8, as eight 16-bit numbers. */
// @ts-ignore: decorator
@inline function quantise16(input: usize, inverse: v128, output: usize, wide: bool): v128 {
  const low = i16x8.narrow_i32x4_s(roundFour(input, inverse), roundFour(input + 16, inverse));
  const high = i16x8.narrow_i32x4_s(roundFour(input + 32, inverse), roundFour(input + 48, inverse));
  if (wide) {
    v128.store(output, v128.shuffle<i16>(low, low, 0, 2, 1, 3, 4, 6, 5, 7));
    v128.store(output + 16, v128.shuffle<i16>(high, high, 0, 2, 1, 3, 4, 6, 5, 7));
  } else {
    v128.store(output, i8x16.narrow_i16x8_s(low, high));
  }
  return i16x8.add(low, high);
}

/** Computes the sums of columns 4i, 4i + 1 (lane 0) and 4i + 2, 4i + 3 (lane 1) from eight sums of columns. */
// @ts-ignore: decorator
@inline function pairSums(columns: v128): v128 {
  const pairs = i32x4.extadd_pairwise_i16x8_s(columns);
  return i32x4.add(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1));
}

/** Adds the two lanes of pairSums to the sum of 32 columns. */
// @ts-ignore: decorator
@inline function bothLanes(pairs: v128): i32 {
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** Stores -offset x the two sums, as the initial accumulator of this build's dot product. */
// @ts-ignore: decorator
@inline function storeOffsets(target: usize, pairs: v128, offset: i32): void {
  const scaled = i32x4.mul(pairs, i32x4.splat(-offset));
  if (DOT_VARIANT == 2) store<i32>(target, i32x4.extract_lane(scaled, 0) + i32x4.extract_lane(scaled, 1));
  else v128.store_lane<u32>(target, i16x8.narrow_i32x4_s(scaled, scaled), 0);
}

/** Index of entry `index` in the 0 2 1 3 order. */
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
  const wide = u32(isWide(format)), isRecord = readsSums(format);
  const blocks = columns / size, stride = activationStride(format, columns), quantBytes = size << wide;
  const total = word(command, 4) * blocks;
  const first = splitStart(total, thread, threads), end = splitStart(total, thread + 1, threads);
  const scaleStep: usize = scaleStride(format), sumStep: usize = isRecord ? 12 : size == 32 ? 4 : 80;
  const scalesAt = scalesOffset(format, columns), sumsAt = isRecord ? scalesAt + 4 : sumsOffset(format, columns);
  let block = first % blocks, row = <usize>word(command, 3) + (first / blocks) * stride;
  let input = <usize>word(command, 2) + ((first * size) << 2);
  let quants = row + block * quantBytes, scales = row + scalesAt + block * scaleStep, sums = row + sumsAt + block * sumStep;
  for (let item = first; item < end; item++, input += size << 2) {
    const largest = largestMagnitude(input, size);
    // Below 1e-30 the inverse could overflow; such a block counts as zero. NaN fails the test and stays NaN.
    const inverse = f32x4.splat(largest < 1e-30 ? 0 : <f32>127 / largest);
    // The scale of an infinity is NaN, too: no finite quant times an infinite scale represents the value.
    const scale = largest / <f32>127 + (largest - largest);
    store<f32>(scales, scale);
    for (let i: u32 = 0; i < size; i += 32) {
      const at = quants + (i << wide), half: usize = 16 << wide;
      const low = quantise16(input + (i << 2), inverse, at, wide != 0);
      const high = quantise16(input + (i << 2) + 64, inverse, at + half, wide != 0);
      const both = pairSums(i16x8.add(low, high));
      if (isRecord) {
        storeOffsets(sums, both, 16);
        store<f32>(sums + 4, scale * <f32>bothLanes(both));
      } else if (size == 32) {
        storeOffsets(sums, both, 8);
      } else {
        storeOffsets(sums + (i >> 2), pairSums(low), 32);
        storeOffsets(sums + (i >> 2) + 4, pairSums(high), 32);
        store<i16>(sums + 64 + (pairedPlace(i >> 5) << 1), <i16>bothLanes(both));
      }
    }
    quants += quantBytes, scales += scaleStep, sums += sumStep;
    if (++block == blocks) {
      block = 0, row += stride;
      quants = row, scales = row + scalesAt, sums = row + sumsAt;
    }
  }
}
