/** One model in three weight formats, and with its cache in 8 bits. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  referencePlan,
  stepTime,
  usersThatFit,
  type Variation,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const rows = ['bf16', 'fp8', 'awq'].flatMap((weights) => [
    [`size-${weights}`, weightBytes(referencePlan({ weights }))] as const,
    [`users-${weights}`, usersThatFit({ weights, contextTokens })] as const,
    [`step-${weights}`, stepTime({ weights, contextTokens })] as const,
  ]);
  return {
    ...given({ context: contextTokens }),
    ...Object.fromEntries(rows),
    'users-kv8': usersThatFit({ kvFormat: 'fp8', contextTokens }),
    'gain-weights': gain({ weights: 'awq' }),
    'gain-cache': gain({ kvFormat: 'fp8' }),
  };
}

/** Users a variation adds to the plain 16-bit case. */
function gain(variation: Variation): ComputedNumber {
  const users = (changed: Variation): number =>
    referencePlan({ ...changed, contextTokens }).capacity.usersMax;
  return {
    text: String(users(variation) - users({})),
    derivation: `${users(variation)} users - ${users({})} in 16 bits`,
  };
}
