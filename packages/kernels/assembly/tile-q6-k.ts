/**
 * q6_K: super-blocks of 256 columns in sixteen sub-blocks of 16 with i8 scales; weight = d x scale x (q - 32), q from a
 * nibble and a pair of bits. The 32 is taken off with the sums of 16 columns' quants, two sub-blocks per multiply-add.
 * Panel block, 1680 bytes: 32 x 8 words of nibbles, 16 x 8 words of pairs, 4 x 8 words of scales, 8 d (f16). Run r of 32
 * columns in half h takes bytes 64h + 32(r & 1).. of the nibbles (high when r > 1) and bits 2r of bytes 32h.. of the
 * pairs.
 */
import { dot, quadBytes, quads, widened } from './dot';
import { loadHalves } from './float16';
import { blockCount, scalesAt, storeRows, sumsAt, tokenAt } from './tile';

/** Integer sums of the current super-block, as in tile-nibble-k.ts, and where its parts begin. */
let t00: v128 = i32x4.splat(0), t01: v128 = i32x4.splat(0), t02: v128 = i32x4.splat(0), t03: v128 = i32x4.splat(0);
let t10: v128 = i32x4.splat(0), t11: v128 = i32x4.splat(0), t12: v128 = i32x4.splat(0), t13: v128 = i32x4.splat(0);
let blockAt: usize = 0;
let quants0: usize = 0, quants1: usize = 0, quants2: usize = 0, quants3: usize = 0;

/** Four columns of four rows of run `run` (0 to 3). */
// @ts-ignore: decorator
@inline function unpack(nibbles: usize, pairs: usize, run: u32): v128 {
  const bytes = v128.load(nibbles), bits = v128.load(pairs);
  const low = v128.and(run < 2 ? bytes : i16x8.shr_u(bytes, 4), i8x16.splat(15));
  const moved = run < 2 ? i16x8.shl(bits, 4 - 2 * run) : run == 2 ? bits : i16x8.shr_u(bits, 2);
  return v128.or(low, v128.and(moved, i8x16.splat(48)));
}

/** Scale of sub-block `sub`: byte `sub` & 3 of each lane, sign-extended. */
// @ts-ignore: decorator
@inline function scaleOf(rows: usize, sub: u32): v128 {
  const four = v128.load(blockAt + 1536 + ((sub >> 2) << 5) + 16 * rows);
  return i32x4.shr_s(i32x4.shl(four, 24 - ((sub & 3) << 3)), 24);
}

// @ts-ignore: decorator
@inline function addSub(total: v128, scale: v128, sum: v128): v128 {
  return i32x4.add(total, i32x4.mul(scale, sum));
}

/** Sub-block `sub` (0 to 15): half a run. 16-bit sums hold two steps of 6-bit weights, 2 x 2 x 63 x 127 = 32004. */
// @ts-ignore: decorator
@inline function subBlock<Tokens>(sub: u32): void {
  const run = (sub >> 1) & 3, part = (sub & 1) << 7;
  let w = blockAt + ((sub >> 3) << 9) + ((run & 1) << 8) + part;
  let pairs = blockAt + 1024 + ((sub >> 3) << 8) + part;
  const at = (sub << 2) * quadBytes;
  let a0 = quants0 + at, a1 = quants1 + at, a2 = quants2 + at, a3 = quants3 + at;
  const c0 = scaleOf(0, sub), c1 = scaleOf(1, sub);
  for (let pass = 0; pass < 2; pass++) {
    const w0 = unpack(w, pairs, run), w1 = unpack(w + 16, pairs + 16, run);
    const x0 = unpack(w + 32, pairs + 32, run), x1 = unpack(w + 48, pairs + 48, run);
    w += 64, pairs += 64;
    const zero = i32x4.splat(0);
    const q0 = quads(a0), r0 = quads(a0 + quadBytes);
    t00 = addSub(t00, c0, widened(dot(dot(zero, w0, q0, a0), x0, r0, a0 + quadBytes)));
    t10 = addSub(t10, c1, widened(dot(dot(zero, w1, q0, a0), x1, r0, a0 + quadBytes)));
    a0 += 2 * quadBytes;
    if (sizeof<Tokens>() > 1) {
      const q1 = quads(a1), r1 = quads(a1 + quadBytes);
      t01 = addSub(t01, c0, widened(dot(dot(zero, w0, q1, a1), x0, r1, a1 + quadBytes)));
      t11 = addSub(t11, c1, widened(dot(dot(zero, w1, q1, a1), x1, r1, a1 + quadBytes)));
      const q2 = quads(a2), r2 = quads(a2 + quadBytes);
      t02 = addSub(t02, c0, widened(dot(dot(zero, w0, q2, a2), x0, r2, a2 + quadBytes)));
      t12 = addSub(t12, c1, widened(dot(dot(zero, w1, q2, a2), x1, r2, a2 + quadBytes)));
      const q3 = quads(a3), r3 = quads(a3 + quadBytes);
      t03 = addSub(t03, c0, widened(dot(dot(zero, w0, q3, a3), x0, r3, a3 + quadBytes)));
      t13 = addSub(t13, c1, widened(dot(dot(zero, w1, q3, a3), x1, r3, a3 + quadBytes)));
      a1 += 2 * quadBytes, a2 += 2 * quadBytes, a3 += 2 * quadBytes;
    }
  }
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

/** Sum over four sub-blocks of scale x token sum: `sums` holds four i16 in the order 0 2 1 3. */
// @ts-ignore: decorator
@inline function offsetDots(four: v128, sums: usize): v128 {
  const even = i32x4.dot_i16x8_s(i16x8.shr_s(i16x8.shl(four, 8), 8), v128.load_splat<u32>(sums));
  return i32x4.add(even, i32x4.dot_i16x8_s(i16x8.shr_s(four, 8), v128.load_splat<u32>(sums, 4)));
}

/** sum + token scale x d x (isum - 32 x offset) for one half (`rows` 0 or 1) and one token. */
// @ts-ignore: decorator
@inline function addBlock(sum: v128, isum: v128, rows: usize, scale: usize, sums: usize): v128 {
  const scales = blockAt + 1536 + 16 * rows;
  let offset = i32x4.add(offsetDots(v128.load(scales), sums), offsetDots(v128.load(scales, 32), sums + 8));
  offset = i32x4.add(offset, offsetDots(v128.load(scales, 64), sums + 16));
  offset = i32x4.add(offset, offsetDots(v128.load(scales, 96), sums + 24));
  const integers = f32x4.convert_i32x4_s(i32x4.sub(isum, i32x4.shl(offset, 5)));
  const d = f32x4.mul(loadHalves(blockAt + 1664 + 8 * rows), v128.load_splat<u32>(scale));
  return f32x4.add(sum, f32x4.mul(integers, d));
}

export function tileQ6_K<Tokens>(weights: usize, activations: usize, output: usize, row: u32): void {
  const zero = i32x4.splat(0);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  const a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  quants0 = a0, quants1 = a1, quants2 = a2, quants3 = a3;
  blockAt = weights;
  for (let block: u32 = 0; block < blockCount; block++) {
    superBlock<Tokens>();
    const scale = scalesAt + (block << 2), sums = sumsAt + block * 48;
    f00 = addBlock(f00, t00, 0, a0 + scale, a0 + sums), f10 = addBlock(f10, t10, 1, a0 + scale, a0 + sums);
    quants0 += 64 * quadBytes;
    if (sizeof<Tokens>() > 1) {
      f01 = addBlock(f01, t01, 0, a1 + scale, a1 + sums), f11 = addBlock(f11, t11, 1, a1 + scale, a1 + sums);
      f02 = addBlock(f02, t02, 0, a2 + scale, a2 + sums), f12 = addBlock(f12, t12, 1, a2 + scale, a2 + sums);
      f03 = addBlock(f03, t03, 0, a3 + scale, a3 + sums), f13 = addBlock(f13, t13, 1, a3 + scale, a3 + sums);
      quants1 += 64 * quadBytes, quants2 += 64 * quadBytes, quants3 += 64 * quadBytes;
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
