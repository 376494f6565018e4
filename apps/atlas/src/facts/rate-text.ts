/** Large decimal quantities with three digits and the letter for their thousands: 3.3523e12 B/s -> "3.35 TB/s". */
const steps: readonly (readonly [number, string])[] = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** Models say B for a thousand million; without a unit so does this. */
export function rateText(value: number, unit: 'B/s' | 'op/s' | ''): string {
  const [size, letter] = steps.find(([size]) => value >= size) ?? [1, ''];
  const digits = Number((value / size).toPrecision(3));
  if (unit === '') return `${digits} ${letter === 'G' ? 'B' : letter}`.trim();
  return `${digits} ${letter}${unit}`;
}
