/** A source of uniform numbers in [0, 1). Cores take a Random as a parameter; nothing in this project calls Math.random. */
export type Random = () => number;

/**
 * Creates a seeded generator: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, passes BigCrush. The function
 * spreads a 32-bit seed over the state and drops the first twelve outputs, so that close seeds give unrelated streams.
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** Draws a whole number from the half-open interval [low, high). */
export function randomInteger(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low));
}
