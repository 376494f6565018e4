/**
 * Numbers between two bounds, as decimal digits. All digits together stay within fifteen, because decimals of fifteen
 * digits are told apart by doubles: a text above a bound is then also a number above it. Exponents are not used.
 */
import { characters, choice, type Expression, repeat, sequence, text } from '../expression.ts';
import { DIGITS_MAX, digit, emptyText } from './json-text.ts';

/** Whole numbers from `low` to `high`, both included and within fifteen digits. */
export function integersBetween(low: number, high: number): Expression {
  return scaledBetween(low, high, 0);
}

/** Numbers from low / 10^places to high / 10^places, both included, with at most that many digits after the point. */
export function scaledBetween(low: number, high: number, places: number): Expression {
  const options: Expression[] = [];
  if (low < 0) options.push(sequence(text('-'), positiveBetween(Math.max(1, -high), -low, places)));
  if (high >= 0) options.push(positiveBetween(Math.max(0, low), high, places));
  return choice(...options);
}

function positiveBetween(low: number, high: number, places: number): Expression {
  const unit = 10 ** places;
  const lowWhole = Math.floor(low / unit);
  const highWhole = Math.floor(high / unit);
  const nines = unit - 1;
  const part = (whole: number, from: number, to: number): Expression =>
    sequence(text(String(whole)), fractionBetween(from, to, places));
  if (lowWhole === highWhole) return part(lowWhole, low % unit, high % unit);
  const options = [part(lowWhole, low % unit, nines), part(highWhole, 0, high % unit)];
  if (highWhole - lowWhole > 1) {
    options.push(sequence(wholeBetween(lowWhole + 1, highWhole - 1), fractionBetween(0, nines, places)));
  }
  return choice(...options);
}

function wholeBetween(low: number, high: number): Expression {
  const options: Expression[] = [];
  for (let length = String(low).length; length <= String(high).length; length++) {
    const from = String(Math.max(low, length === 1 ? 0 : 10 ** (length - 1)));
    const to = String(Math.min(high, 10 ** length - 1));
    options.push(digitsBetween(from, to, false));
  }
  return choice(...options);
}

/** What may follow the whole part so that the fraction lies between two whole numbers of `places` digits. */
function fractionBetween(low: number, high: number, places: number): Expression {
  if (places === 0) return emptyText;
  const from = String(low).padStart(places, '0');
  const to = String(high).padStart(places, '0');
  const fraction = sequence(text('.'), digitsBetween(from, to, true));
  return low === 0 ? choice(emptyText, fraction) : fraction;
}

/**
 * Digit strings between two of one length. A fraction may stop early where zeros would satisfy the lower bound; at
 * least one digit is always written.
 */
function digitsBetween(low: string, high: string, mayStop: boolean): Expression {
  const length = low.length;
  if (/^0*$/.test(low) && /^9*$/.test(high))
    return repeat(digit, mayStop ? Math.min(1, length) : length, length);
  const after = (from: string, to: string): Expression => {
    if (from.length === 0) return emptyText;
    const rest = digitsBetween(from, to, mayStop);
    return mayStop && /^0*$/.test(from) ? choice(emptyText, rest) : rest;
  };
  const lowFirst = Number(low[0]);
  const highFirst = Number(high[0]);
  const lowRest = low.slice(1);
  const highRest = high.slice(1);
  const zeros = '0'.repeat(length - 1);
  const nines = '9'.repeat(length - 1);
  if (lowFirst === highFirst) return sequence(text(String(lowFirst)), after(lowRest, highRest));
  const options = [
    sequence(text(String(lowFirst)), after(lowRest, nines)),
    sequence(text(String(highFirst)), after(zeros, highRest)),
  ];
  if (highFirst - lowFirst > 1) {
    options.push(sequence(characters(`${lowFirst + 1}-${highFirst - 1}`), after(zeros, nines)));
  }
  return choice(...options);
}

/** A double as a whole number of 10^-places, exactly as its shortest decimal says. */
export interface Decimal {
  readonly wholeDigits: number;
  readonly places: number;
  /** The number times 10^places, for `places` up to what keeps it within fifteen digits. */
  scaled(places: number): number;
}

/** Null when the number needs more than fifteen digits. */
export function decimalOf(value: number): Decimal | null {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  const digits = (whole + fraction).replace(/^0+/, '');
  const places = Math.max(0, fraction.length - exponent);
  const wholeDigits = Math.max(1, digits.length + exponent - fraction.length);
  if (wholeDigits + places > DIGITS_MAX) return null;
  const scaled = (wanted: number): number => {
    const shifted = `${sign}${digits === '' ? '0' : digits}e${wanted + exponent - fraction.length}`;
    return Math.round(Number(shifted)) + 0;
  };
  return { wholeDigits, places, scaled };
}
