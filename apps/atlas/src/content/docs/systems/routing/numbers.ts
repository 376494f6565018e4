/** Two requests of different size, and one with and without its prefix. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, firstTokenTime, ratio } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  return {
    'kv-128k': cacheBytesPerUser({ contextTokens: 131_072 }),
    'kv-512': cacheBytesPerUser({ contextTokens: 512 }),
    'size-ratio': ratio(131_072, 512, { meaning: 'tokens of one / tokens of the other' }),
    'ttft-miss': firstTokenTime({ contextTokens: 8192 }),
    'ttft-hit': firstTokenTime({ contextTokens: 8192, cachedTokens: 6144 }),
  };
}
