/** Seeded choices for mutations. */
import { defined } from '@plimsoll/foundation';
import { type Random, randomInteger } from '@plimsoll/foundation/random';

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return defined(items[randomInteger(random, 0, items.length)], 'there is something to choose from');
}

export function chance(random: Random, share: number): boolean {
  return random() < share;
}

/** Picks an index; returns null for an empty list. */
export function place(random: Random, items: ArrayLike<unknown>): number | null {
  return items.length === 0 ? null : randomInteger(random, 0, items.length);
}

/** Whole numbers at which counts, sizes and indexes go wrong. */
export const wholeEdges: readonly number[] = [
  0,
  1,
  2,
  3,
  5,
  7,
  8,
  12,
  31,
  32,
  33,
  64,
  65,
  100,
  127,
  128,
  255,
  256,
  1000,
  4096,
  65_535,
  65_536,
  1_000_000,
  2 ** 24,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** Numbers at which arithmetic goes wrong. */
export const realEdges: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e-45,
  1e-38,
  1e-12,
  1e-5,
  2,
  1000,
  10_000,
  1e9,
  3e38,
  -3e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** Returns a number near the given value, or at an edge. */
export function changedNumber(random: Random, value: number): number {
  const near = [value + 1, value - 1, value * 2, Math.floor(value / 2), -value];
  return chance(random, 0.4) ? pick(random, near) : pick(random, wholeEdges);
}

/** Returns a text that is long, empty, or made of characters that terminals, parsers and tokenizers treat specially. */
export function oddText(random: Random): string {
  const texts: readonly (() => string)[] = [
    () => '',
    () => ' ',
    () => 'a'.repeat(randomInteger(random, 1, 20_000)),
    () => ' '.repeat(randomInteger(random, 1, 20_000)),
    () => '\u001b[2J\u0007',
    () => '\ud83d',
    () => '\u0000',
    () => 'é\u0301'.repeat(randomInteger(random, 1, 100)),
    () => '{{'.repeat(randomInteger(random, 1, 200)),
    () => String.fromCharCode(...Array.from({ length: 8 }, () => randomInteger(random, 0, 65_536))),
  ];
  return pick(random, texts)();
}
