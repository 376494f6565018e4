/**
 * Vector constants of the hot loops, as globals that could change. V8 builds a constant v128 anew at every use (an
 * immediate, a move and an unpack on x86-64, inside the loop); a global is one load, and once read into a local it
 * stays in a register. The module exports them, which keeps the optimiser from turning them back into constants.
 */
export let nibbleMask: v128 = i8x16.splat(15);
export let bit4Mask: v128 = i8x16.splat(16);
export let pairMask: v128 = i8x16.splat(48);
export let sixBitMask: v128 = i8x16.splat(63);
export let lowByteMask: v128 = i16x8.splat(255);
/** float16.ts explains these two. */
export let halfMask: v128 = i32x4.splat(0x8fffffff);
export let halfRebias: v128 = f32x4.splat(5192296858534827628530496329220096.0);

/** Of e^x: the clamp, 1 / ln 2, ln 2 in two parts, the polynomial from its highest power down, and 1. */
export let expLow: v128 = f32x4.splat(-87.0);
export let expHigh: v128 = f32x4.splat(88.0);
export let expInverse: v128 = f32x4.splat(1.44269504088896341);
export let expLn2High: v128 = f32x4.splat(0.693359375);
export let expLn2Low: v128 = f32x4.splat(-2.12194440e-4);
export let exp7: v128 = f32x4.splat(1.9875691500e-4);
export let exp6: v128 = f32x4.splat(1.3981999507e-3);
export let exp5: v128 = f32x4.splat(8.3334519073e-3);
export let exp4: v128 = f32x4.splat(4.1665795894e-2);
export let exp3: v128 = f32x4.splat(1.6666665459e-1);
export let exp2: v128 = f32x4.splat(5.0000001201e-1);
export let one: v128 = f32x4.splat(1.0);
export let exponentBias: v128 = i32x4.splat(127);

/**
 * Swizzles that take byte `i` of every 32-bit lane into the low byte (`spread`) or the high byte (`raise`) of both its
 * 16-bit halves. -128 selects zero.
 */
export let spread0: v128 = i8x16(0, -128, 0, -128, 4, -128, 4, -128, 8, -128, 8, -128, 12, -128, 12, -128);
export let spread1: v128 = i8x16(1, -128, 1, -128, 5, -128, 5, -128, 9, -128, 9, -128, 13, -128, 13, -128);
export let spread2: v128 = i8x16(2, -128, 2, -128, 6, -128, 6, -128, 10, -128, 10, -128, 14, -128, 14, -128);
export let spread3: v128 = i8x16(3, -128, 3, -128, 7, -128, 7, -128, 11, -128, 11, -128, 15, -128, 15, -128);
export let raise0: v128 = i8x16(-128, 0, -128, 0, -128, 4, -128, 4, -128, 8, -128, 8, -128, 12, -128, 12);
export let raise1: v128 = i8x16(-128, 1, -128, 1, -128, 5, -128, 5, -128, 9, -128, 9, -128, 13, -128, 13);
export let raise2: v128 = i8x16(-128, 2, -128, 2, -128, 6, -128, 6, -128, 10, -128, 10, -128, 14, -128, 14);
export let raise3: v128 = i8x16(-128, 3, -128, 3, -128, 7, -128, 7, -128, 11, -128, 11, -128, 15, -128, 15);

/** The swizzle for byte `index` & 3; `index` is a constant wherever these are called. */
// @ts-ignore: decorator
@inline export function spread(index: u32): v128 {
  if ((index & 3) == 0) return spread0;
  if ((index & 3) == 1) return spread1;
  return (index & 3) == 2 ? spread2 : spread3;
}

// @ts-ignore: decorator
@inline export function raise(index: u32): v128 {
  if ((index & 3) == 0) return raise0;
  if ((index & 3) == 1) return raise1;
  return (index & 3) == 2 ? raise2 : raise3;
}
