/**
 * A range of code points as sequences of byte ranges: U+0080 to U+07FF is C2..DF then 80..BF. The range is cut where
 * the encoded length changes and where the leading bytes do, after Ken Thompson's grep and
 * https://docs.rs/regex-syntax/latest/regex_syntax/utf8/
 */
import type { CodePointRange } from './expression.ts';

export interface ByteRange {
  readonly low: number;
  readonly high: number;
}

/** Last code points of one, two and three bytes. */
const LENGTH_ENDS = [0x7f, 0x7ff, 0xffff] as const;

export function utf8Sequences(range: CodePointRange): readonly (readonly ByteRange[])[] {
  const { low, high } = range;
  for (const end of LENGTH_ENDS) {
    if (low <= end && high > end) {
      return [...utf8Sequences({ low, high: end }), ...utf8Sequences({ low: end + 1, high })];
    }
  }
  if (high <= 0x7f) return [[{ low, high }]];
  // Six bits per byte after the first: where more than those differ, the last bytes must run over their whole range.
  for (let bits = 6; bits <= 18; bits += 6) {
    const mask = (1 << bits) - 1;
    if (low >> bits === high >> bits) break;
    if ((low & mask) !== 0) {
      return [...utf8Sequences({ low, high: low | mask }), ...utf8Sequences({ low: (low | mask) + 1, high })];
    }
    if ((high & mask) !== mask) {
      return [
        ...utf8Sequences({ low, high: (high & ~mask) - 1 }),
        ...utf8Sequences({ low: high & ~mask, high }),
      ];
    }
  }
  const first = encode(low);
  const last = encode(high);
  return [first.map((byte, index) => ({ low: byte, high: last[index] ?? byte }))];
}

function encode(codePoint: number): readonly number[] {
  return Array.from(new TextEncoder().encode(String.fromCodePoint(codePoint)));
}
