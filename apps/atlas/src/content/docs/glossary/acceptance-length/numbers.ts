/** Tokens per step for guesses that are all accepted with one probability. */
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';

/** That one guess is accepted. */
const chances = [0.5, 0.7, 0.9];

export default function numbers(): Record<string, ComputedNumber> {
  const rows = chances.flatMap((chance) =>
    [2, 4, 8].map((guesses) => [`t-${chance * 100}-${guesses}`, tokensPerStep(chance, guesses)] as const),
  );
  return { ...Object.fromEntries(rows), ...Object.assign({}, ...chances.map(chosen)) };
}

function chosen(chance: number): Record<string, ComputedNumber> {
  return given({ [`chance-${chance * 100}`]: chance });
}

/** Leviathan et al. 2023, equation 1. */
function tokensPerStep(chance: number, guesses: number): ComputedNumber {
  const tokens = (1 - chance ** (guesses + 1)) / (1 - chance);
  return {
    text: tokens.toFixed(2),
    derivation: `(1 - a^(k+1)) / (1 - a) = (1 - ${chance}^${guesses + 1}) / (1 - ${chance})`,
  };
}
