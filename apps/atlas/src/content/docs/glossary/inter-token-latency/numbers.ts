/** A decode step for few and many users with short and long contexts. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { stepTime } from '../../../../numbers/reference-case.ts';

/** Tokens each user has cached. */
const [short, long] = [1024, 8192];

export default function numbers(): Record<string, ComputedNumber> {
  const rows = [1, 16, 64].flatMap((users) => [
    [`itl-${users}-short`, stepTime({ contextTokens: short, users })] as const,
    [`itl-${users}-long`, stepTime({ contextTokens: long, users })] as const,
  ]);
  return { ...given({ short, long, 'users-16': 16, 'users-64': 64 }), ...Object.fromEntries(rows) };
}
