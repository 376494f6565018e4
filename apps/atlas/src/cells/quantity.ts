/** Units of what charts, tables and cells show, and how each is written. */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutCount, aboutSeconds } from '@plimsoll/foundation/estimates';

export type Unit =
  | 'bytes'
  | 'tokens'
  | 'count'
  /** An estimate of a duration: two digits. */
  | 'seconds'
  /** An estimate per second: two digits. */
  | 'rate'
  /** Bytes per second, in the decimal units of data sheets. */
  | 'bandwidth'
  /** Operations per second, likewise. */
  | 'operations'
  /** A part of a whole, 0 to 1. */
  | 'share'
  /** A factor: how many times. */
  | 'ratio'
  | 'text';

/** The text of a value in a table. Null means that the value does not exist. */
export function formatQuantity(value: number | string | boolean | null, unit: Unit): string {
  if (value === null) return '–';
  if (typeof value !== 'number') return String(value);
  switch (unit) {
    case 'bytes':
      return formatBytes(value);
    case 'tokens':
      return formatTokens(value);
    case 'count':
      return formatCount(value);
    case 'seconds':
      return aboutSeconds(value);
    case 'rate':
      return aboutCount(value);
    case 'bandwidth':
      return `${Number((value / 1e9).toPrecision(4))} GB/s`;
    case 'operations':
      return `${Number((value / 1e12).toPrecision(4))} TFLOP/s`;
    case 'share':
      return `${(value * 100).toFixed(1)} %`;
    case 'ratio':
      return value.toFixed(value < 10 ? 2 : 1);
    case 'text':
      return String(value);
    default:
      return unit satisfies never;
  }
}

/** The text of a tick: short, without digits that a tick does not need. */
export function formatTick(value: number, unit: Unit): string {
  if (unit === 'bytes') return formatBytes(value, 1).replace(/\.0(?= )/, '');
  if (unit === 'share') return `${Math.round(value * 100)} %`;
  if (unit === 'ratio') return String(Number(value.toPrecision(2)));
  if (unit === 'rate' && value >= 10_000) return `${Number((value / 1000).toPrecision(2))}k`;
  return formatQuantity(value, unit);
}
