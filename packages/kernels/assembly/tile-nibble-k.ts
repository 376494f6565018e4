/**
 * q4_K and q5_K: super-blocks of 256 columns in eight sub-blocks of 32, weight = d x scale x q - dmin x minimum with
 * 6-bit scales and minima. The products with q are summed per sub-block as integers, multiplied by the integer scale,
 * and only then converted to floats. The minima are multiplied by the sums of the token's quants, two sub-blocks per
 * multiply-add. Generic over `FifthBit`: u8 for q4_K, u16 for q5_K.
 * Panel block: 8 d, 8 dmin (f16); 3 x 8 words of packed scales and minima; q5_K: 8 x 8 words of fifth bits (bit s of a
 * byte belongs to sub-block s); 32 x 8 words of nibbles (low: sub-block 2j, high: 2j + 1).
 */
import { addScaledDots, dot, inBothHalves, quadBytes, quads } from './dot';
import { loadHalvesWith } from './float16';
import {
  bit4Mask, halfMaskWord, halfRebiasFloat, lowByte, lowByteMask, nibbleMask, pairMask, sixBitMask, twice,
} from './masks';
import { blockCount, clearSums, multiplyAdd, scalesAt, sumsAt, tileSums, tokenAt } from './tile';

/** Loads the scales (`part` 0) or minima (`part` 1) of sub-blocks 0 to 3 (`upper` 0) or 4 to 7: four bytes per row. */
// @ts-ignore: decorator
@inline function packed(scales: usize, part: usize, upper: bool): v128 {
  const first = v128.load(scales + part * 32);
  if (!upper) return v128.and(first, i32x4.splat(sixBitMask));
  const last = v128.load(scales, 64);
  const low = v128.and(part == 0 ? last : i16x8.shr_u(last, 4), i32x4.splat(nibbleMask));
  return v128.or(low, v128.and(i16x8.shr_u(first, 2), i32x4.splat(pairMask)));
}

/**
 * Sums minimum x token sum over the eight sub-blocks, for four rows. `sums`: eight i16 in the order 0 2 1 3 4 6 5 7.
 */
// @ts-ignore: decorator
@inline function minimumDots(lower: v128, upper: v128, sums: usize): v128 {
  const mask = i32x4.splat(lowByteMask);
  const even = i32x4.dot_i16x8_s(v128.and(lower, mask), v128.load_splat<u32>(sums));
  const odd = i32x4.dot_i16x8_s(i16x8.shr_u(lower, 8), v128.load_splat<u32>(sums, 4));
  const evenUpper = i32x4.dot_i16x8_s(v128.and(upper, mask), v128.load_splat<u32>(sums, 8));
  const oddUpper = i32x4.dot_i16x8_s(i16x8.shr_u(upper, 8), v128.load_splat<u32>(sums, 12));
  return i32x4.add(i32x4.add(even, odd), i32x4.add(evenUpper, oddUpper));
}

/** Unpacks four columns of four rows: the nibbles of sub-block `sub`, with their fifth bits in q5_K. */
// @ts-ignore: decorator
@inline function unpack<FifthBit>(nibbles: v128, fifthBits: usize, sub: u32, mask: v128, bit4: v128): v128 {
  const low = v128.and((sub & 1) == 0 ? nibbles : i16x8.shr_u(nibbles, 4), mask);
  if (sizeof<FifthBit>() == 1) return low;
  const bits = v128.load(fifthBits);
  const moved = sub < 4 ? i16x8.shl(bits, 4 - sub) : i16x8.shr_u(bits, sub - 4);
  return v128.or(low, v128.and(moved, bit4));
}

/**
 * Extracts the integer scale of sub-block `sub` of four rows, for addScaledDots, from the packed bytes of four
 * sub-blocks.
 */
// @ts-ignore: decorator
@inline function scaleOf(scales: v128, sub: u32): v128 {
  const moved = (sub & 3) == 0 ? scales : i32x4.shr_u(scales, (sub & 3) << 3);
  return inBothHalves(v128.and(moved, i32x4.splat(lowByte)), i32x4.splat(twice));
}

/** Maximum steps of four columns in 16-bit sums: 8 x 2 x 15 x 127 and 4 x 2 x 31 x 127 are below 32767. */
// @ts-ignore: decorator
@inline function stepsMax<FifthBit>(): usize {
  return sizeof<FifthBit>() == 1 ? 8 : 4;
}

/** Offset of the nibbles in a panel block; the fifth bits precede them. */
// @ts-ignore: decorator
@inline function nibblesAt<FifthBit>(): usize {
  return sizeof<FifthBit>() == 1 ? 128 : 384;
}

/** Pointers for pairOne and subFour to their super-block, and to the quants of its tokens. */
let blockAt: usize = 0;
let quants0: usize = 0, quants1: usize = 0, quants2: usize = 0, quants3: usize = 0;

/**
 * Adds sub-blocks `sub` and `sub + 1` (low and high nibbles of the same bytes) of one token to the integer sums at
 * `total`, [token][8 rows]. The sums are in memory, so that this function can be inlined with a constant `sub`, which
 * makes its shifts constant, too.
 */
// @ts-ignore: decorator
@inline function pairOne<FifthBit>(sub: u32, total: usize): void {
  let w = blockAt + nibblesAt<FifthBit>() + (sub << 7), fifth = blockAt + 128;
  let a = quants0 + (sub << 3) * quadBytes;
  const far = 8 * quadBytes, mask = i32x4.splat(nibbleMask), bit4 = i32x4.splat(bit4Mask);
  const scales0 = packed(blockAt + 32, 0, sub >= 4), scales1 = packed(blockAt + 48, 0, sub >= 4);
  const l0 = scaleOf(scales0, sub), l1 = scaleOf(scales1, sub);
  const h0 = scaleOf(scales0, sub + 1), h1 = scaleOf(scales1, sub + 1);
  let t0 = v128.load(total), t1 = v128.load(total, 16);
  for (const end = w + 256; w < end; ) {
    let s0 = i32x4.splat(0), s1 = s0, u0 = s0, u1 = s0;
    for (const stop = w + 32 * stepsMax<FifthBit>(); w < stop; w += 32, a += quadBytes) {
      const w0 = v128.load(w), w1 = v128.load(w, 16), q = quads(a), r = quads(a + far);
      s0 = dot(s0, unpack<FifthBit>(w0, fifth, sub, mask, bit4), q, a);
      s1 = dot(s1, unpack<FifthBit>(w1, fifth + 16, sub, mask, bit4), q, a);
      u0 = dot(u0, unpack<FifthBit>(w0, fifth, sub + 1, mask, bit4), r, a + far);
      u1 = dot(u1, unpack<FifthBit>(w1, fifth + 16, sub + 1, mask, bit4), r, a + far);
      if (sizeof<FifthBit>() > 1) fifth += 32;
    }
    t0 = addScaledDots(addScaledDots(t0, s0, l0), u0, h0);
    t1 = addScaledDots(addScaledDots(t1, s1, l1), u1, h1);
  }
  v128.store(total, t0), v128.store(total, t1, 16);
}

/** Adds sub-block `sub` of four tokens to the integer sums at `total`. */
// @ts-ignore: decorator
@inline function subFour<FifthBit>(sub: u32, total: usize): void {
  let w = blockAt + nibblesAt<FifthBit>() + ((sub >> 1) << 8), fifth = blockAt + 128;
  const at = (sub << 3) * quadBytes, mask = i32x4.splat(nibbleMask), bit4 = i32x4.splat(bit4Mask);
  let a0 = quants0 + at, a1 = quants1 + at, a2 = quants2 + at, a3 = quants3 + at;
  const c0 = scaleOf(packed(blockAt + 32, 0, sub >= 4), sub), c1 = scaleOf(packed(blockAt + 48, 0, sub >= 4), sub);
  const zero = i32x4.splat(0);
  for (const end = w + 256; w < end; ) {
    let s00 = zero, s01 = zero, s02 = zero, s03 = zero, s10 = zero, s11 = zero, s12 = zero, s13 = zero;
    for (const stop = w + 32 * stepsMax<FifthBit>(); w < stop; w += 32) {
      const w0 = unpack<FifthBit>(v128.load(w), fifth, sub, mask, bit4);
      const w1 = unpack<FifthBit>(v128.load(w, 16), fifth + 16, sub, mask, bit4);
      const q0 = quads(a0), q1 = quads(a1), q2 = quads(a2), q3 = quads(a3);
      s00 = dot(s00, w0, q0, a0), s10 = dot(s10, w1, q0, a0);
      s01 = dot(s01, w0, q1, a1), s11 = dot(s11, w1, q1, a1);
      s02 = dot(s02, w0, q2, a2), s12 = dot(s12, w1, q2, a2);
      s03 = dot(s03, w0, q3, a3), s13 = dot(s13, w1, q3, a3);
      a0 += quadBytes, a1 += quadBytes, a2 += quadBytes, a3 += quadBytes;
      if (sizeof<FifthBit>() > 1) fifth += 32;
    }
    const t00 = addScaledDots(v128.load(total), s00, c0), t10 = addScaledDots(v128.load(total, 16), s10, c1);
    v128.store(total, t00), v128.store(total, t10, 16);
    const t01 = addScaledDots(v128.load(total, 32), s01, c0), t11 = addScaledDots(v128.load(total, 48), s11, c1);
    v128.store(total, t01, 32), v128.store(total, t11, 48);
    const t02 = addScaledDots(v128.load(total, 64), s02, c0), t12 = addScaledDots(v128.load(total, 80), s12, c1);
    v128.store(total, t02, 64), v128.store(total, t12, 80);
    const t03 = addScaledDots(v128.load(total, 96), s03, c0), t13 = addScaledDots(v128.load(total, 112), s13, c1);
    v128.store(total, t03, 96), v128.store(total, t13, 112);
  }
}

/** sum + token scale x (d x isum - dmin x minimum dots). */
// @ts-ignore: decorator
@inline function finishBlock(sum: v128, isum: v128, d: v128, minima: v128, dmin: v128, scale: v128): v128 {
  const product = f32x4.mul(d, f32x4.convert_i32x4_s(isum));
  const offset = f32x4.mul(dmin, f32x4.convert_i32x4_s(minima));
  return multiplyAdd(sum, f32x4.sub(product, offset), scale);
}

export function vectorNibbleK<FifthBit>(weights: usize, activations: usize): void {
  const total = tileSums, halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  let f0 = f32x4.splat(0), f1 = f0;
  quants0 = activations, blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    v128.store(total, i32x4.splat(0)), v128.store(total, i32x4.splat(0), 16);
    pairOne<FifthBit>(0, total), pairOne<FifthBit>(2, total), pairOne<FifthBit>(4, total), pairOne<FifthBit>(6, total);
    const x = v128.load_splat<u32>(activations + scalesAt + (block << 2)), sums = activations + sumsAt + block * 80 + 64;
    const m0 = minimumDots(packed(blockAt + 32, 1, false), packed(blockAt + 32, 1, true), sums);
    const m1 = minimumDots(packed(blockAt + 48, 1, false), packed(blockAt + 48, 1, true), sums);
    const d0 = loadHalvesWith(blockAt, halfMask, rebias), d1 = loadHalvesWith(blockAt + 8, halfMask, rebias);
    const e0 = loadHalvesWith(blockAt + 16, halfMask, rebias), e1 = loadHalvesWith(blockAt + 24, halfMask, rebias);
    f0 = finishBlock(f0, v128.load(total), d0, m0, e0, x), f1 = finishBlock(f1, v128.load(total, 16), d1, m1, e1, x);
    quants0 += 64 * quadBytes;
    blockAt += nibblesAt<FifthBit>() + 1024;
  }
  v128.store(total, f0), v128.store(total, f1, 16);
}

/** Products with the minima of the current super-block, for one token and four rows (`rows` 0 or 16). */
// @ts-ignore: decorator
@inline function minima(rows: usize, sums: usize): v128 {
  const scales = blockAt + 32 + rows;
  return minimumDots(packed(scales, 1, false), packed(scales, 1, true), sums);
}

export function tileNibbleK<FifthBit>(weights: usize, activations: usize): void {
  const zero = i32x4.splat(0), total = tileSums;
  const halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  const a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  quants0 = a0, quants1 = a1, quants2 = a2, quants3 = a3;
  blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    clearSums();
    subFour<FifthBit>(0, total), subFour<FifthBit>(1, total), subFour<FifthBit>(2, total), subFour<FifthBit>(3, total);
    subFour<FifthBit>(4, total), subFour<FifthBit>(5, total), subFour<FifthBit>(6, total), subFour<FifthBit>(7, total);
    const scale = scalesAt + (block << 2), at = sumsAt + block * 80 + 64;
    const d0 = loadHalvesWith(blockAt, halfMask, rebias), d1 = loadHalvesWith(blockAt + 8, halfMask, rebias);
    const e0 = loadHalvesWith(blockAt + 16, halfMask, rebias), e1 = loadHalvesWith(blockAt + 24, halfMask, rebias);
    const x0 = v128.load_splat<u32>(a0 + scale), x1 = v128.load_splat<u32>(a1 + scale);
    const x2 = v128.load_splat<u32>(a2 + scale), x3 = v128.load_splat<u32>(a3 + scale);
    f00 = finishBlock(f00, v128.load(total), d0, minima(0, a0 + at), e0, x0);
    f10 = finishBlock(f10, v128.load(total, 16), d1, minima(16, a0 + at), e1, x0);
    f01 = finishBlock(f01, v128.load(total, 32), d0, minima(0, a1 + at), e0, x1);
    f11 = finishBlock(f11, v128.load(total, 48), d1, minima(16, a1 + at), e1, x1);
    f02 = finishBlock(f02, v128.load(total, 64), d0, minima(0, a2 + at), e0, x2);
    f12 = finishBlock(f12, v128.load(total, 80), d1, minima(16, a2 + at), e1, x2);
    f03 = finishBlock(f03, v128.load(total, 96), d0, minima(0, a3 + at), e0, x3);
    f13 = finishBlock(f13, v128.load(total, 112), d1, minima(16, a3 + at), e1, x3);
    quants0 += 64 * quadBytes, quants1 += 64 * quadBytes, quants2 += 64 * quadBytes, quants3 += 64 * quadBytes;
    blockAt += nibblesAt<FifthBit>() + 1024;
  }
  v128.store(total, f00, 0), v128.store(total, f10, 16), v128.store(total, f01, 32), v128.store(total, f11, 48);
  v128.store(total, f02, 64), v128.store(total, f12, 80), v128.store(total, f03, 96), v128.store(total, f13, 112);
}
