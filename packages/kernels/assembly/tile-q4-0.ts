/**
 * q4_0: unsigned nibbles minus 8. The nibbles are the 7-bit operand, and the accumulators start with -8 x the sums of the
 * token's quants, which quantising stored.
 * Panel block, 144 bytes: 8 f16 scales, then 4 x [rows 0-3, rows 4-7][four bytes]: low nibbles are columns 0 to 15,
 * high nibbles columns 16 to 31.
 */
import { dot, offsets, quadBytes, quads, widened } from './dot';
import { loadHalves } from './float16';
import { nibbleMask } from './masks';
import { addScaled, blockCount, scalesAt, storeRows, sumsAt, tokenAt } from './tile';

// @ts-ignore: decorator
@inline function low(weights: v128, mask: v128): v128 {
  return v128.and(weights, mask);
}

// @ts-ignore: decorator
@inline function high(weights: v128, mask: v128): v128 {
  return v128.and(i16x8.shr_u(weights, 4), mask);
}

/** Bytes between the quants of a low nibble and of the high nibble beside it: 16 columns. */
const sixteen: usize = 4 * quadBytes;

export function tileQ4_0<Tokens>(weights: usize, activations: usize, output: usize, row: u32): void {
  const zero = f32x4.splat(0), mask = nibbleMask, far = sixteen, toSums = sumsAt - scalesAt;
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  let a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  let c0 = a0 + scalesAt, c1 = a1 + scalesAt, c2 = a2 + scalesAt, c3 = a3 + scalesAt;
  for (let block: u32 = 0; block < blockCount; block++) {
    let s00 = offsets(c0 + toSums), s10 = s00, s01 = s00, s11 = s00, s02 = s00, s12 = s00, s03 = s00, s13 = s00;
    if (sizeof<Tokens>() > 1) {
      s01 = offsets(c1 + toSums), s02 = offsets(c2 + toSums), s03 = offsets(c3 + toSums);
      s11 = s01, s12 = s02, s13 = s03;
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
        const q2 = quads(a2), r2 = quads(a2 + far);
        s02 = dot(dot(s02, l0, q2, a2), h0, r2, a2 + far), s12 = dot(dot(s12, l1, q2, a2), h1, r2, a2 + far);
        const q3 = quads(a3), r3 = quads(a3 + far);
        s03 = dot(dot(s03, l0, q3, a3), h0, r3, a3 + far), s13 = dot(dot(s13, l1, q3, a3), h1, r3, a3 + far);
        a1 += quadBytes, a2 += quadBytes, a3 += quadBytes;
      } else {
        // One token leaves time for the loop itself to matter: two steps per turn.
        w += 32;
        const w2 = v128.load(w), w3 = v128.load(w, 16), q1 = quads(a0), r1 = quads(a0 + far);
        s00 = dot(dot(s00, low(w2, mask), q1, a0), high(w2, mask), r1, a0 + far);
        s10 = dot(dot(s10, low(w3, mask), q1, a0), high(w3, mask), r1, a0 + far);
        a0 += quadBytes;
      }
    }
    // The low nibbles walked over the first 16 columns; the high ones already covered the second 16.
    a0 += far, a1 += far, a2 += far, a3 += far;
    const d0 = loadHalves(weights), d1 = loadHalves(weights + 8);
    weights = end;
    f00 = addScaled(f00, widened(s00), d0, c0), f10 = addScaled(f10, widened(s10), d1, c0), c0 += 4;
    if (sizeof<Tokens>() > 1) {
      f01 = addScaled(f01, widened(s01), d0, c1), f11 = addScaled(f11, widened(s11), d1, c1), c1 += 4;
      f02 = addScaled(f02, widened(s02), d0, c2), f12 = addScaled(f12, widened(s12), d1, c2), c2 += 4;
      f03 = addScaled(f03, widened(s03), d0, c3), f13 = addScaled(f13, widened(s13), d1, c3), c3 += 4;
    }
  }
  storeRows(output, 0, row, f00, f10);
  if (sizeof<Tokens>() > 1) {
    storeRows(output, 1, row, f01, f11);
    storeRows(output, 2, row, f02, f12);
    storeRows(output, 3, row, f03, f13);
  }
}
