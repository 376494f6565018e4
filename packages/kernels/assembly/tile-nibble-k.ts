/**
 * q4_K and q5_K: super-blocks of 256 columns in eight sub-blocks of 32, weight = d x scale x q - dmin x minimum with
 * 6-bit scales and minima. The products with q are summed per sub-block as integers, multiplied by the integer scale
 * and only then become floats. The minima meet the sums of the token's quants, two sub-blocks per multiply-add.
 * Generic over `FifthBit`: u8 for q4_K, u16 for q5_K.
 * Panel block: 8 d, 8 dmin (f16); 3 x 8 words of packed scales and minima; q5_K: 8 x 8 words of fifth bits (bit s of a
 * byte belongs to sub-block s); 32 x 8 words of nibbles (low: sub-block 2j, high: 2j + 1).
 */
import { addScaledDots, dot, quadBytes, quads, swizzle } from './dot';
import { loadHalves } from './float16';
import { bit4Mask, lowByteMask, nibbleMask, pairMask, sixBitMask, spread } from './masks';
import { blockCount, scalesAt, storeRows, sumsAt, tokenAt } from './tile';

/** Scale (`part` 0) or minimum (`part` 1) of sub-blocks 0 to 3 (`upper` 0) or 4 to 7: four bytes per row. */
// @ts-ignore: decorator
@inline function packed(scales: usize, part: usize, upper: bool): v128 {
  const first = v128.load(scales + part * 32);
  if (!upper) return v128.and(first, sixBitMask);
  const last = v128.load(scales, 64);
  const low = v128.and(part == 0 ? last : i16x8.shr_u(last, 4), nibbleMask);
  return v128.or(low, v128.and(i16x8.shr_u(first, 2), pairMask));
}

/** Sum over the eight sub-blocks of minimum x token sum, for four rows. `sums`: eight i16 in the order 0 2 1 3 4 6 5 7. */
// @ts-ignore: decorator
@inline function minimumDots(lower: v128, upper: v128, sums: usize): v128 {
  const mask = lowByteMask;
  const even = i32x4.dot_i16x8_s(v128.and(lower, mask), v128.load_splat<u32>(sums));
  const odd = i32x4.dot_i16x8_s(i16x8.shr_u(lower, 8), v128.load_splat<u32>(sums, 4));
  const evenUpper = i32x4.dot_i16x8_s(v128.and(upper, mask), v128.load_splat<u32>(sums, 8));
  const oddUpper = i32x4.dot_i16x8_s(i16x8.shr_u(upper, 8), v128.load_splat<u32>(sums, 12));
  return i32x4.add(i32x4.add(even, odd), i32x4.add(evenUpper, oddUpper));
}

/**
 * Integer sums of the current super-block by half and token, and where its parts and the tokens' quants begin. Globals,
 * so that a sub-block can be a function inlined with its number as a constant: its shifts then are constants too.
 */
let t00: v128 = i32x4.splat(0), t01: v128 = i32x4.splat(0), t02: v128 = i32x4.splat(0), t03: v128 = i32x4.splat(0);
let t10: v128 = i32x4.splat(0), t11: v128 = i32x4.splat(0), t12: v128 = i32x4.splat(0), t13: v128 = i32x4.splat(0);
let blockAt: usize = 0;
let quants0: usize = 0, quants1: usize = 0, quants2: usize = 0, quants3: usize = 0;

/** Four columns of four rows: the nibbles of sub-block `sub`, with their fifth bits when there are any. */
// @ts-ignore: decorator
@inline function unpack<FifthBit>(nibbles: v128, fifthBits: usize, sub: u32, mask: v128, bit4: v128): v128 {
  const low = v128.and((sub & 1) == 0 ? nibbles : i16x8.shr_u(nibbles, 4), mask);
  if (sizeof<FifthBit>() == 1) return low;
  const bits = v128.load(fifthBits);
  const moved = sub < 4 ? i16x8.shl(bits, 4 - sub) : i16x8.shr_u(bits, sub - 4);
  return v128.or(low, v128.and(moved, bit4));
}

/** Integer scale of sub-block `sub` of four rows, for addScaledDots, from the packed bytes of its four neighbours. */
// @ts-ignore: decorator
@inline function scaleOf(scales: v128, sub: u32): v128 {
  return swizzle(scales, spread(sub));
}

/** Steps of four columns that 16-bit sums can take: 8 x 2 x 15 x 127 and 4 x 2 x 31 x 127 are below 32767. */
// @ts-ignore: decorator
@inline function stepsMax<FifthBit>(): usize {
  return sizeof<FifthBit>() == 1 ? 8 : 4;
}

/** Where the nibbles and, before them, the fifth bits of a panel block begin. */
// @ts-ignore: decorator
@inline function nibblesAt<FifthBit>(): usize {
  return sizeof<FifthBit>() == 1 ? 128 : 384;
}

/** Sub-blocks `sub` and `sub + 1` (low and high nibbles of the same bytes) of one token. */
// @ts-ignore: decorator
@inline function pairOne<FifthBit>(sub: u32, scales0: v128, scales1: v128): void {
  let w = blockAt + nibblesAt<FifthBit>() + (sub << 7), fifth = blockAt + 128;
  let a = quants0 + (sub << 3) * quadBytes;
  const far = 8 * quadBytes, mask = nibbleMask, bit4 = bit4Mask;
  const l0 = scaleOf(scales0, sub), l1 = scaleOf(scales1, sub);
  const h0 = scaleOf(scales0, sub + 1), h1 = scaleOf(scales1, sub + 1);
  for (const end = w + 256; w < end; ) {
    let s0 = i32x4.splat(0), s1 = s0, u0 = s0, u1 = s0;
    // One token leaves time for the loop itself to matter: two steps per turn.
    for (const stop = w + 32 * stepsMax<FifthBit>(); w < stop; w += 64) {
      const w0 = v128.load(w), w1 = v128.load(w, 16), q = quads(a), r = quads(a + far);
      s0 = dot(s0, unpack<FifthBit>(w0, fifth, sub, mask, bit4), q, a);
      s1 = dot(s1, unpack<FifthBit>(w1, fifth + 16, sub, mask, bit4), q, a);
      u0 = dot(u0, unpack<FifthBit>(w0, fifth, sub + 1, mask, bit4), r, a + far);
      u1 = dot(u1, unpack<FifthBit>(w1, fifth + 16, sub + 1, mask, bit4), r, a + far);
      a += quadBytes;
      const w2 = v128.load(w, 32), w3 = v128.load(w, 48), q2 = quads(a), r2 = quads(a + far);
      s0 = dot(s0, unpack<FifthBit>(w2, fifth + 32, sub, mask, bit4), q2, a);
      s1 = dot(s1, unpack<FifthBit>(w3, fifth + 48, sub, mask, bit4), q2, a);
      u0 = dot(u0, unpack<FifthBit>(w2, fifth + 32, sub + 1, mask, bit4), r2, a + far);
      u1 = dot(u1, unpack<FifthBit>(w3, fifth + 48, sub + 1, mask, bit4), r2, a + far);
      a += quadBytes;
      if (sizeof<FifthBit>() > 1) fifth += 64;
    }
    t00 = addScaledDots(addScaledDots(t00, s0, l0), u0, h0);
    t10 = addScaledDots(addScaledDots(t10, s1, l1), u1, h1);
  }
}

/** Sub-block `sub` of four tokens. */
// @ts-ignore: decorator
@inline function subFour<FifthBit>(sub: u32, scales0: v128, scales1: v128): void {
  let w = blockAt + nibblesAt<FifthBit>() + ((sub >> 1) << 8), fifth = blockAt + 128;
  const at = (sub << 3) * quadBytes, mask = nibbleMask, bit4 = bit4Mask;
  let a0 = quants0 + at, a1 = quants1 + at, a2 = quants2 + at, a3 = quants3 + at;
  const c0 = scaleOf(scales0, sub), c1 = scaleOf(scales1, sub), zero = i32x4.splat(0);
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
    t00 = addScaledDots(t00, s00, c0), t10 = addScaledDots(t10, s10, c1);
    t01 = addScaledDots(t01, s01, c0), t11 = addScaledDots(t11, s11, c1);
    t02 = addScaledDots(t02, s02, c0), t12 = addScaledDots(t12, s12, c1);
    t03 = addScaledDots(t03, s03, c0), t13 = addScaledDots(t13, s13, c1);
  }
}

/** The integer part of one super-block: leaves its sums in t00 to t13. */
// @ts-ignore: decorator
@inline function superBlock<FifthBit, Tokens>(): void {
  t00 = i32x4.splat(0), t10 = i32x4.splat(0);
  const low0 = packed(blockAt + 32, 0, false), low1 = packed(blockAt + 48, 0, false);
  const up0 = packed(blockAt + 32, 0, true), up1 = packed(blockAt + 48, 0, true);
  if (sizeof<Tokens>() == 1) {
    pairOne<FifthBit>(0, low0, low1), pairOne<FifthBit>(2, low0, low1);
    pairOne<FifthBit>(4, up0, up1), pairOne<FifthBit>(6, up0, up1);
  } else {
    t01 = i32x4.splat(0), t02 = i32x4.splat(0), t03 = i32x4.splat(0);
    t11 = i32x4.splat(0), t12 = i32x4.splat(0), t13 = i32x4.splat(0);
    subFour<FifthBit>(0, low0, low1), subFour<FifthBit>(1, low0, low1);
    subFour<FifthBit>(2, low0, low1), subFour<FifthBit>(3, low0, low1);
    subFour<FifthBit>(4, up0, up1), subFour<FifthBit>(5, up0, up1);
    subFour<FifthBit>(6, up0, up1), subFour<FifthBit>(7, up0, up1);
  }
}

/** sum + token scale x (d x isum - dmin x minimum dots). */
// @ts-ignore: decorator
@inline function finishBlock(sum: v128, isum: v128, d: v128, minima: v128, dmin: v128, scale: usize): v128 {
  const product = f32x4.mul(d, f32x4.convert_i32x4_s(isum));
  const offset = f32x4.mul(dmin, f32x4.convert_i32x4_s(minima));
  return f32x4.add(sum, f32x4.mul(f32x4.sub(product, offset), v128.load_splat<u32>(scale)));
}

/** Adds the current super-block's sums of one half (`rows` 0 or 1) and one token. `scale`: the token's scale. */
// @ts-ignore: decorator
@inline function addBlock(sum: v128, isum: v128, rows: usize, scale: usize, sums: usize): v128 {
  const scales = blockAt + 32 + 16 * rows;
  const minima = minimumDots(packed(scales, 1, false), packed(scales, 1, true), sums + 64);
  const d = loadHalves(blockAt + 8 * rows), dmin = loadHalves(blockAt + 16 + 8 * rows);
  return finishBlock(sum, isum, d, minima, dmin, scale);
}

export function tileNibbleK<FifthBit, Tokens>(weights: usize, activations: usize, output: usize, row: u32): void {
  const zero = i32x4.splat(0);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  const a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  quants0 = a0, quants1 = a1, quants2 = a2, quants3 = a3;
  blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    superBlock<FifthBit, Tokens>();
    const scale = scalesAt + (block << 2), sums = sumsAt + block * 80;
    f00 = addBlock(f00, t00, 0, a0 + scale, a0 + sums), f10 = addBlock(f10, t10, 1, a0 + scale, a0 + sums);
    quants0 += 64 * quadBytes;
    if (sizeof<Tokens>() > 1) {
      f01 = addBlock(f01, t01, 0, a1 + scale, a1 + sums), f11 = addBlock(f11, t11, 1, a1 + scale, a1 + sums);
      f02 = addBlock(f02, t02, 0, a2 + scale, a2 + sums), f12 = addBlock(f12, t12, 1, a2 + scale, a2 + sums);
      f03 = addBlock(f03, t03, 0, a3 + scale, a3 + sums), f13 = addBlock(f13, t13, 1, a3 + scale, a3 + sums);
      quants1 += 64 * quadBytes, quants2 += 64 * quadBytes, quants3 += 64 * quadBytes;
    }
    blockAt += nibblesAt<FifthBit>() + 1024;
  }
  storeRows(output, 0, row, f00, f10);
  if (sizeof<Tokens>() > 1) {
    storeRows(output, 1, row, f01, f11);
    storeRows(output, 2, row, f02, f12);
    storeRows(output, 3, row, f03, f13);
  }
}
