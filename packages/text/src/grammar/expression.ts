/**
 * What a grammar is made of, whether it came from a JSON schema or from a GBNF text: rules that stand for expressions
 * over characters. Text is Unicode here; the network below it is made of UTF-8 bytes, because a token may hold a part
 * of a character.
 */

/** Code points from `low` to `high`, both included. */
export interface CodePointRange {
  readonly low: number;
  readonly high: number;
}

export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'characters'; readonly ranges: readonly CodePointRange[] }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly body: Expression; readonly least: number; readonly most: number }
  | { readonly kind: 'rule'; readonly name: string };

export interface GrammarRules {
  readonly root: string;
  readonly rules: ReadonlyMap<string, Expression>;
}

export const CODE_POINT_MAX = 0x10ffff;

export function text(value: string): Expression {
  return { kind: 'text', text: value };
}

export function sequence(...parts: readonly Expression[]): Expression {
  return sequenceOf(parts);
}

export function choice(...options: readonly Expression[]): Expression {
  return choiceOf(options);
}

/** `sequence` and `choice` of a list whose length a file decides: spread over arguments it would overflow the stack. */
export function sequenceOf(parts: readonly Expression[]): Expression {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'sequence', parts };
}

export function choiceOf(options: readonly Expression[]): Expression {
  return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
}

export function repeat(body: Expression, least: number, most: number): Expression {
  return { kind: 'repeat', body, least, most };
}

export function optional(body: Expression): Expression {
  return repeat(body, 0, 1);
}

export function rule(name: string): Expression {
  return { kind: 'rule', name };
}

/** Single characters and ranges such as `a-z`, one string each. */
export function characters(...spans: readonly string[]): Expression {
  return {
    kind: 'characters',
    ranges: spans.map((span) => {
      const points = Array.from(span, (character) => character.codePointAt(0) ?? 0);
      return { low: points[0] ?? 0, high: points.at(-1) ?? 0 };
    }),
  };
}

/** Sorted, without overlaps, surrogates taken out: they are no characters. */
export function normaliseRanges(ranges: readonly CodePointRange[]): readonly CodePointRange[] {
  const parts = ranges.flatMap(({ low, high }) => [
    { low, high: Math.min(high, 0xd7ff) },
    { low: Math.max(low, 0xe000), high },
  ]);
  const sorted = parts.filter(({ low, high }) => low <= high).sort((a, b) => a.low - b.low);
  const merged: { low: number; high: number }[] = [];
  for (const { low, high } of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last.high + 1) last.high = Math.max(last.high, high);
    else merged.push({ low, high });
  }
  return merged;
}

/** Every character that is in none of the ranges. */
export function complementRanges(ranges: readonly CodePointRange[]): readonly CodePointRange[] {
  const gaps: CodePointRange[] = [];
  let next = 0;
  for (const { low, high } of normaliseRanges(ranges)) {
    if (low > next) gaps.push({ low: next, high: low - 1 });
    next = high + 1;
  }
  if (next <= CODE_POINT_MAX) gaps.push({ low: next, high: CODE_POINT_MAX });
  return normaliseRanges(gaps);
}

/** Characters that are in both. */
export function intersectRanges(
  first: readonly CodePointRange[],
  second: readonly CodePointRange[],
): readonly CodePointRange[] {
  return complementRanges([...complementRanges(first), ...complementRanges(second)]);
}
