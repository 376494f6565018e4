/** Numbers of a report as the command line writes them. */
import { formatCount } from '@plimsoll/foundation';

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function rate(value: number): string {
  return value >= 100 ? formatCount(value) : String(Number(value.toPrecision(3)));
}
