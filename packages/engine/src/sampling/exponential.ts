/**
 * exp(x) for x <= 0, by a table and a series up to the third power. A sampler computes 150,000 of them per token, and
 * Math.exp would take most of its time. The relative error is below 1e-10; logits have an error of 1e-7. The result is
 * the same in every JavaScript engine; the result of Math.exp may not be.
 */

const STEPS_PER_UNIT = 256;
/**
 * Below this the result is zero: a whole vocabulary of such tokens has less than 1e-11 of the probability of the most
 * likely token.
 */
const NEGLIGIBLE_BELOW = -40;

const table = Float64Array.from({ length: -NEGLIGIBLE_BELOW * STEPS_PER_UNIT + 1 }, (_, step) =>
  Math.exp(-step / STEPS_PER_UNIT),
);

export function exponential(x: number): number {
  if (!(x > NEGLIGIBLE_BELOW)) return 0;
  const steps = (-x * STEPS_PER_UNIT) | 0;
  // In (-1/256, 0], so the first omitted term is below 1e-11.
  const rest = x + steps / STEPS_PER_UNIT;
  return (table[steps] as number) * (1 + rest * (1 + rest * (0.5 + rest * (1 / 6))));
}
