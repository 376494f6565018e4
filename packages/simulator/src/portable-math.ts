/**
 * Logarithm and exponential with equal bits everywhere. The language leaves the last bit of `Math.log` and `Math.exp` to the
 * engine, and releases of one engine differ; sums, products and quotients are exact to the bit in all of them. After fdlibm:
 *
 *   Copyright (C) 1993, 2004 by Sun Microsystems, Inc. All rights reserved.
 *   Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved.
 */

const words = new DataView(new ArrayBuffer(8));

function highWord(value: number): number {
  words.setFloat64(0, value);
  return words.getInt32(0);
}

/** The number with other high bits: sign, exponent and the first 20 bits of the fraction. */
function withHighWord(value: number, high: number): number {
  words.setFloat64(0, value);
  words.setInt32(0, high);
  return words.getFloat64(0);
}

/** 2^exponent, for the exponents of normal numbers. */
function powerOfTwo(exponent: number): number {
  return withHighWord(0, (exponent + 1023) << 20);
}

const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const exponentOfSubnormal = -1021;

/** The natural logarithm: less than a unit in the last place from the true value. */
export function portableLog(value: number): number {
  if (Number.isNaN(value) || value < 0) return Number.NaN;
  if (value === 0) return -Infinity;
  if (value === Infinity) return Infinity;
  const isSubnormal = highWord(value) < 0x0010_0000;
  const scaled = isSubnormal ? value * powerOfTwo(54) : value;
  const high = highWord(scaled);
  const fraction = high & 0x000f_ffff;
  // The mantissa lies between sqrt(1/2) and sqrt(2).
  const carry = (fraction + 0x9_5f64) & 0x10_0000;
  const power = (high >> 20) - 1023 + (carry >> 20) - (isSubnormal ? 54 : 0);
  const f = withHighWord(scaled, fraction | (carry ^ 0x3ff0_0000)) - 1;
  if ((0x000f_ffff & (2 + fraction)) < 3) return logNearOne(f, power);
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd =
    z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const rest = odd + even;
  if (((fraction - 0x6_147a) | (0x6_b851 - fraction)) > 0) {
    const half = 0.5 * f * f;
    if (power === 0) return f - (half - s * (half + rest));
    return power * ln2High - (half - (s * (half + rest) + power * ln2Low) - f);
  }
  if (power === 0) return f - s * (f - rest);
  return power * ln2High - (s * (f - rest) - power * ln2Low - f);
}

/** The logarithm of (1 + f) 2^power for |f| < 2^-20. */
function logNearOne(f: number, power: number): number {
  if (f === 0) return power === 0 ? 0 : power * ln2High + power * ln2Low;
  const rest = f * f * (0.5 - 0.3333333333333333 * f);
  return power === 0 ? f - rest : power * ln2High - (rest - power * ln2Low - f);
}

const largestExponent = 709.782712893384;
const smallestExponent = -745.1332191019411;
const inverseLn2 = Math.LOG2E;

/** e^value: less than a unit in the last place from the true value. */
export function portableExp(value: number): number {
  if (Number.isNaN(value)) return value;
  if (value > largestExponent) return Infinity;
  if (value < smallestExponent) return 0;
  if (value === 1) return Math.E;
  const high = highWord(value) & 0x7fff_ffff;
  if (high < 0x3e30_0000) return 1 + value;
  const power = powerOf(value, high);
  const hi = value - power * ln2High;
  const lo = power * ln2Low;
  const x = hi - lo;
  const t = x * x;
  const c =
    x -
    t *
      (0.16666666666666602 +
        t *
          (-0.0027777777777015593 +
            t * (6.613756321437934e-5 + t * (-1.6533902205465252e-6 + t * 4.1381367970572385e-8))));
  if (power === 0) return 1 - ((x * c) / (c - 2) - x);
  const y = 1 - (lo - (x * c) / (2 - c) - hi);
  if (power === 1024) return y * 2 * powerOfTwo(1023);
  if (power >= exponentOfSubnormal) return y * powerOfTwo(power);
  return y * powerOfTwo(power + 1000) * powerOfTwo(-1000);
}

/** The power of two next to e^value. `high` is the high word of |value|. */
function powerOf(value: number, high: number): number {
  if (high <= 0x3fd6_2e42) return 0;
  const sign = value < 0 ? -1 : 1;
  if (high < 0x3ff0_a2b2) return sign;
  return Math.trunc(inverseLn2 * value + sign * 0.5);
}
