/** Prompts of three lengths on the reference case. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { cacheBytesPerUser, firstTokenTime } from '../../../../numbers/reference-case.ts';

/** Tokens of a prompt. */
const prompts = { short: 1024, usual: 8192, long: 65_536 };

export default function numbers(): Record<string, ComputedNumber> {
  const rows = Object.entries(prompts).flatMap(([name, contextTokens]) => [
    [`ttft-${name}`, firstTokenTime({ contextTokens })] as const,
    [`kv-${name}`, cacheBytesPerUser({ contextTokens })] as const,
  ]);
  return { ...given(prompts), ...Object.fromEntries(rows) };
}
