/** Large decimal quantities with three digits and the letter for their thousands: 3.3523e12 B/s -> "3.35 TB/s". */
import { formatCount } from '@plimsoll/foundation';

const steps: readonly (readonly [number, string])[] = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** Models say B for a thousand million; without a unit so does this. */
export function rateText(value: number, unit: 'B/s' | ''): string {
  const [size, letter] = steps.find(([size]) => value >= size) ?? [1, ''];
  const digits = Number((value / size).toPrecision(3));
  if (unit === '') return `${digits} ${letter === 'G' ? 'B' : letter}`.trim();
  return `${digits} ${letter}${unit}`;
}

/**
 * Arithmetic of one number type as data sheets give it: floating-point operations apart from integer ones, and no unit
 * above T, so that the types of one device can be compared by eye.
 */
export function arithmeticRateText(type: string, perSecond: number): string {
  const [size, letter] = steps.find(([size]) => size <= 1e12 && perSecond >= size) ?? [1, ''];
  const value = Number((perSecond / size).toPrecision(3));
  const unit = type.startsWith('int') ? 'OP/s' : 'FLOP/s';
  return `${value < 1000 ? value : formatCount(value)} ${letter}${unit}`;
}
