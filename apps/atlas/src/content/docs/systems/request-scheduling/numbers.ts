/** The two ways to bring a preempted request back, on the reference case. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  firstTokenTime,
  pcieLink,
  referencePlan,
  transferTime,
} from '../../../../numbers/reference-case.ts';

const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const { bytesPerUser } = referencePlan({ contextTokens }).capacity;
  return {
    ...given({ context: contextTokens }),
    recompute: firstTokenTime({ contextTokens }),
    'kv-8k': cacheBytesPerUser({ contextTokens }),
    swap: transferTime(2 * bytesPerUser, pcieLink()),
  };
}
