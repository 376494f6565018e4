/** Numbers and integers with bounds. */
import { type Expression, rule } from '../expression.ts';
import { anyInteger, DIGITS_MAX, sharedRules } from './json-text.ts';
import { type Decimal, decimalOf, integersBetween, scaledBetween } from './number-ranges.ts';
import { impossible, invalid, type SchemaObject } from './schema.ts';

/** Digits after the point where a bound does not ask for more. */
const PLACES_USUAL = 6;
const INTEGER_MAX = 10 ** DIGITS_MAX - 1;

interface Bound {
  readonly value: number;
  readonly exclusive: boolean;
}

export function numberGrammar(schema: SchemaObject, type: 'number' | 'integer', place: string): Expression {
  const lower = readBound(schema, 'minimum', 'exclusiveMinimum', place);
  const upper = readBound(schema, 'maximum', 'exclusiveMaximum', place);
  if (lower === null && upper === null) return type === 'integer' ? anyInteger() : rule(sharedRules.number);
  const places = type === 'integer' ? 0 : placesFor([lower, upper], place);
  const unitMax = type === 'integer' ? INTEGER_MAX : 10 ** DIGITS_MAX - 1;
  const low = lower === null ? -unitMax : scaleBound(lower, 1, places);
  const high = upper === null ? unitMax : scaleBound(upper, -1, places);
  if (low > high) throw impossible(place, 'the lower bound is above the upper one');
  if (low > unitMax || high < -unitMax) throw tooPrecise(place, low > unitMax ? lower : upper);
  const from = Math.max(low, -unitMax);
  const to = Math.min(high, unitMax);
  return type === 'integer' ? integersBetween(from, to) : scaledBetween(from, to, places);
}

/** The stricter of the two keywords of one side. */
function readBound(schema: SchemaObject, inclusive: string, exclusive: string, place: string): Bound | null {
  const bounds: Bound[] = [];
  for (const keyword of [inclusive, exclusive]) {
    const value = schema[keyword];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw invalid(place, keyword, value, 'a number');
    bounds.push({ value, exclusive: keyword === exclusive });
  }
  const [first, second] = bounds;
  if (first === undefined || second === undefined) return first ?? null;
  const sign = inclusive === 'minimum' ? 1 : -1;
  return sign * second.value >= sign * first.value ? second : first;
}

function placesFor(bounds: readonly (Bound | null)[], place: string): number {
  const decimals = bounds.map((bound) => (bound === null ? null : exactly(bound, place)));
  const needed = Math.max(...decimals.map((decimal) => decimal?.places ?? 0));
  const room = DIGITS_MAX - Math.max(...decimals.map((decimal) => decimal?.wholeDigits ?? 1));
  if (needed > room) throw tooPrecise(place, bounds.find((bound) => bound !== null) ?? null);
  return Math.min(Math.max(needed, PLACES_USUAL), room);
}

function exactly(bound: Bound, place: string): Decimal {
  const decimal = decimalOf(bound.value);
  if (decimal === null) throw tooPrecise(place, bound);
  return decimal;
}

/** The bound in units of 10^-places, moved inwards: by one unit where it is exclusive, to a whole unit elsewhere. */
function scaleBound(bound: Bound, inwards: 1 | -1, places: number): number {
  const decimal = places === 0 ? null : decimalOf(bound.value);
  if (decimal !== null) return decimal.scaled(places) + (bound.exclusive ? inwards : 0);
  const whole = inwards === 1 ? Math.ceil(bound.value) : Math.floor(bound.value);
  return whole + (bound.exclusive && whole === bound.value ? inwards : 0) + 0;
}

function tooPrecise(place: string, bound: Bound | null): Error {
  return invalid(place, 'a bound', bound?.value, `a number of at most ${DIGITS_MAX} digits`);
}
