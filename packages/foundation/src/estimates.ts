/** Formats speed estimates with two digits, because a first-order model knows no more. */
import { formatCount } from './units.ts';

export function aboutSeconds(seconds: number): string {
  const units: readonly [scale: number, name: string][] = [
    [1, 's'],
    [1e3, 'ms'],
    [1e6, 'us'],
  ];
  const [scale, name] = units.find(([factor]) => seconds * factor >= 1) ?? [1e6, 'us'];
  return `${formatNumber(roundEstimate(seconds * scale))} ${name}`;
}

/** Formats tokens per second and other rates. */
export function aboutCount(count: number): string {
  return formatNumber(roundEstimate(count));
}

/** Rounds an estimate to two digits. */
export function roundEstimate(value: number): number {
  return Number(value.toPrecision(2));
}

function formatNumber(value: number): string {
  return value >= 100 ? formatCount(value) : String(value);
}
