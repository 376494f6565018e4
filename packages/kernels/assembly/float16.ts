/**
 * Half floats and bfloat16, four lanes at a time, with integer SIMD, because WebAssembly has no such conversion.
 * Reading is exact for all finite halves, including subnormal numbers. Infinite and NaN halves read as finite numbers
 * of 65536 and more: stored weights and caches never hold them (repacking counts them, storing clamps).
 */

import { halfMask, halfRebias } from './masks';

/** 2^112: moves an exponent with the bias of f16 (15) to the bias of f32 (127). */
const rebias: f32 = 5192296858534827628530496329220096.0;

/**
 * Loads four halves as f32: sign-extends to 32 bits, shifts into place, and masks the copies of the sign that land in
 * the exponent. `mask` and `scale` are splats of halfMask and halfRebias, which a loop keeps in locals.
 */
// @ts-ignore: decorator
@inline export function loadHalvesWith(pointer: usize, mask: v128, scale: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shl(v128.load_ext<i16>(pointer), 13), mask), scale);
}

// @ts-ignore: decorator
@inline export function loadHalves(pointer: usize): v128 {
  return loadHalvesWith(pointer, halfMask, halfRebias);
}

// @ts-ignore: decorator
@inline export function loadBrains(pointer: usize): v128 {
  return i32x4.shl(v128.load_ext<u16>(pointer), 16);
}

// @ts-ignore: decorator
@inline export function loadHalf(pointer: usize): f32 {
  const moved = (<u32>load<i16>(pointer) << 13) & 0x8fffffff;
  return reinterpret<f32>(moved) * rebias;
}

/**
 * Converts four f32 to the bits of four halves (in 32-bit lanes), rounding to nearest even and clamping to +-65504. For
 * subnormal halves, an addition lets the f32 adder do the rounding (Fabian Giesen, float->half variants).
 */
// @ts-ignore: decorator
@inline export function narrowToHalves(values: v128): v128 {
  const signs = v128.and(values, i32x4.splat(0x80000000));
  const magnitude = f32x4.min(v128.xor(values, signs), f32x4.splat(65504.0));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, i32x4.splat(0xc8000fff)), odd), 13);
  const magic = i32x4.splat(0x3f000000);
  const subnormal = i32x4.sub(f32x4.add(magnitude, magic), magic);
  const isSmall = i32x4.lt_s(magnitude, i32x4.splat(0x38800000));
  return v128.or(v128.bitselect(subnormal, normal, isSmall), i32x4.shr_u(signs, 16));
}

/** Stores four f32 as four halves at `pointer`. */
// @ts-ignore: decorator
@inline export function storeHalves(pointer: usize, values: v128): void {
  const bits = narrowToHalves(values);
  v128.store_lane<u64>(pointer, i16x8.narrow_i32x4_u(bits, bits), 0);
}
