/** Large decimal quantities with three digits and the letter for their thousands: 3.3523e12 B/s -> "3.35 TB/s". */
import { formatCount } from '@plimsoll/foundation';

const steps: readonly (readonly [number, string])[] = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** The letter is B for 10^9 if there is no unit, as in the names of models. */
export function rateText(value: number, unit: 'B/s' | ''): string {
  const [size, letter] = steps.find(([size]) => value >= size) ?? [1, ''];
  const digits = Number((value / size).toPrecision(3));
  if (unit === '') return `${digits} ${letter === 'G' ? 'B' : letter}`.trim();
  return `${digits} ${letter}${unit}`;
}

/**
 * The rate of one number type as data sheets write it: floating-point and integer operations have different units, and no
 * unit is above T, so that a reader can compare the types of one device.
 */
export function arithmeticRateText(type: string, perSecond: number): string {
  const [size, letter] = steps.find(([size]) => size <= 1e12 && perSecond >= size) ?? [1, ''];
  const value = Number((perSecond / size).toPrecision(3));
  const unit = type.startsWith('int') ? 'OP/s' : 'FLOP/s';
  return `${value < 1000 ? value : formatCount(value)} ${letter}${unit}`;
}
