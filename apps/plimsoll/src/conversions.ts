/** Converted checkpoints by the endings of their names: the original and the format that the name states. */
import { PlimsollError } from '@plimsoll/foundation';
import { resolveModel } from '@plimsoll/registry';

/** Name endings, and the --weights format with which the original has the same plan. */
const conversions: readonly (readonly [RegExp, string])[] = [
  [/[-_.]awq(-int4)?$/i, 'awq'],
  [/[-_.](4bit-)?gptq(-int4)?$/i, 'gptq'],
  [/[-_.]nvfp4$/i, 'nvfp4'],
  [/[-_.]fp8(-dynamic|-block)?$/i, 'fp8'],
  [/[-_.](unsloth-)?bnb-4bit$/i, 'bitsandbytes'],
  [/[-_.](quantized\.)?w8a(8|16)(-int8)?$/i, 'int8'],
  [/[-_.](quantized\.)?w4a16$/i, 'int4'],
  [/[-_.]gguf$/i, 'Q4_K_M'],
];

export interface Conversion {
  /** Id of the original in the registry. */
  readonly id: string;
  readonly format: string;
}

/** Returns null if the name states no format, or if the registry does not know the rest of the name. */
export function conversionOf(name: string): Conversion | null {
  const found = conversions.find(([ending]) => ending.test(name));
  if (found === undefined) return null;
  try {
    return { id: resolveModel(name.replace(found[0], '')).id, format: found[1] };
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}
