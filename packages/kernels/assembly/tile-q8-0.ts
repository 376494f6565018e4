/**
 * q8_0: signed 8-bit weights do not fit the 7-bit operand of the relaxed dot product, so all builds widen to 16 bits
 * and use i32x4.dot_i16x8_s (pmaddwd), which is exact in 32 bits.
 * Panel block, 272 bytes: 8 f16 scales, then 8 x [two vectors: rows 0-3, rows 4-7][four columns].
 */
import { loadHalvesWith } from './float16';
import { halfMaskWord, halfRebiasFloat } from './masks';
import { addScaled, blockCount, hasFourth, hasThird, scalesAt, tileSums, tokenAt } from './tile';

// @ts-ignore: decorator
@inline function evenBytes(weights: v128): v128 {
  return i16x8.shr_s(i16x8.shl(weights, 8), 8);
}

// @ts-ignore: decorator
@inline function step(sum: v128, even: v128, odd: v128, quad: v128, oddQuad: v128): v128 {
  return i32x4.add(i32x4.add(sum, i32x4.dot_i16x8_s(even, quad)), i32x4.dot_i16x8_s(odd, oddQuad));
}

export function tileQ8_0<Tokens>(weights: usize, activations: usize): void {
  const sums = tileSums, zero = i32x4.splat(0);
  const halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  let a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  let c0 = a0 + scalesAt, c1 = a1 + scalesAt, c2 = a2 + scalesAt, c3 = a3 + scalesAt;
  for (let block: u32 = 0; block < blockCount; block++) {
    let s00 = zero, s01 = zero, s02 = zero, s03 = zero, s10 = zero, s11 = zero, s12 = zero, s13 = zero;
    const end = weights + 272;
    const d0 = loadHalvesWith(weights, halfMask, rebias), d1 = loadHalvesWith(weights + 8, halfMask, rebias);
    for (let w = weights + 16; w < end; w += 32) {
      const w0 = v128.load(w), w1 = v128.load(w, 16);
      const e0 = evenBytes(w0), o0 = i16x8.shr_s(w0, 8);
      const e1 = evenBytes(w1), o1 = i16x8.shr_s(w1, 8);
      const x0 = v128.load_splat<u32>(a0), y0 = v128.load_splat<u32>(a0, 4);
      s00 = step(s00, e0, o0, x0, y0), s10 = step(s10, e1, o1, x0, y0);
      a0 += 8;
      if (sizeof<Tokens>() > 1) {
        const x1 = v128.load_splat<u32>(a1), y1 = v128.load_splat<u32>(a1, 4);
        s01 = step(s01, e0, o0, x1, y1), s11 = step(s11, e1, o1, x1, y1);
        a1 += 8;
        if (hasThird<Tokens>()) {
          const x2 = v128.load_splat<u32>(a2), y2 = v128.load_splat<u32>(a2, 4);
          s02 = step(s02, e0, o0, x2, y2), s12 = step(s12, e1, o1, x2, y2), a2 += 8;
        }
        if (hasFourth<Tokens>()) {
          const x3 = v128.load_splat<u32>(a3), y3 = v128.load_splat<u32>(a3, 4);
          s03 = step(s03, e0, o0, x3, y3), s13 = step(s13, e1, o1, x3, y3), a3 += 8;
        }
      } else {
        // For one token the loop overhead matters, so it takes two steps per iteration.
        w += 32;
        const v0 = v128.load(w), v1 = v128.load(w, 16), x1 = v128.load_splat<u32>(a0), y1 = v128.load_splat<u32>(a0, 4);
        s00 = step(s00, evenBytes(v0), i16x8.shr_s(v0, 8), x1, y1);
        s10 = step(s10, evenBytes(v1), i16x8.shr_s(v1, 8), x1, y1);
        a0 += 8;
      }
    }
    weights = end;
    const z0 = v128.load_splat<u32>(c0);
    f00 = addScaled(f00, s00, d0, z0), f10 = addScaled(f10, s10, d1, z0), c0 += 4;
    if (sizeof<Tokens>() > 1) {
      const z1 = v128.load_splat<u32>(c1);
      f01 = addScaled(f01, s01, d0, z1), f11 = addScaled(f11, s11, d1, z1), c1 += 4;
      if (hasThird<Tokens>()) {
        const z2 = v128.load_splat<u32>(c2);
        f02 = addScaled(f02, s02, d0, z2), f12 = addScaled(f12, s12, d1, z2), c2 += 4;
      }
      if (hasFourth<Tokens>()) {
        const z3 = v128.load_splat<u32>(c3);
        f03 = addScaled(f03, s03, d0, z3), f13 = addScaled(f13, s13, d1, z3), c3 += 4;
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
