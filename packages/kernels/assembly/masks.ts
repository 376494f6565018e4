/**
 * Constants of the hot loops, as mutable globals. V8 builds a constant v128 at every use (an immediate, a move and an
 * unpack on x86-64, inside the loop); the splat of a word from a global runs once before the loop and stays in a
 * register. A global v128 would do the same, but V8's revectoriser cannot pair it with itself. The module exports the
 * globals, which prevents the optimiser from turning them back into constants.
 */
export let nibbleMask: i32 = 0x0f0f0f0f;
export let bit4Mask: i32 = 0x10101010;
export let pairMask: i32 = 0x30303030;
export let sixBitMask: i32 = 0x3f3f3f3f;
export let lowByteMask: i32 = 0x00ff00ff;
export let lowerHalf: i32 = 0x0000ffff;
export let lowByte: i32 = 0x000000ff;
export let ones: i32 = 0x00010001;
export let twice: i32 = 0x00010001;
export let halfMaskWord: i32 = 0x8fffffff;
/** The value of a fifth bit, which is also subtracted from quants that have one (tile-sums-32.ts). */
export let fifthBitValue: f32 = 16.0;
export let halfRebiasFloat: f32 = 5192296858534827628530496329220096.0;

/**
 * Vectors for kernels that the revectoriser does not widen: a global v128 is one load, and stays in a register after it
 * is read into a local. float16.ts explains the first two.
 */
export let halfMask: v128 = i32x4.splat(0x8fffffff);
export let halfRebias: v128 = f32x4.splat(5192296858534827628530496329220096.0);
/** 1.5 x 2^23, for quantise.ts. */
export let roundMagic: v128 = f32x4.splat(12582912.0);

/** For e^x: the clamp, 1 / ln 2, ln 2 in two parts, the polynomial from its highest power down, and 1. */
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
