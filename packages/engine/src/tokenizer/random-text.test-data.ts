/** Random texts of the kinds that tokenizers get wrong. */
import fc from 'fast-check';
import { nastyTexts } from './fixtures.test-data.ts';

const runs = fc
  .tuple(fc.constantFrom(' ', '\n', '0', 'a', '▁', '\u0301', '船', '👍', "'", '\r\n', ' a'), fc.nat(70))
  .map(([unit, count]) => unit.repeat(count));

/** Lone surrogates included: texts of JavaScript may have them. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.constantFrom(...nastyTexts),
      fc.constantFrom('\ud800', '\udc00', '\ufeff', '\u0000'),
      runs,
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
