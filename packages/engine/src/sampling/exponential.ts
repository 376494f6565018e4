/**
 * exp(x) for x at or below zero, by table and three terms of the series: a vocabulary has 150,000 of them per token,
 * and Math.exp takes most of a sampler's time. Relative error below 1e-10; logits carry 1e-7. The result also does not
 * depend on the JavaScript engine, which Math.exp's may.
 */

const STEPS_PER_UNIT = 256;
/**
 * Below this the result is zero: a whole vocabulary of such tokens has less than 1e-11 of the probability of the
 * likeliest one.
 */
const NEGLIGIBLE_BELOW = -40;

const table = Float64Array.from({ length: -NEGLIGIBLE_BELOW * STEPS_PER_UNIT + 1 }, (_, step) =>
  Math.exp(-step / STEPS_PER_UNIT),
);

export function exponential(x: number): number {
  if (!(x > NEGLIGIBLE_BELOW)) return 0;
  const steps = (-x * STEPS_PER_UNIT) | 0;
  // In (-1/256, 0], so the first term left out is below 1e-11.
  const rest = x + steps / STEPS_PER_UNIT;
  return (table[steps] as number) * (1 + rest * (1 + rest * (0.5 + rest * (1 / 6))));
}
