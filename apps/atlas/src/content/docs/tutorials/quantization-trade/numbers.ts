/** The numbers of the quantization tutorial, on the reference case. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  firstTokenTime,
  referencePlan,
  usersThatFit,
  weightBytes,
} from '../../../../numbers/reference-case.ts';
import { contextTokens as fileContextTokens } from './cells/file-formats.ts';
import { busyUsers, contextTokens } from './cells/weight-formats.ts';

/** Tokens of a user who fills the card with others. */
const longTokens = 32_768;

export default function numbers(): Record<string, ComputedNumber> {
  return {
    ...given({
      context: contextTokens,
      'busy-users': busyUsers,
      'file-context': fileContextTokens,
      long: longTokens,
    }),
    'weights-16': weightBytes(referencePlan()),
    'weights-8': weightBytes(referencePlan({ weights: 'fp8' })),
    'weights-4': weightBytes(referencePlan({ weights: 'awq' })),
    'ttft-16': firstTokenTime({ contextTokens }),
    'ttft-8': firstTokenTime({ contextTokens, weights: 'fp8' }),
    'ttft-4': firstTokenTime({ contextTokens, weights: 'awq' }),
    'users-32k': usersThatFit({ contextTokens: longTokens }),
    'users-32k-fp8': usersThatFit({ contextTokens: longTokens, kvFormat: 'fp8' }),
  };
}
