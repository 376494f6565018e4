/** One prompt, with none, most and all but its last block found in the cache. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { firstTokenTime } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  return {
    'ttft-miss': firstTokenTime({ contextTokens: 8192 }),
    'ttft-part': firstTokenTime({ contextTokens: 8192, cachedTokens: 6144 }),
    'ttft-hit': firstTokenTime({ contextTokens: 8192, cachedTokens: 8176 }),
  };
}
