/**
 * e^x on four lanes: 2^n times a polynomial on [-ln2/2, ln2/2] (coefficients of Cephes expf, Stephen Moshier). Relative
 * error below 2e-7. Arguments are clamped to [-87, 88], so results stay normal and finite; a NaN stays a NaN, because
 * pmin(x, y) and pmax(x, y) return x if the comparison fails.
 */
import * as k from './masks';

// @ts-ignore: decorator
@inline export function exponential(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, k.expHigh), k.expLow);
  const n = f32x4.nearest(f32x4.mul(clamped, k.expInverse));
  let r = f32x4.sub(clamped, f32x4.mul(n, k.expLn2High));
  r = f32x4.sub(r, f32x4.mul(n, k.expLn2Low));
  let p = f32x4.add(f32x4.mul(k.exp7, r), k.exp6);
  p = f32x4.add(f32x4.mul(p, r), k.exp5);
  p = f32x4.add(f32x4.mul(p, r), k.exp4);
  p = f32x4.add(f32x4.mul(p, r), k.exp3);
  p = f32x4.add(f32x4.mul(p, r), k.exp2);
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), k.one);
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), k.exponentBias), 23);
  return f32x4.mul(p, power);
}

/** x / (1 + e^-x), which is x times the logistic function. */
// @ts-ignore: decorator
@inline export function silu(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1.0), exponential(f32x4.neg(x))));
}

/** tanh(x) = 1 - 2 / (e^2x + 1); absolute error below 2e-7. */
// @ts-ignore: decorator
@inline export function tanhyp(x: v128): v128 {
  const e = exponential(f32x4.add(x, x));
  return f32x4.sub(f32x4.splat(1.0), f32x4.div(f32x4.splat(2.0), f32x4.add(e, f32x4.splat(1.0))));
}

/** GELU in its tanh form: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
// @ts-ignore: decorator
@inline export function gelu(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  const inner = f32x4.add(x, f32x4.mul(cube, f32x4.splat(0.044715)));
  const t = tanhyp(f32x4.mul(inner, f32x4.splat(0.7978845608028654)));
  return f32x4.mul(f32x4.mul(x, f32x4.splat(0.5)), f32x4.add(t, f32x4.splat(1.0)));
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline export function horizontalSum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2)) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}

/** Largest of the four lanes. */
// @ts-ignore: decorator
@inline export function horizontalMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 2)),
    max(f32x4.extract_lane(v, 1), f32x4.extract_lane(v, 3)),
  );
}
