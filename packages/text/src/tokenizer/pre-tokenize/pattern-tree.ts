/**
 * Reads the patterns of tokenizer.json, which are written for Oniguruma (Ruby syntax), into a tree. The tree names sets of
 * characters in the notation of JavaScript's `v` mode. Unicode defines \s \d \w \b here; `^` and `$` match at lines. A
 * construct that the reader does not know is refused by name.
 */
import { tokenizerLimits } from '../limits.ts';
import { translateClass } from './character-class.ts';
import { codePointEscape, PatternCursor } from './pattern-cursor.ts';

export type RepeatMode = 'greedy' | 'lazy' | 'possessive';

export type PatternNode =
  /** One character, as a class or an escape of JavaScript's `v` mode. */
  | { readonly kind: 'set'; readonly source: string }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly body: PatternNode;
      readonly least: number;
      readonly most: number;
      readonly mode: RepeatMode;
    }
  | {
      readonly kind: 'look';
      readonly body: PatternNode;
      readonly behind: boolean;
      readonly negated: boolean;
    }
  | { readonly kind: 'atomic'; readonly body: PatternNode }
  | { readonly kind: 'ignoreCase'; readonly body: PatternNode };

/** Larger counts of one repetition are refused; published patterns count to 4. */
const countMax = 1000;

const wordSet = set('[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]');
const anyCharacter = set('[\\s\\S]');
const notLineFeed = set('[^\\n]');
const ahead = (body: PatternNode, negated: boolean): PatternNode => look(body, false, negated);
const behind = (body: PatternNode, negated: boolean): PatternNode => look(body, true, negated);
/** A place where the characters before and after are inside and outside of words, or both alike. */
const edges = (differ: boolean): PatternNode => ({
  kind: 'choice',
  options: [false, true].map((outsideBefore) => ({
    kind: 'sequence',
    parts: [behind(wordSet, outsideBefore), ahead(wordSet, outsideBefore !== differ)],
  })),
});

/** Escapes outside of classes that match a place and no character. */
const assertions: Readonly<Record<string, PatternNode>> = {
  A: behind(anyCharacter, true),
  z: ahead(anyCharacter, true),
  Z: ahead(
    {
      kind: 'sequence',
      parts: [
        { kind: 'repeat', body: set('\\n'), least: 0, most: 1, mode: 'greedy' },
        ahead(anyCharacter, true),
      ],
    },
    false,
  ),
  b: edges(true),
  B: edges(false),
};

export function readPatternTree(pattern: string): PatternNode {
  const cursor = new PatternCursor(pattern);
  const tree = readAlternatives(cursor);
  if (!cursor.atEnd) throw cursor.unsupported('a closing bracket without an opening one');
  return tree;
}

function set(source: string): PatternNode {
  return { kind: 'set', source };
}

function look(body: PatternNode, isBehind: boolean, negated: boolean): PatternNode {
  return { kind: 'look', body, behind: isBehind, negated };
}

/** Up to the end or an unmatched `)`. */
function readAlternatives(cursor: PatternCursor): PatternNode {
  const options: PatternNode[] = [];
  let parts: PatternNode[] = [];
  const end = (): void => {
    const [only, ...others] = parts;
    options.push(only !== undefined && others.length === 0 ? only : { kind: 'sequence', parts });
    parts = [];
  };
  while (!cursor.atEnd && !cursor.startsWith(')')) {
    if (cursor.skip('|')) end();
    else parts.push(readQuantified(cursor));
  }
  end();
  const [only, ...others] = options;
  return only !== undefined && others.length === 0 ? only : { kind: 'choice', options };
}

const modes: Readonly<Record<string, RepeatMode>> = { '': 'greedy', '?': 'lazy', '+': 'possessive' };

function readQuantified(cursor: PatternCursor): PatternNode {
  let node = readAtom(cursor);
  for (let stacked = 0; ; stacked++) {
    // Oniguruma's `{2}+` is no possessive count: `+` repeats what `{2}` made.
    const range = cursor.match(/\{(\d+)(?:(,)(\d*))?\}(\??)/y);
    const simple = range === null ? cursor.match(/([*+?])([?+]?)/y) : null;
    const found = range ?? simple;
    if (found === null) return node;
    const sign = simple?.[1];
    const least = sign === undefined ? Number(found[1]) : sign === '+' ? 1 : 0;
    const stated =
      found[2] === undefined ? least : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]);
    const most = sign === undefined ? stated : sign === '?' ? 1 : Number.POSITIVE_INFINITY;
    if (stacked > tokenizerLimits.nesting) throw cursor.unsupported('quantifiers stacked this high');
    if (most < least) throw cursor.unsupported('a count that runs backwards');
    if (least > countMax || (most !== Number.POSITIVE_INFINITY && most > countMax)) {
      throw cursor.unsupported(`a count above ${countMax}`);
    }
    const mode = modes[(sign === undefined ? found[4] : found[2]) ?? ''] ?? 'greedy';
    node = { kind: 'repeat', body: node, least, most, mode };
  }
}

function readAtom(cursor: PatternCursor): PatternNode {
  if (cursor.skip('(')) return readGroup(cursor);
  if (cursor.skip('[')) return set(translateClass(cursor));
  if (cursor.skip('.')) return notLineFeed;
  if (cursor.skip('^')) return behind(notLineFeed, true);
  if (cursor.skip('$')) return ahead(notLineFeed, true);
  if (!cursor.skip('\\')) return set(codePointEscape(cursor.next()));
  const assertion = assertions[cursor.pattern[cursor.position] ?? ''];
  if (assertion !== undefined) {
    cursor.position++;
    return assertion;
  }
  return set(cursor.shorthand() ?? codePointEscape(cursor.escapedCodePoint()));
}

function readGroup(cursor: PatternCursor): PatternNode {
  cursor.enter();
  const kind = cursor.match(/\?(?:[:=!>]|<[=!]|i:|i\))/y)?.[0] ?? '';
  if (kind === '' && cursor.startsWith('?')) throw cursor.unsupported('this kind of group');
  const body = readAlternatives(cursor);
  cursor.leave();
  // `(?i)` reaches to the end of the group around it, and that group's bracket closes both.
  if (kind === '?i)') return { kind: 'ignoreCase', body };
  if (!cursor.skip(')')) throw cursor.unsupported('a group without an end');
  switch (kind) {
    case '?i:':
      return { kind: 'ignoreCase', body };
    case '?>':
      return { kind: 'atomic', body };
    case '?=':
    case '?!':
      return look(body, false, kind === '?!');
    case '?<=':
    case '?<!':
      return look(body, true, kind === '?<!');
    default:
      return body;
  }
}
