/** The schemes of the common formats, and the scales and zero points that each stores with the weights. */
import type { WeightScheme } from '../../model-spec.ts';

const plain = {
  groupSize: null,
  blockShape: null,
  perTensor: false,
  zeroPoints: false,
  scaleType: 'fp32',
  channelOrder: false,
} as const;

/** One fp8 scale per output channel by default. */
export function fp8Scheme(options: Partial<WeightScheme> = {}): WeightScheme {
  return Object.freeze({ ...plain, weights: 'fp8', ...options });
}

/**
 * Integers with scales and zero points per group, in the model's 16-bit type. Null if no scheme has this number of
 * bits.
 */
export function integerScheme(bits: number, options: Partial<WeightScheme> = {}): WeightScheme | null {
  const weights = ({ 2: 'int2', 3: 'int3', 4: 'int4', 8: 'int8' } as const)[bits];
  return weights === undefined ? null : Object.freeze({ ...plain, scaleType: 'fp16', ...options, weights });
}

/** One e4m3 scale per 16 elements and one fp32 scale per tensor (NVIDIA, NVFP4). */
export function nvfp4Scheme(groupSize = 16): WeightScheme {
  return Object.freeze({ ...plain, weights: 'nvfp4', groupSize, scaleType: 'e4m3' });
}

/** One e8m0 scale per 32 elements (OCP Microscaling Formats 1.0). */
export function microscalingScheme(weights: 'mxfp4' | 'mxfp8', groupSize = 32): WeightScheme {
  return Object.freeze({ ...plain, weights, groupSize, scaleType: 'e8m0' });
}

/** bitsandbytes: blocks of 64 with an fp32 maximum each; nested, one byte per block and one fp32 per 256 blocks. */
export function bitsandbytesScheme(weights: 'nf4' | 'fp4', nested: boolean): WeightScheme {
  return Object.freeze({ ...plain, weights, groupSize: 64, scaleType: nested ? 'nested' : 'fp32' });
}
