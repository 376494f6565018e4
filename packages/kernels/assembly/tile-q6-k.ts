/**
 * q6_K: super-blocks of 256 columns in sixteen sub-blocks of 16 with i8 scales; weight = d x scale x (q - 32), q from a
 * nibble and a pair of bits. Accumulators start with -32 x the sums of 16 columns' quants, which quantising stored.
 * Panel block, 1680 bytes: 32 x 8 words of nibbles, 16 x 8 words of pairs, 4 x 8 words of scales, 8 d (f16). Run r of 32
 * columns in half h takes bytes 64h + 32(r & 1).. of the nibbles (high when r > 1) and bits 2r of bytes 32h.. of the
 * pairs.
 */
import { addScaledDots, dot, offsets, quadBytes, quads, swizzle } from './dot';
import { loadHalves } from './float16';
import { nibbleMask, pairMask, raise } from './masks';
import { addScaled, blockCount, scalesAt, storeRows, sumsAt, tokenAt } from './tile';

/** Integer sums of the current super-block, as in tile-nibble-k.ts, and where its parts begin. */
let t00: v128 = i32x4.splat(0), t01: v128 = i32x4.splat(0), t02: v128 = i32x4.splat(0), t03: v128 = i32x4.splat(0);
let t10: v128 = i32x4.splat(0), t11: v128 = i32x4.splat(0), t12: v128 = i32x4.splat(0), t13: v128 = i32x4.splat(0);
let blockAt: usize = 0;
let quants0: usize = 0, quants1: usize = 0, quants2: usize = 0, quants3: usize = 0;
let sums0: usize = 0, sums1: usize = 0, sums2: usize = 0, sums3: usize = 0;

/** Four columns of four rows of run `run` (0 to 3). */
// @ts-ignore: decorator
@inline function unpack(nibbles: usize, pairs: usize, run: u32, mask: v128, pairBits: v128): v128 {
  const bytes = v128.load(nibbles), bits = v128.load(pairs);
  const low = v128.and(run < 2 ? bytes : i16x8.shr_u(bytes, 4), mask);
  const moved = run < 2 ? i16x8.shl(bits, 4 - 2 * run) : run == 2 ? bits : i16x8.shr_u(bits, 2);
  return v128.or(low, v128.and(moved, pairBits));
}

/** Signed scale of sub-block `sub` of four rows, in both halves of each lane. */
// @ts-ignore: decorator
@inline function scaleOf(rows: usize, sub: u32): v128 {
  const four = v128.load(blockAt + 1536 + ((sub >> 2) << 5) + 16 * rows);
  return i16x8.shr_s(swizzle(four, raise(sub)), 8);
}

/** Sub-block `sub` (0 to 15) of one token: half a run, four steps of four columns, without a loop. */
// @ts-ignore: decorator
@inline function subOne(sub: u32): void {
  const run = (sub >> 1) & 3, part = (sub & 1) << 7, m = nibbleMask, p = pairMask;
  const w = blockAt + ((sub >> 3) << 9) + ((run & 1) << 8) + part;
  const pairs = blockAt + 1024 + ((sub >> 3) << 8) + part;
  const a = quants0 + (sub << 2) * quadBytes, b = a + quadBytes, c = b + quadBytes, d = c + quadBytes;
  const q0 = quads(a), q1 = quads(b), q2 = quads(c), q3 = quads(d), start = offsets(sums0 + (sub << 2));
  let s = dot(start, unpack(w, pairs, run, m, p), q0, a);
  let t = dot(start, unpack(w + 16, pairs + 16, run, m, p), q0, a);
  s = dot(s, unpack(w + 32, pairs + 32, run, m, p), q1, b);
  t = dot(t, unpack(w + 48, pairs + 48, run, m, p), q1, b);
  s = dot(s, unpack(w + 64, pairs + 64, run, m, p), q2, c);
  t = dot(t, unpack(w + 80, pairs + 80, run, m, p), q2, c);
  s = dot(s, unpack(w + 96, pairs + 96, run, m, p), q3, d);
  t = dot(t, unpack(w + 112, pairs + 112, run, m, p), q3, d);
  t00 = addScaledDots(t00, s, scaleOf(0, sub));
  t10 = addScaledDots(t10, t, scaleOf(1, sub));
}

/** Sub-block `sub` of four tokens. */
// @ts-ignore: decorator
@inline function subFour(sub: u32): void {
  const run = (sub >> 1) & 3, part = (sub & 1) << 7, mask = nibbleMask, pairBits = pairMask;
  let w = blockAt + ((sub >> 3) << 9) + ((run & 1) << 8) + part;
  let pairs = blockAt + 1024 + ((sub >> 3) << 8) + part;
  const at = (sub << 2) * quadBytes, sums = sub << 2;
  let a0 = quants0 + at, a1 = quants1 + at, a2 = quants2 + at, a3 = quants3 + at;
  let s00 = offsets(sums0 + sums), s01 = offsets(sums1 + sums), s02 = offsets(sums2 + sums), s03 = offsets(sums3 + sums);
  let s10 = s00, s11 = s01, s12 = s02, s13 = s03;
  for (const end = w + 128; w < end; w += 32, pairs += 32) {
    const w0 = unpack(w, pairs, run, mask, pairBits), w1 = unpack(w + 16, pairs + 16, run, mask, pairBits);
    const q0 = quads(a0), q1 = quads(a1), q2 = quads(a2), q3 = quads(a3);
    s00 = dot(s00, w0, q0, a0), s10 = dot(s10, w1, q0, a0);
    s01 = dot(s01, w0, q1, a1), s11 = dot(s11, w1, q1, a1);
    s02 = dot(s02, w0, q2, a2), s12 = dot(s12, w1, q2, a2);
    s03 = dot(s03, w0, q3, a3), s13 = dot(s13, w1, q3, a3);
    a0 += quadBytes, a1 += quadBytes, a2 += quadBytes, a3 += quadBytes;
  }
  const c0 = scaleOf(0, sub), c1 = scaleOf(1, sub);
  t00 = addScaledDots(t00, s00, c0), t10 = addScaledDots(t10, s10, c1);
  t01 = addScaledDots(t01, s01, c0), t11 = addScaledDots(t11, s11, c1);
  t02 = addScaledDots(t02, s02, c0), t12 = addScaledDots(t12, s12, c1);
  t03 = addScaledDots(t03, s03, c0), t13 = addScaledDots(t13, s13, c1);
}

// @ts-ignore: decorator
@inline function subBlock<Tokens>(sub: u32): void {
  if (sizeof<Tokens>() == 1) subOne(sub);
  else subFour(sub);
}

// @ts-ignore: decorator
@inline function superBlock<Tokens>(): void {
  t00 = i32x4.splat(0), t01 = i32x4.splat(0), t02 = i32x4.splat(0), t03 = i32x4.splat(0);
  t10 = i32x4.splat(0), t11 = i32x4.splat(0), t12 = i32x4.splat(0), t13 = i32x4.splat(0);
  subBlock<Tokens>(0), subBlock<Tokens>(1), subBlock<Tokens>(2), subBlock<Tokens>(3);
  subBlock<Tokens>(4), subBlock<Tokens>(5), subBlock<Tokens>(6), subBlock<Tokens>(7);
  subBlock<Tokens>(8), subBlock<Tokens>(9), subBlock<Tokens>(10), subBlock<Tokens>(11);
  subBlock<Tokens>(12), subBlock<Tokens>(13), subBlock<Tokens>(14), subBlock<Tokens>(15);
}

/** sum + token scale x d x isum for one half (`rows` 0 or 1) and one token. */
// @ts-ignore: decorator
@inline function addBlock(sum: v128, isum: v128, rows: usize, scale: usize): v128 {
  return addScaled(sum, isum, loadHalves(blockAt + 1664 + 8 * rows), scale);
}

export function tileQ6_K<Tokens>(weights: usize, activations: usize, output: usize, row: u32): void {
  const zero = i32x4.splat(0);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  const a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  quants0 = a0, quants1 = a1, quants2 = a2, quants3 = a3;
  sums0 = a0 + sumsAt, sums1 = a1 + sumsAt, sums2 = a2 + sumsAt, sums3 = a3 + sumsAt;
  blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    superBlock<Tokens>();
    const scale = scalesAt + (block << 2);
    f00 = addBlock(f00, t00, 0, a0 + scale), f10 = addBlock(f10, t10, 1, a0 + scale);
    quants0 += 64 * quadBytes, sums0 += 80;
    if (sizeof<Tokens>() > 1) {
      f01 = addBlock(f01, t01, 0, a1 + scale), f11 = addBlock(f11, t11, 1, a1 + scale);
      f02 = addBlock(f02, t02, 0, a2 + scale), f12 = addBlock(f12, t12, 1, a2 + scale);
      f03 = addBlock(f03, t03, 0, a3 + scale), f13 = addBlock(f13, t13, 1, a3 + scale);
      quants1 += 64 * quadBytes, quants2 += 64 * quadBytes, quants3 += 64 * quadBytes;
      sums1 += 80, sums2 += 80, sums3 += 80;
    }
    blockAt += 1680;
  }
  storeRows(output, 0, row, f00, f10);
  if (sizeof<Tokens>() > 1) {
    storeRows(output, 1, row, f01, f11);
    storeRows(output, 2, row, f02, f12);
    storeRows(output, 3, row, f03, f13);
  }
}
