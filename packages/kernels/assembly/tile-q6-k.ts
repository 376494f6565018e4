/**
 * q6_K: super-blocks of 256 columns in sixteen sub-blocks of 16 with i8 scales; weight = d x scale x (q - 32), with q
 * from a nibble and a pair of bits. Accumulators start with the stored -32 x the sums of 16 columns' quants
 * (quantise.ts).
 * Panel block, 1680 bytes: 2 halves of 128 columns x 8 steps x 3 x 8 words, then 4 x 8 words of scales, 8 d (f16). A
 * half has four runs of 32 columns, and a step holds columns 4i to 4i + 3 of all runs: nibbles of runs 0 (low) and 2
 * (high), nibbles of runs 1 and 3, and pairs, whose bits 2r belong to run r. In a file, nibbles and pairs are in
 * separate areas; reading memory in three short streams at once halves the speed.
 */
import { addScaledDots, dot, inBothHalves, offsets, quadBytes, quads } from './dot';
import { loadHalvesWith } from './float16';
import { halfMaskWord, halfRebiasFloat, lowerHalf, nibbleMask, pairMask, twice } from './masks';
import { addScaled, blockCount, clearSums, scalesAt, sumsAt, tileSums, tokenAt } from './tile';

/** Unpacks four columns of four rows of run `run` (0 to 3). */
// @ts-ignore: decorator
@inline function unpack(nibbles: v128, pairs: v128, run: u32, mask: v128, pairBits: v128): v128 {
  const low = v128.and(run < 2 ? nibbles : i16x8.shr_u(nibbles, 4), mask);
  const moved = run < 2 ? i16x8.shl(pairs, 4 - 2 * run) : run == 2 ? pairs : i16x8.shr_u(pairs, 2);
  return v128.or(low, v128.and(moved, pairBits));
}

/** Pointers for subOne and subFour to their super-block, and to the quants and sums of its tokens. */
let blockAt: usize = 0;
let quants0: usize = 0, quants1: usize = 0, quants2: usize = 0, quants3: usize = 0;
let sums0: usize = 0, sums1: usize = 0, sums2: usize = 0, sums3: usize = 0;

/**
 * Extracts the signed scale of sub-block `sub` of four rows, for addScaledDots, from the word with the scales of four
 * sub-blocks.
 */
// @ts-ignore: decorator
@inline function scaleOf(words: usize, sub: u32): v128 {
  const four = v128.load(words);
  // Bytes 0 and 2, or 1 and 3, of each word as two 16-bit numbers.
  const two = i16x8.shr_s((sub & 1) == 0 ? i16x8.shl(four, 8) : four, 8);
  return inBothHalves((sub & 2) == 0 ? v128.and(two, i32x4.splat(lowerHalf)) : i32x4.shr_u(two, 16), i32x4.splat(twice));
}

/**
 * Adds sub-block `sub` of one token to the integer sums at `total`, [8 rows]. The sums are in memory, so that this
 * function can be inlined with a constant `sub`, which makes its shifts constant, too. Two steps per iteration, because
 * for one token the loop overhead matters. Without the loop, V8's revectoriser fails on bytes that two sub-blocks of
 * one stretch of code read.
 */
// @ts-ignore: decorator
@inline function subOne(sub: u32, total: usize): void {
  const run = (sub >> 1) & 3, m = i32x4.splat(nibbleMask), p = i32x4.splat(pairMask);
  const start = blockAt + (sub >> 3) * 768 + (sub & 1) * 384;
  let w = start + ((run & 1) << 5), pairs = start + 64, a = quants0 + (sub << 2) * quadBytes;
  let s = offsets(sums0 + (sub << 2)), t = s;
  for (const end = w + 384; w < end; w += 192, pairs += 192, a += 2 * quadBytes) {
    const q = quads(a), r = quads(a + quadBytes);
    s = dot(s, unpack(v128.load(w), v128.load(pairs), run, m, p), q, a);
    t = dot(t, unpack(v128.load(w, 16), v128.load(pairs, 16), run, m, p), q, a);
    s = dot(s, unpack(v128.load(w, 96), v128.load(pairs, 96), run, m, p), r, a + quadBytes);
    t = dot(t, unpack(v128.load(w, 112), v128.load(pairs, 112), run, m, p), r, a + quadBytes);
  }
  const scales = blockAt + 1536 + ((sub >> 2) << 5);
  s = addScaledDots(v128.load(total), s, scaleOf(scales, sub));
  t = addScaledDots(v128.load(total, 16), t, scaleOf(scales + 16, sub));
  v128.store(total, s), v128.store(total, t, 16);
}

export function vectorQ6_K(weights: usize, activations: usize): void {
  const total = tileSums, halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  let f0 = f32x4.splat(0), f1 = f0;
  quants0 = activations, sums0 = activations + sumsAt, blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    v128.store(total, i32x4.splat(0)), v128.store(total, i32x4.splat(0), 16);
    // In the order of memory: the first halves of the four runs, then the second halves.
    subOne(0, total), subOne(2, total), subOne(4, total), subOne(6, total);
    subOne(1, total), subOne(3, total), subOne(5, total), subOne(7, total);
    subOne(8, total), subOne(10, total), subOne(12, total), subOne(14, total);
    subOne(9, total), subOne(11, total), subOne(13, total), subOne(15, total);
    const x = v128.load_splat<u32>(activations + scalesAt + (block << 2));
    f0 = addScaled(f0, v128.load(total), loadHalvesWith(blockAt + 1664, halfMask, rebias), x);
    f1 = addScaled(f1, v128.load(total, 16), loadHalvesWith(blockAt + 1672, halfMask, rebias), x);
    quants0 += 64 * quadBytes, sums0 += 80;
    blockAt += 1680;
  }
  v128.store(total, f0), v128.store(total, f1, 16);
}

/**
 * Adds sub-block `sub` of four tokens to the integer sums at `total`, [4 tokens][8 rows]. The sums are in memory, so
 * that this function can be inlined with a constant `sub`, which makes its shifts constant, too.
 */
// @ts-ignore: decorator
@inline function subFour(sub: u32, total: usize): void {
  const run = (sub >> 1) & 3, mask = i32x4.splat(nibbleMask), pairBits = i32x4.splat(pairMask);
  const start = blockAt + (sub >> 3) * 768 + (sub & 1) * 384;
  let w = start + ((run & 1) << 5), pairs = start + 64;
  const at = (sub << 2) * quadBytes, sums = sub << 2;
  let a0 = quants0 + at, a1 = quants1 + at, a2 = quants2 + at, a3 = quants3 + at;
  let s00 = offsets(sums0 + sums), s01 = offsets(sums1 + sums), s02 = offsets(sums2 + sums), s03 = offsets(sums3 + sums);
  let s10 = s00, s11 = s01, s12 = s02, s13 = s03;
  for (const end = w + 384; w < end; w += 96, pairs += 96) {
    const w0 = unpack(v128.load(w), v128.load(pairs), run, mask, pairBits);
    const w1 = unpack(v128.load(w, 16), v128.load(pairs, 16), run, mask, pairBits);
    const q0 = quads(a0), q1 = quads(a1), q2 = quads(a2), q3 = quads(a3);
    s00 = dot(s00, w0, q0, a0), s10 = dot(s10, w1, q0, a0);
    s01 = dot(s01, w0, q1, a1), s11 = dot(s11, w1, q1, a1);
    s02 = dot(s02, w0, q2, a2), s12 = dot(s12, w1, q2, a2);
    s03 = dot(s03, w0, q3, a3), s13 = dot(s13, w1, q3, a3);
    a0 += quadBytes, a1 += quadBytes, a2 += quadBytes, a3 += quadBytes;
  }
  const scales = blockAt + 1536 + ((sub >> 2) << 5), c0 = scaleOf(scales, sub), c1 = scaleOf(scales + 16, sub);
  const t00 = addScaledDots(v128.load(total), s00, c0), t10 = addScaledDots(v128.load(total, 16), s10, c1);
  v128.store(total, t00), v128.store(total, t10, 16);
  const t01 = addScaledDots(v128.load(total, 32), s01, c0), t11 = addScaledDots(v128.load(total, 48), s11, c1);
  v128.store(total, t01, 32), v128.store(total, t11, 48);
  const t02 = addScaledDots(v128.load(total, 64), s02, c0), t12 = addScaledDots(v128.load(total, 80), s12, c1);
  v128.store(total, t02, 64), v128.store(total, t12, 80);
  const t03 = addScaledDots(v128.load(total, 96), s03, c0), t13 = addScaledDots(v128.load(total, 112), s13, c1);
  v128.store(total, t03, 96), v128.store(total, t13, 112);
}

export function tileQ6_K(weights: usize, activations: usize): void {
  const zero = i32x4.splat(0), total = tileSums;
  const halfMask = i32x4.splat(halfMaskWord), rebias = f32x4.splat(halfRebiasFloat);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  const a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  quants0 = a0, quants1 = a1, quants2 = a2, quants3 = a3;
  sums0 = a0 + sumsAt, sums1 = a1 + sumsAt, sums2 = a2 + sumsAt, sums3 = a3 + sumsAt;
  blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    clearSums();
    subFour(0, total), subFour(1, total), subFour(2, total), subFour(3, total);
    subFour(4, total), subFour(5, total), subFour(6, total), subFour(7, total);
    subFour(8, total), subFour(9, total), subFour(10, total), subFour(11, total);
    subFour(12, total), subFour(13, total), subFour(14, total), subFour(15, total);
    const scale = scalesAt + (block << 2);
    const d0 = loadHalvesWith(blockAt + 1664, halfMask, rebias), d1 = loadHalvesWith(blockAt + 1672, halfMask, rebias);
    const x0 = v128.load_splat<u32>(a0 + scale), x1 = v128.load_splat<u32>(a1 + scale);
    const x2 = v128.load_splat<u32>(a2 + scale), x3 = v128.load_splat<u32>(a3 + scale);
    f00 = addScaled(f00, v128.load(total), d0, x0), f10 = addScaled(f10, v128.load(total, 16), d1, x0);
    f01 = addScaled(f01, v128.load(total, 32), d0, x1), f11 = addScaled(f11, v128.load(total, 48), d1, x1);
    f02 = addScaled(f02, v128.load(total, 64), d0, x2), f12 = addScaled(f12, v128.load(total, 80), d1, x2);
    f03 = addScaled(f03, v128.load(total, 96), d0, x3), f13 = addScaled(f13, v128.load(total, 112), d1, x3);
    quants0 += 64 * quadBytes, quants1 += 64 * quadBytes, quants2 += 64 * quadBytes, quants3 += 64 * quadBytes;
    sums0 += 80, sums1 += 80, sums2 += 80, sums3 += 80;
    blockAt += 1680;
  }
  v128.store(total, f00, 0), v128.store(total, f10, 16), v128.store(total, f01, 32), v128.store(total, f11, 48);
  v128.store(total, f02, 64), v128.store(total, f12, 80), v128.store(total, f03, 96), v128.store(total, f13, 112);
}
