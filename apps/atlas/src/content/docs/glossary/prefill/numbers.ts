/** Prompts of three lengths on the reference case. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, firstTokenTime } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  return {
    'ttft-1k': firstTokenTime({ contextTokens: 1024 }),
    'ttft-8k': firstTokenTime({ contextTokens: 8192 }),
    'ttft-64k': firstTokenTime({ contextTokens: 65_536 }),
    'kv-1k': cacheBytesPerUser({ contextTokens: 1024 }),
    'kv-8k': cacheBytesPerUser({ contextTokens: 8192 }),
    'kv-64k': cacheBytesPerUser({ contextTokens: 65_536 }),
  };
}
