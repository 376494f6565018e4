/**
 * Patterns of tokenizer.json are written for Oniguruma (Ruby syntax). This rewrites them for JavaScript's `v` mode with
 * the same meaning: Unicode sets behind \s \d \w \b, `$` and `^` at lines, possessive quantifiers and atomic groups as
 * a lookahead that captures. What is not understood is refused.
 */
import { checkLimit } from '../limits.ts';
import { codePointEscape, translateClass } from './character-class.ts';
import { PatternCursor } from './pattern-cursor.ts';

const wordSet = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]';

/** Escapes outside of classes that are no characters. */
const assertions: Readonly<Record<string, string>> = {
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
  b: `(?:(?<=${wordSet})(?!${wordSet})|(?<!${wordSet})(?=${wordSet}))`,
  B: `(?:(?<=${wordSet})(?=${wordSet})|(?<!${wordSet})(?!${wordSet}))`,
};

/**
 * Patterns that would take quadratic time on a long run, with an equal one that does not. `\s+$` is tried at each
 * space of a run that something follows; only the first one can start a match.
 */
const linearForms: Readonly<Record<string, string>> = {
  '\\s+$': '(?<!\\s)\\s+$',
};

/** A global expression that finds what the Oniguruma pattern finds. */
export function compilePattern(pattern: string): RegExp {
  checkLimit('patternLength', pattern.length, 'pattern of a pre-tokenizer');
  const cursor = new PatternCursor(linearForms[pattern] ?? pattern);
  const translation = new Translation(cursor).alternatives();
  if (!cursor.atEnd) throw cursor.unsupported('a closing bracket without an opening one');
  try {
    return new RegExp(translation, 'gv');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw cursor.unsupported(`something that JavaScript refuses (${error.message})`);
  }
}

/** Finds a text as it stands. */
export function compileLiteral(text: string): RegExp {
  return new RegExp(
    Array.from(text, (character) => codePointEscape(character.codePointAt(0) ?? 0)).join(''),
    'gv',
  );
}

class Translation {
  readonly #cursor: PatternCursor;
  #atomicCount = 0;

  constructor(cursor: PatternCursor) {
    this.#cursor = cursor;
  }

  /** Up to the end or an unmatched `)`. */
  alternatives(): string {
    const cursor = this.#cursor;
    let output = '';
    while (!cursor.atEnd && !cursor.startsWith(')')) {
      output += cursor.skip('|') ? '|' : this.#quantified(this.#atom());
    }
    return output;
  }

  #quantified(atom: string): string {
    const cursor = this.#cursor;
    let output = atom;
    for (;;) {
      const range = cursor.match(/\{(\d+)(?:(,)(\d*))?\}(\??)/y);
      const simple = range === null ? cursor.match(/([*+?])([?+]?)/y) : null;
      if (range !== null) output = `${group(output, atom)}${range[0]}`;
      else if (simple === null) return output;
      else if (simple[2] === '+') output = this.#atomic(`${group(output, atom)}${simple[1]}`);
      else output = `${group(output, atom)}${simple[0]}`;
    }
  }

  #atom(): string {
    const cursor = this.#cursor;
    if (cursor.skip('(')) return this.#group();
    if (cursor.skip('[')) return translateClass(cursor);
    if (cursor.skip('.')) return '[^\\n]';
    if (cursor.skip('^')) return '(?<![^\\n])';
    if (cursor.skip('$')) return '(?![^\\n])';
    if (!cursor.skip('\\')) return codePointEscape(cursor.next());
    const assertion = assertions[cursor.pattern[cursor.position] ?? ''];
    if (assertion !== undefined) {
      cursor.position++;
      return assertion;
    }
    return cursor.shorthand() ?? codePointEscape(cursor.escapedCodePoint());
  }

  #group(): string {
    const cursor = this.#cursor;
    cursor.enter();
    const kind = cursor.match(/\?(?:[:=!>]|<[=!]|i:|i\))/y)?.[0] ?? '';
    if (kind === '' && cursor.startsWith('?')) throw cursor.unsupported('this kind of group');
    const body = this.alternatives();
    // `(?i)` reaches to the end of the group that it stands in, whose bracket is not its own.
    if (kind === '?i)') {
      cursor.leave();
      return `(?i:${body})`;
    }
    if (!cursor.skip(')')) throw cursor.unsupported('a group without an end');
    cursor.leave();
    if (kind === '?>') return this.#atomic(body);
    return `(${kind === '' ? '?:' : kind}${body})`;
  }

  /** Once matched, never given back: a lookahead cannot be re-entered, and its capture is then consumed. */
  #atomic(body: string): string {
    const name = `atomic${this.#atomicCount++}`;
    return `(?:(?=(?<${name}>${body}))\\k<${name}>)`;
  }
}

/** Brackets around what already has a quantifier, so that the next one applies to all of it. */
function group(output: string, atom: string): string {
  return output === atom ? output : `(?:${output})`;
}
