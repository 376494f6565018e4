/** A decode step for few and many users with short and long contexts. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';
import { stepTime } from '../../../../numbers/reference-case.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const rows = [1, 16, 64].flatMap((users) => [
    [`itl-${users}-1k`, stepTime({ contextTokens: 1024, users })] as const,
    [`itl-${users}-8k`, stepTime({ contextTokens: 8192, users })] as const,
  ]);
  return Object.fromEntries(rows);
}
