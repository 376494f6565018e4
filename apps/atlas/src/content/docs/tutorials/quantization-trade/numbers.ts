/** The numbers of the quantization tutorial, on the reference case. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  firstTokenTime,
  referencePlan,
  usersThatFit,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  return {
    'weights-16': weightBytes(referencePlan()),
    'weights-8': weightBytes(referencePlan({ weights: 'fp8' })),
    'weights-4': weightBytes(referencePlan({ weights: 'awq' })),
    'ttft-16': firstTokenTime({ contextTokens: 8192 }),
    'ttft-8': firstTokenTime({ contextTokens: 8192, weights: 'fp8' }),
    'ttft-4': firstTokenTime({ contextTokens: 8192, weights: 'awq' }),
    'users-32k': usersThatFit({ contextTokens: 32_768 }),
    'users-32k-fp8': usersThatFit({ contextTokens: 32_768, kvFormat: 'fp8' }),
  };
}
