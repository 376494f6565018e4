/**
 * q4_1, q5_1 and q5_0: weight = d x q + m, and for q5_0 d x (q - 16). The 7-bit operand is an unsigned nibble with or
 * without a fifth bit; the minima are multiplied by the stored scale x the sum of the token's quants (quantise.ts).
 * Five bits would overflow the 16-bit accumulators over a whole block. Quants with a fifth bit are therefore reduced by
 * 16, as q4_0 reduces its quants by 8: the accumulators start with -16 x the sums of the token's quants, 16 columns per
 * lane x 16 x 127 = 32512, and the minimum of q5_1 becomes m + 16 d. Generic over the format, as the size of a type.
 * Panel block: 8 d and, except for q5_0, 8 m (f16); q5_1 and q5_0: 8 words of fifth bits, bit i of byte j for column 4i
 * + j; 4 x [rows 0-3, rows 4-7][four bytes]: low nibbles are columns 0 to 15, high nibbles columns 16 to 31.
 */
import { dot, offsets, quadBytes, quads, widened } from './dot';
import { loadHalvesWith } from './float16';
import { bit4Mask, fifthBitValue, halfMaskWord, halfRebiasFloat, nibbleMask, ones } from './masks';
import { addScaled, blockCount, multiplyAdd, scalesAt, tileSums, tokenAt } from './tile';

export type Q4_1 = u8;
export type Q5_1 = u16;
export type Q5_0 = u32;

// @ts-ignore: decorator
@inline function hasFifthBits<Format>(): bool {
  return sizeof<Format>() > 1;
}

// @ts-ignore: decorator
@inline function hasMinimum<Format>(): bool {
  return sizeof<Format>() < 4;
}

/**
 * Unpacks four columns of four rows from their low nibbles. `fifth` holds fifth bits; the lowest belong to these
 * columns.
 */
// @ts-ignore: decorator
@inline function low<Format>(weights: v128, fifth: v128, mask: v128, bit4: v128): v128 {
  const nibbles = v128.and(weights, mask);
  return !hasFifthBits<Format>() ? nibbles : v128.or(nibbles, v128.and(i16x8.shl(fifth, 4), bit4));
}

/** Unpacks the columns 16 to the right from the high nibbles. Their fifth bits are four bits higher. */
// @ts-ignore: decorator
@inline function high<Format>(weights: v128, fifth: v128, mask: v128, bit4: v128): v128 {
  const nibbles = v128.and(i16x8.shr_u(weights, 4), mask);
  return !hasFifthBits<Format>() ? nibbles : v128.or(nibbles, v128.and(fifth, bit4));
}

/** Shifts to the fifth bits of the next four columns. */
// @ts-ignore: decorator
@inline function next<Format>(fifth: v128): v128 {
  return !hasFifthBits<Format>() ? fifth : i16x8.shr_u(fifth, 1);
}

/** Returns the initial accumulator for the block of a token whose scale is at `scale`. */
// @ts-ignore: decorator
@inline function begin<Format>(scale: usize): v128 {
  return !hasFifthBits<Format>() ? i32x4.splat(0) : offsets(scale + 4);
}

/** Bytes between the quants of a low nibble and of the high nibble in the same byte: 16 columns. */
const sixteen: usize = 4 * quadBytes;
/** Bytes of scale, offsets and scaled sum of a block of activations (quantise.ts). */
const scaleBytes: usize = 12;

/** sum + integers x d x scale + m x scaled sum. */
// @ts-ignore: decorator
@inline function finish<Format>(sum: v128, integers: v128, d: v128, m: v128, scale: usize): v128 {
  const scaled = addScaled(sum, integers, d, v128.load_splat<u32>(scale));
  return hasMinimum<Format>() ? multiplyAdd(scaled, m, v128.load_splat<u32>(scale, 8)) : scaled;
}

export function tileSums32<Tokens, Format>(weights: usize, activations: usize): void {
  const sums = tileSums, far = sixteen, zero = f32x4.splat(0), one = i32x4.splat(ones);
  const mask = i32x4.splat(nibbleMask), bit4 = i32x4.splat(bit4Mask), worth = f32x4.splat(fifthBitValue);
  const halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  const bitsAt: usize = hasMinimum<Format>() ? 32 : 16, nibblesAt = hasFifthBits<Format>() ? bitsAt + 32 : bitsAt;
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  let a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  let c0 = a0 + scalesAt, c1 = a1 + scalesAt, c2 = a2 + scalesAt, c3 = a3 + scalesAt;
  for (let block: u32 = 0; block < blockCount; block++) {
    let s00 = begin<Format>(c0), s10 = s00, s01 = s00, s11 = s00, s02 = s00, s12 = s00, s03 = s00, s13 = s00;
    if (sizeof<Tokens>() > 1) {
      s01 = begin<Format>(c1), s02 = begin<Format>(c2), s03 = begin<Format>(c3);
      s11 = s01, s12 = s02, s13 = s03;
    }
    let b0 = zero, b1 = zero;
    if (hasFifthBits<Format>()) b0 = v128.load(weights + bitsAt), b1 = v128.load(weights + bitsAt + 16);
    const start = weights + nibblesAt, end = start + 128;
    for (let w = start; w < end; w += 32) {
      const w0 = v128.load(w), w1 = v128.load(w, 16);
      const l0 = low<Format>(w0, b0, mask, bit4), l1 = low<Format>(w1, b1, mask, bit4);
      const h0 = high<Format>(w0, b0, mask, bit4), h1 = high<Format>(w1, b1, mask, bit4);
      b0 = next<Format>(b0), b1 = next<Format>(b1);
      const q0 = quads(a0), r0 = quads(a0 + far);
      s00 = dot(dot(s00, l0, q0, a0), h0, r0, a0 + far), s10 = dot(dot(s10, l1, q0, a0), h1, r0, a0 + far);
      a0 += quadBytes;
      if (sizeof<Tokens>() > 1) {
        const q1 = quads(a1), r1 = quads(a1 + far);
        s01 = dot(dot(s01, l0, q1, a1), h0, r1, a1 + far), s11 = dot(dot(s11, l1, q1, a1), h1, r1, a1 + far);
        const q2 = quads(a2), r2 = quads(a2 + far);
        s02 = dot(dot(s02, l0, q2, a2), h0, r2, a2 + far), s12 = dot(dot(s12, l1, q2, a2), h1, r2, a2 + far);
        const q3 = quads(a3), r3 = quads(a3 + far);
        s03 = dot(dot(s03, l0, q3, a3), h0, r3, a3 + far), s13 = dot(dot(s13, l1, q3, a3), h1, r3, a3 + far);
        a1 += quadBytes, a2 += quadBytes, a3 += quadBytes;
      } else {
        // For one token the loop overhead matters, so it takes two steps per iteration.
        w += 32;
        const w2 = v128.load(w), w3 = v128.load(w, 16), q1 = quads(a0), r1 = quads(a0 + far);
        s00 = dot(dot(s00, low<Format>(w2, b0, mask, bit4), q1, a0), high<Format>(w2, b0, mask, bit4), r1, a0 + far);
        s10 = dot(dot(s10, low<Format>(w3, b1, mask, bit4), q1, a0), high<Format>(w3, b1, mask, bit4), r1, a0 + far);
        b0 = next<Format>(b0), b1 = next<Format>(b1);
        a0 += quadBytes;
      }
    }
    // The low nibbles covered the first 16 columns, and the high nibbles already covered the second 16.
    a0 += far, a1 += far, a2 += far, a3 += far;
    const d0 = loadHalvesWith(weights, halfMask, rebias), d1 = loadHalvesWith(weights + 8, halfMask, rebias);
    let m0 = zero, m1 = zero;
    if (hasMinimum<Format>()) {
      m0 = loadHalvesWith(weights + 16, halfMask, rebias), m1 = loadHalvesWith(weights + 24, halfMask, rebias);
      if (hasFifthBits<Format>()) m0 = multiplyAdd(m0, d0, worth), m1 = multiplyAdd(m1, d1, worth);
    }
    weights = end;
    f00 = finish<Format>(f00, widened(s00, one), d0, m0, c0);
    f10 = finish<Format>(f10, widened(s10, one), d1, m1, c0), c0 += scaleBytes;
    if (sizeof<Tokens>() > 1) {
      f01 = finish<Format>(f01, widened(s01, one), d0, m0, c1);
      f11 = finish<Format>(f11, widened(s11, one), d1, m1, c1), c1 += scaleBytes;
      f02 = finish<Format>(f02, widened(s02, one), d0, m0, c2);
      f12 = finish<Format>(f12, widened(s12, one), d1, m1, c2), c2 += scaleBytes;
      f03 = finish<Format>(f03, widened(s03, one), d0, m0, c3);
      f13 = finish<Format>(f13, widened(s13, one), d1, m1, c3), c3 += scaleBytes;
    }
  }
  v128.store(sums, f00, 0), v128.store(sums, f10, 16);
  if (sizeof<Tokens>() > 1) {
    v128.store(sums, f01, 32), v128.store(sums, f11, 48), v128.store(sums, f02, 64), v128.store(sums, f12, 80);
    v128.store(sums, f03, 96), v128.store(sums, f13, 112);
  }
}
