/**
 * Character classes of Oniguruma patterns, `[...]`, rewritten for JavaScript's `v` mode: literals as code points, so
 * that none needs escaping, and the operands of `&&` in brackets of their own, as `v` mode wants them.
 */
import { codePointEscape, type PatternCursor } from './pattern-cursor.ts';

const posixClasses: Readonly<Record<string, string>> = {
  alpha: '\\p{Alphabetic}',
  alnum: '\\p{Alphabetic}\\p{Nd}',
  blank: '\\p{Zs}\\t',
  cntrl: '\\p{Cc}',
  digit: '\\p{Nd}',
  lower: '\\p{Lowercase}',
  punct: '\\p{P}\\p{S}',
  space: '\\p{White_Space}',
  upper: '\\p{Uppercase}',
  word: '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}',
  xdigit: '0-9A-Fa-f',
};

/** Reads a class whose `[` is consumed, up to and including the matching `]`. */
export function translateClass(cursor: PatternCursor): string {
  cursor.enter();
  const negated = cursor.skip('^');
  const operands: string[] = [];
  let items = '';
  let isFirst = true;
  while (isFirst || !cursor.skip(']')) {
    if (cursor.skip('&&')) {
      operands.push(`[${items}]`);
      items = '';
    } else {
      items += translateItem(cursor);
    }
    isFirst = false;
  }
  cursor.leave();
  const body = operands.length === 0 ? items : [...operands, `[${items}]`].join('&&');
  return `[${negated ? '^' : ''}${body}]`;
}

function translateItem(cursor: PatternCursor): string {
  const posix = cursor.match(/\[:(\^?)([a-z]+):\]/y);
  if (posix !== null) {
    const body = posixClasses[posix[2] ?? ''];
    if (body === undefined) throw cursor.unsupported(posix[0]);
    return `[${posix[1]}${body}]`;
  }
  if (cursor.skip('[')) return translateClass(cursor);
  const first = readMember(cursor);
  if (first.set !== undefined) return first.set;
  // A minus before `]` or before a set is a minus.
  if (!cursor.startsWith('-') || cursor.startsWith('-]')) return codePointEscape(first.codePoint);
  const place = cursor.position;
  cursor.skip('-');
  if (cursor.startsWith('[')) {
    cursor.position = place;
    return codePointEscape(first.codePoint);
  }
  const last = readMember(cursor);
  if (last.set !== undefined) return `${codePointEscape(first.codePoint)}\\-${last.set}`;
  return `${codePointEscape(first.codePoint)}-${codePointEscape(last.codePoint)}`;
}

type Member =
  | { readonly set: string; readonly codePoint?: never }
  | { readonly set?: never; readonly codePoint: number };

function readMember(cursor: PatternCursor): Member {
  if (!cursor.skip('\\')) return { codePoint: cursor.next() };
  const set = cursor.shorthand();
  return set === null ? { codePoint: cursor.escapedCodePoint() } : { set };
}
