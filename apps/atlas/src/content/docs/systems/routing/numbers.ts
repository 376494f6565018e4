/** Two requests of different size, and one with and without its prefix. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, firstTokenTime, ratio } from '../../../../numbers/reference-case.ts';

/** Tokens of a large request and of a small one; of a prompt, and what is cached of it. */
const [long, short] = [131_072, 512];
const [prompt, known] = [8192, 6144];

export default function numbers(): Record<string, ComputedNumber> {
  return {
    ...given({ long, short, prompt, known }),
    'kv-128k': cacheBytesPerUser({ contextTokens: long }),
    'kv-512': cacheBytesPerUser({ contextTokens: short }),
    'size-ratio': ratio(long, short, { meaning: 'tokens of one / tokens of the other' }),
    'ttft-miss': firstTokenTime({ contextTokens: prompt }),
    'ttft-hit': firstTokenTime({ contextTokens: prompt, cachedTokens: known }),
  };
}
