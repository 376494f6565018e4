/** Tokens per step for guesses that are all accepted with one probability. */
import type { ComputedNumber } from '../../../../numbers/computed-number.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const rows = [0.5, 0.7, 0.9].flatMap((chance) =>
    [2, 4, 8].map((guesses) => [`t-${chance * 100}-${guesses}`, tokensPerStep(chance, guesses)] as const),
  );
  return Object.fromEntries(rows);
}

/** Leviathan et al. 2023, equation 1. */
function tokensPerStep(chance: number, guesses: number): ComputedNumber {
  const tokens = (1 - chance ** (guesses + 1)) / (1 - chance);
  return {
    text: tokens.toFixed(2),
    derivation: `(1 - a^(k+1)) / (1 - a) = (1 - ${chance}^${guesses + 1}) / (1 - ${chance})`,
  };
}
