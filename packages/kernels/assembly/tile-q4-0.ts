/**
 * q4_0: unsigned nibbles minus 8. The nibbles are the 7-bit operand, and the accumulators start with the stored -8 x
 * the sums of the token's quants (quantise.ts).
 * Panel block, 144 bytes: 8 f16 scales, then 4 x [rows 0-3, rows 4-7][four bytes]: low nibbles are columns 0 to 15,
 * high nibbles columns 16 to 31.
 */
import { dot, offsets, quadBytes, quads, widened } from './dot';
import { loadHalvesWith } from './float16';
import { halfMaskWord, halfRebiasFloat, nibbleMask, ones } from './masks';
import { addScaled, blockCount, hasFourth, hasThird, scalesAt, sumsAt, tileSums, tokenAt } from './tile';

// @ts-ignore: decorator
@inline function low(weights: v128, mask: v128): v128 {
  return v128.and(weights, mask);
}

// @ts-ignore: decorator
@inline function high(weights: v128, mask: v128): v128 {
  return v128.and(i16x8.shr_u(weights, 4), mask);
}

/** Bytes between the quants of a low nibble and of the high nibble in the same byte: 16 columns. */
const sixteen: usize = 4 * quadBytes;

export function tileQ4_0<Tokens>(weights: usize, activations: usize): void {
  const sums = tileSums, far = sixteen, toSums = sumsAt - scalesAt, zero = f32x4.splat(0), one = i32x4.splat(ones);
  const mask = i32x4.splat(nibbleMask), halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  let a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  let c0 = a0 + scalesAt, c1 = a1 + scalesAt, c2 = a2 + scalesAt, c3 = a3 + scalesAt;
  for (let block: u32 = 0; block < blockCount; block++) {
    let s00 = offsets(c0 + toSums), s10 = s00, s01 = s00, s11 = s00, s02 = s00, s12 = s00, s03 = s00, s13 = s00;
    if (sizeof<Tokens>() > 1) {
      s01 = offsets(c1 + toSums), s11 = s01;
      if (hasThird<Tokens>()) s02 = offsets(c2 + toSums), s12 = s02;
      if (hasFourth<Tokens>()) s03 = offsets(c3 + toSums), s13 = s03;
    }
    const end = weights + 144;
    for (let w = weights + 16; w < end; w += 32) {
      const w0 = v128.load(w), w1 = v128.load(w, 16);
      const l0 = low(w0, mask), l1 = low(w1, mask), h0 = high(w0, mask), h1 = high(w1, mask);
      const q0 = quads(a0), r0 = quads(a0 + far);
      s00 = dot(dot(s00, l0, q0, a0), h0, r0, a0 + far), s10 = dot(dot(s10, l1, q0, a0), h1, r0, a0 + far);
      a0 += quadBytes;
      if (sizeof<Tokens>() > 1) {
        const q1 = quads(a1), r1 = quads(a1 + far);
        s01 = dot(dot(s01, l0, q1, a1), h0, r1, a1 + far), s11 = dot(dot(s11, l1, q1, a1), h1, r1, a1 + far);
        a1 += quadBytes;
        if (hasThird<Tokens>()) {
          const q2 = quads(a2), r2 = quads(a2 + far);
          s02 = dot(dot(s02, l0, q2, a2), h0, r2, a2 + far), s12 = dot(dot(s12, l1, q2, a2), h1, r2, a2 + far);
          a2 += quadBytes;
        }
        if (hasFourth<Tokens>()) {
          const q3 = quads(a3), r3 = quads(a3 + far);
          s03 = dot(dot(s03, l0, q3, a3), h0, r3, a3 + far), s13 = dot(dot(s13, l1, q3, a3), h1, r3, a3 + far);
          a3 += quadBytes;
        }
      } else {
        // For one token the loop overhead matters, so it takes two steps per iteration.
        w += 32;
        const w2 = v128.load(w), w3 = v128.load(w, 16), q1 = quads(a0), r1 = quads(a0 + far);
        s00 = dot(dot(s00, low(w2, mask), q1, a0), high(w2, mask), r1, a0 + far);
        s10 = dot(dot(s10, low(w3, mask), q1, a0), high(w3, mask), r1, a0 + far);
        a0 += quadBytes;
      }
    }
    // The low nibbles covered the first 16 columns, and the high nibbles already covered the second 16.
    a0 += far, a1 += far, a2 += far, a3 += far;
    const d0 = loadHalvesWith(weights, halfMask, rebias), d1 = loadHalvesWith(weights + 8, halfMask, rebias);
    weights = end;
    const x0 = v128.load_splat<u32>(c0);
    f00 = addScaled(f00, widened(s00, one), d0, x0), f10 = addScaled(f10, widened(s10, one), d1, x0), c0 += 4;
    if (sizeof<Tokens>() > 1) {
      const x1 = v128.load_splat<u32>(c1);
      f01 = addScaled(f01, widened(s01, one), d0, x1), f11 = addScaled(f11, widened(s11, one), d1, x1), c1 += 4;
      if (hasThird<Tokens>()) {
        const x2 = v128.load_splat<u32>(c2);
        f02 = addScaled(f02, widened(s02, one), d0, x2), f12 = addScaled(f12, widened(s12, one), d1, x2), c2 += 4;
      }
      if (hasFourth<Tokens>()) {
        const x3 = v128.load_splat<u32>(c3);
        f03 = addScaled(f03, widened(s03, one), d0, x3), f13 = addScaled(f13, widened(s13, one), d1, x3), c3 += 4;
      }
    }
  }
  v128.store(sums, f00, 0), v128.store(sums, f10, 16);
  if (sizeof<Tokens>() > 1) {
    v128.store(sums, f01, 32), v128.store(sums, f11, 48);
    if (hasThird<Tokens>()) v128.store(sums, f02, 64), v128.store(sums, f12, 80);
    if (hasFourth<Tokens>()) v128.store(sums, f03, 96), v128.store(sums, f13, 112);
  }
}
