/**
 * The primitive that differs between the builds: it multiplies 16 unsigned weights of at most 7 bits (four rows by four
 * columns) by one token's four quants, broadcast to every row, and adds the products to an accumulator.
 *
 * - baseline: weights are split into even and odd bytes, widened to 16 bits, and multiplied in 16-bit lanes.
 * - relaxed: `i16x8.relaxed_dot_i8x16_i7x16_s` is one instruction (pmaddubsw on x86-64) and sums pairs to 16 bits.
 * - wide dot: `i32x4.relaxed_dot_i8x16_i7x16_add_s` sums fours to 32 bits; one instruction on processors with a
 *   dot-product instruction (AVX-VNNI, Arm dotprod), three instructions elsewhere.
 *
 * The first two accumulate in 16 bits, so callers widen before a sum can exceed 32767: after 8 steps of 4-bit weights
 * (8 x 2 x 15 x 127 = 30480) or 4 steps of 5-bit weights. All three give the same integers.
 */

// DOT_VARIANT is a constant that the build defines: 0 baseline, 1 relaxed, 2 wide dot.

export const narrowQuants: bool = DOT_VARIANT != 0;
/** Bytes of four quants of one token. */
export const quadBytes: usize = DOT_VARIANT != 0 ? 4 : 8;

/** Loads one token's four quants into every row's lane; in the baseline build only the two of the even bytes. */
// @ts-ignore: decorator
@inline export function quads(pointer: usize): v128 {
  return v128.load_splat<u32>(pointer);
}

/**
 * Returns accumulator + weights x quants: 8 lanes of 16 bits, or 4 of 32 in the wide-dot build. `quad` comes from
 * `pointer`; the baseline build also loads the quants of the odd bytes from there.
 */
// @ts-ignore: decorator
@inline export function dot(accumulator: v128, weights: v128, quad: v128, pointer: usize): v128 {
  if (DOT_VARIANT == 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(quad, weights, accumulator);
  if (DOT_VARIANT == 1) return i16x8.add(accumulator, v128.relaxed_dot<i16>(quad, weights));
  const even = i16x8.mul(v128.and(weights, i16x8.splat(0x00ff)), quad);
  const odd = i16x8.mul(i16x8.shr_u(weights, 8), v128.load_splat<u32>(pointer, 4));
  return i16x8.add(i16x8.add(accumulator, even), odd);
}

/** Widens the accumulator to four 32-bit sums, one per row. `one` holds 1 in every 16-bit lane. */
// @ts-ignore: decorator
@inline export function widened(accumulator: v128, one: v128): v128 {
  if (DOT_VARIANT == 2) return accumulator;
  return i32x4.dot_i16x8_s(accumulator, one);
}

/** Returns total + scale x accumulator, per row. `scale` holds each row's integer scale from inBothHalves(). */
// @ts-ignore: decorator
@inline export function addScaledDots(total: v128, accumulator: v128, scale: v128): v128 {
  if (DOT_VARIANT == 2) return i32x4.add(total, i32x4.mul(accumulator, scale));
  return i32x4.add(total, i32x4.dot_i16x8_s(accumulator, scale));
}

/**
 * Prepares scales for addScaledDots. Each 32-bit lane holds a scale in its lower half and 0 in its upper half. The
 * result has the scale in both halves, so that one multiply-add scales and widens; in the wide-dot build it is
 * sign-extended. `twice` holds 65537 in every lane.
 */
// @ts-ignore: decorator
@inline export function inBothHalves(scale: v128, twice: v128): v128 {
  if (DOT_VARIANT == 2) return i32x4.shr_s(i32x4.shl(scale, 16), 16);
  return i32x4.mul(scale, twice);
}

/**
 * Loads the initial accumulator for a block of offset weights, which quantise.ts stored: minus the offset times the sum
 * of the columns of each lane. 16-bit lanes may wrap during the sum, but the final value fits: for 6-bit weights and 16
 * columns, 8 columns per lane x 32 x 127 = 32512.
 */
// @ts-ignore: decorator
@inline export function offsets(pointer: usize): v128 {
  return v128.load_splat<u32>(pointer);
}
