/** The two ways to bring a preempted request back, on the reference case. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  firstTokenTime,
  pcieLink,
  referencePlan,
  transferTime,
} from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const { bytesPerUser } = referencePlan({ contextTokens: 8192 }).capacity;
  return {
    recompute: firstTokenTime({ contextTokens: 8192 }),
    'kv-8k': cacheBytesPerUser({ contextTokens: 8192 }),
    swap: transferTime(2 * bytesPerUser, pcieLink()),
  };
}
