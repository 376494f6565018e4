/** Speed is a first-order estimate; it is printed with the two digits it deserves. */
import { formatCount, roundEstimate } from './units.ts';

export function aboutSeconds(seconds: number): string {
  const units: readonly [scale: number, name: string][] = [
    [1, 's'],
    [1e3, 'ms'],
    [1e6, 'us'],
  ];
  const [scale, name] = units.find(([factor]) => seconds * factor >= 1) ?? [1e6, 'us'];
  return `${formatNumber(roundEstimate(seconds * scale))} ${name}`;
}

/** Tokens per second and their like. */
export function aboutCount(count: number): string {
  return formatNumber(roundEstimate(count));
}

function formatNumber(value: number): string {
  return value >= 100 ? formatCount(value) : String(value);
}
