/** Prompts of three lengths, with nobody else on the card. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { firstTokenTime } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  return {
    'ttft-512': firstTokenTime({ contextTokens: 512 }),
    'ttft-8k': firstTokenTime({ contextTokens: 8192 }),
    'ttft-128k': firstTokenTime({ contextTokens: 131_072 }),
  };
}
