/**
 * Quantities whose units must not be mixed. The brands exist only in the type system; at run time they are numbers.
 * `80GiB` and `80GB` are different amounts, and `parseBytes` keeps them apart: binary suffixes (KiB, MiB, GiB, TiB) are
 * powers of 1024, decimal suffixes (kB, MB, GB, TB) are powers of 1000. Token counts have their own suffix rule,
 * because the field writes "128k" for 131072: see `parseTokens`.
 */
import { PlimsollError } from './errors.ts';

declare const unit: unique symbol;
type Quantity<Unit extends string> = number & { readonly [unit]: Unit };
export type Bytes = Quantity<'bytes'>;
export type Tokens = Quantity<'tokens'>;
export type Seconds = Quantity<'seconds'>;

export const KiB = 1024;
export const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;

const byteUnits: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: KiB,
  mib: MiB,
  gib: GiB,
  tib: 1024 ** 4,
};

export function bytes(value: number): Bytes {
  return value as Bytes;
}

export function seconds(value: number): Seconds {
  return value as Seconds;
}

/**
 * Parses "80GiB", "24 GB", "512MiB" or "1024 B". Refuses a number without a unit and a bare "G", because both are
 * ambiguous.
 */
export function parseBytes(text: string): Bytes {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const suffix = match?.[2]?.toLowerCase() ?? '';
  const factor = Object.hasOwn(byteUnits, suffix) ? byteUnits[suffix] : undefined;
  if (match === null || factor === undefined) {
    throw new PlimsollError({
      code: 'bad-bytes',
      message: `"${text}" is not an amount of memory`,
      value: text,
      limit: 'a number with B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024)',
      hint: 'write 80GiB for 80 x 1024^3 bytes, 80GB for 80 x 1000^3',
    });
  }
  return bytes(Math.round(Number(match[1]) * factor));
}

/**
 * Parses "4096", "128k" or "1M". Model names and flags write "k" for 1024 where the product is a power of two ("128k" =
 * 131072 for Llama 3.1); a decimal reading would plan a context that no model has. Therefore k = 1024 and M = 1024^2.
 * Underscores and commas between digits are allowed.
 */
export function parseTokens(text: string): Tokens {
  const match = /^\s*(\d[\d_,]*(?:\.\d+)?)\s*(k|m)?\s*$/i.exec(text);
  if (match !== null) {
    const count = Number(match[1]?.replaceAll(/[_,]/g, ''));
    const factor = { k: KiB, m: MiB }[match[2]?.toLowerCase() ?? ''] ?? 1;
    const total = Math.round(count * factor);
    if (Number.isSafeInteger(total) && total > 0) return total as Tokens;
  }
  throw new PlimsollError({
    code: 'bad-tokens',
    message: `"${text}" is not a number of tokens`,
    value: text,
    limit: 'a whole number above 0, with k = 1024 or M = 1048576',
    hint: 'write 8192, 8k or 128k',
  });
}

/** Formats bytes in binary units with a fixed number of digits: 17179869184 -> "16.00 GiB". */
export function formatBytes(value: number, digits = 2): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1000 * GiB) return `${(value / 1024 ** 4).toFixed(digits)} TiB`;
  if (magnitude >= GiB / 8) return `${(value / GiB).toFixed(digits)} GiB`;
  if (magnitude >= MiB) return `${(value / MiB).toFixed(digits)} MiB`;
  if (magnitude >= KiB) return `${(value / KiB).toFixed(digits)} KiB`;
  return `${value} B`;
}

/** Formats a count with thousands separators, the same in every locale: 131072 -> "131,072". */
export function formatCount(value: number): string {
  // A regular expression, because the first use of Intl costs 20 ms.
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Formats round token counts as the field writes them and other counts in full: 131072 -> "128k", 476016 -> "476,016". */
export function formatTokens(value: number): string {
  if (value >= KiB && value % KiB === 0) return `${value / KiB}k`;
  return formatCount(value);
}

/** Formats a duration with the unit that keeps two to four digits before the point: 0.0052 -> "5.20 ms". */
export function formatSeconds(value: number): string {
  if (value >= 100) return `${value.toFixed(0)} s`;
  if (value >= 1) return `${value.toFixed(2)} s`;
  if (value >= 1e-3) return `${(value * 1e3).toFixed(value >= 0.1 ? 0 : 2)} ms`;
  return `${(value * 1e6).toFixed(1)} µs`;
}
