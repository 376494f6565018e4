/** The parts of JSON that every schema shares: characters of strings, separators, and values of any kind. RFC 8259. */
import {
  type CodePointRange,
  characters,
  choice,
  type Expression,
  intersectRanges,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from '../expression.ts';

/**
 * Where the grammar allows white space. `none`: nowhere. `single`: one space may follow a colon or comma, as most models write
 * JSON in one line. `flexible`: also line breaks with up to 20 spaces or tabs, as llama.cpp's JSON grammar allows.
 */
export type Whitespace = 'none' | 'single' | 'flexible';

const LINE_INDENT_MAX = 20;

export const sharedRules = {
  character: 'json character',
  hex: 'json hex',
  gap: 'json gap',
  value: 'json value',
  string: 'json string',
  number: 'json number',
} as const;

/** Characters that need no escape inside quotes. */
export const plainRanges: readonly CodePointRange[] = [
  { low: 0x20, high: 0x21 },
  { low: 0x23, high: 0x5b },
  { low: 0x5d, high: 0x10ffff },
];

export const emptyText: Expression = text('');
export const comma: Expression = sequence(text(','), rule(sharedRules.gap));
export const colon: Expression = sequence(text(':'), rule(sharedRules.gap));

/** A double holds every number of this many digits exactly. */
export const DIGITS_MAX = 15;
const EXPONENT_DIGITS_MAX = 2;

export const digit: Expression = characters('0-9');

/** Adds optional gaps inside the brackets where line breaks are allowed. */
export function bracketed(
  open: string,
  inside: Expression,
  close: string,
  whitespace: Whitespace,
): Expression {
  if (whitespace !== 'flexible') return sequence(text(open), inside, text(close));
  const gap = rule(sharedRules.gap);
  return sequence(text(open), gap, inside, gap, text(close));
}

/** `first` and more of `next`, or nothing. */
export function listOf(item: Expression): Expression {
  return optional(sequence(item, repeat(sequence(comma, item), 0, Infinity)));
}

export function jsonRules(whitespace: Whitespace): ReadonlyMap<string, Expression> {
  const hex = rule(sharedRules.hex);
  const value = rule(sharedRules.value);
  const string = rule(sharedRules.string);
  // A surrogate alone is no character and a pair of them counts as one, so neither may be written as an escape.
  const unicodeEscape = choice(
    sequence(characters('0-9', 'a-c', 'A-C', 'e-f', 'E-F'), hex, hex, hex),
    sequence(characters('d', 'D'), characters('0-7'), hex, hex),
  );
  const escapes = choice(
    characters('"', '\\', '/', 'b', 'f', 'n', 'r', 't'),
    sequence(text('u'), unicodeEscape),
  );
  const gaps = {
    none: emptyText,
    single: optional(text(' ')),
    flexible: optional(
      choice(text(' '), sequence(text('\n'), repeat(characters(' ', '\t'), 0, LINE_INDENT_MAX))),
    ),
  };
  return new Map<string, Expression>([
    [sharedRules.hex, characters('0-9', 'a-f', 'A-F')],
    [
      sharedRules.character,
      choice({ kind: 'characters', ranges: plainRanges }, sequence(text('\\'), escapes)),
    ],
    [sharedRules.gap, gaps[whitespace]],
    [sharedRules.string, sequence(text('"'), repeat(rule(sharedRules.character), 0, Infinity), text('"'))],
    [sharedRules.number, anyNumber()],
    [
      sharedRules.value,
      choice(
        bracketed('{', listOf(sequence(string, colon, value)), '}', whitespace),
        bracketed('[', listOf(value), ']', whitespace),
        string,
        rule(sharedRules.number),
        ...['true', 'false', 'null'].map(text),
      ),
    ],
  ]);
}

/** No leading zeros and no minus zero. */
export function anyInteger(): Expression {
  return choice(text('0'), sequence(optional(text('-')), positiveDigits()));
}

function positiveDigits(): Expression {
  return sequence(characters('1-9'), repeat(digit, 0, DIGITS_MAX - 1));
}

function anyNumber(): Expression {
  const fraction = sequence(text('.'), repeat(digit, 1, DIGITS_MAX));
  const exponent = sequence(
    characters('e', 'E'),
    optional(characters('+', '-')),
    repeat(digit, 1, EXPONENT_DIGITS_MAX),
  );
  const whole = choice(text('0'), positiveDigits());
  return sequence(optional(text('-')), whole, optional(fraction), optional(exponent));
}

const shortEscapes: ReadonlyMap<number, string> = new Map([
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);

/** One character of a set as it is written inside quotes: escaped where it must be. */
export function quotedCharacters(ranges: readonly CodePointRange[]): Expression {
  const plain = intersectRanges(ranges, plainRanges);
  const options: Expression[] = plain.length === 0 ? [] : [{ kind: 'characters', ranges: plain }];
  for (let point = 0; point <= 0x5c; point = point === 0x1f ? 0x22 : point === 0x22 ? 0x5c : point + 1) {
    if (!ranges.some(({ low, high }) => point >= low && point <= high)) continue;
    options.push(text(shortEscapes.get(point) ?? `\\u${point.toString(16).padStart(4, '0')}`));
  }
  return { kind: 'choice', options };
}
