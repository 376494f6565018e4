/** Prompts of three lengths, with nobody else on the card. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { firstTokenTime } from '../../../../numbers/reference-case.ts';

/** Tokens of a prompt. */
const prompts = { short: 512, usual: 8192, long: 131_072 };

export default function numbers(): Record<string, ComputedNumber> {
  const times = Object.entries(prompts).map(
    ([name, contextTokens]) => [`ttft-${name}`, firstTokenTime({ contextTokens })] as const,
  );
  return { ...given(prompts), ...Object.fromEntries(times) };
}
