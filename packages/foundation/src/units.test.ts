import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PlimsollError } from './errors.ts';
import { formatBytes, formatSeconds, formatTokens, parseBytes, parseTokens } from './units.ts';

test('binary and decimal suffixes are different amounts', () => {
  expect(['80GiB', '80GB', '24 GB', '512MiB', '1.5 TiB', '4096 B'].map(parseBytes)).toEqual([
    85_899_345_920, 80_000_000_000, 24_000_000_000, 536_870_912, 1_649_267_441_664, 4096,
  ]);
});

test('parseBytes refuses an amount without a clear unit and names a way out', () => {
  for (const text of ['80G', '80', 'GiB', '-1GiB', '1e3GiB', '', '5 constructor']) {
    expect(() => parseBytes(text)).toThrowError(PlimsollError);
  }
  expect(() => parseBytes('80G')).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: "80G" is not an amount of memory]`,
  );
});

test('parseTokens reads k as 1024, accepts separators and refuses nonsense', () => {
  expect(['4096', '128k', '1M', '131_072', '131,072', '8K'].map(parseTokens)).toEqual([
    4096, 131_072, 1_048_576, 131_072, 131_072, 8192,
  ]);
  for (const text of ['0', '-5', '12x', 'k', '1e9', ''])
    expect(() => parseTokens(text)).toThrowError(PlimsollError);
});

test('formatted values keep their order of magnitude', () => {
  expect(
    [0, 512, 2048, 3 * 1024 ** 2, 15 * 1024 ** 3, 14 * 1024 ** 4].map((value) => formatBytes(value)),
  ).toEqual(['0 B', '512 B', '2.00 KiB', '3.00 MiB', '15.00 GiB', '14.00 TiB']);
  expect([131_072, 476_016, 8192, 100].map(formatTokens)).toEqual(['128k', '476,016', '8k', '100']);
  expect([0.0052, 0.25, 12.8, 250, 2e-6].map(formatSeconds)).toEqual([
    '5.20 ms',
    '250 ms',
    '12.80 s',
    '250 s',
    '2.0 µs',
  ]);
});

test('any text parses to an amount or fails with a typed error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const parse of [parseBytes, parseTokens]) {
        try {
          expect(parse(text)).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(PlimsollError);
        }
      }
    }),
  );
});
