/** A place in an Oniguruma pattern, and the escapes that mean the same inside and outside of character classes. */
import { PlimsollError } from '@plimsoll/foundation';
import { tokenizerLimits } from '../limits.ts';

/** Unicode's own sets: JavaScript's \s and \d and \w differ from what these patterns were written for. */
const shorthands: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  w: '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]',
  W: '[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]',
  h: '[0-9A-Fa-f]',
  H: '[^0-9A-Fa-f]',
};

/** Oniguruma's names for sets that JavaScript calls otherwise. */
const propertyNames: Readonly<Record<string, string>> = {
  alpha: 'Alphabetic',
  digit: 'Nd',
  lower: 'Lowercase',
  punct: 'P',
  space: 'White_Space',
  upper: 'Uppercase',
};

const controls: Readonly<Record<string, number>> = { a: 7, b: 8, e: 27, f: 12, n: 10, r: 13, t: 9, v: 11 };

export class PatternCursor {
  readonly pattern: string;
  position = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  get atEnd(): boolean {
    return this.position >= this.pattern.length;
  }

  startsWith(text: string): boolean {
    return this.pattern.startsWith(text, this.position);
  }

  skip(text: string): boolean {
    if (!this.startsWith(text)) return false;
    this.position += text.length;
    return true;
  }

  /** Matches a sticky expression here and moves past the match. */
  match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.position;
    const found = sticky.exec(this.pattern);
    if (found !== null) this.position = sticky.lastIndex;
    return found;
  }

  next(): number {
    const codePoint = this.pattern.codePointAt(this.position);
    if (codePoint === undefined) throw this.unsupported('the end of the pattern');
    this.position += codePoint > 0xffff ? 2 : 1;
    return codePoint;
  }

  enter(): void {
    if (++this.#depth > tokenizerLimits.nesting) throw this.unsupported('groups nested this deeply');
  }

  leave(): void {
    this.#depth--;
  }

  /** After a backslash: reads a set of characters, or returns null for any other escape. */
  shorthand(): string | null {
    const property = this.match(/([pP])\{(\^?)(\w+)\}/y);
    if (property !== null) {
      const [, letter, caret, name = ''] = property;
      const negated = (letter === 'P') !== (caret === '^');
      return `\\${negated ? 'P' : 'p'}{${this.#propertyName(name)}}`;
    }
    const set = shorthands[this.pattern[this.position] ?? ''];
    if (set !== undefined) this.position++;
    return set ?? null;
  }

  /** After a backslash: reads one character. */
  escapedCodePoint(): number {
    const hex = this.match(/x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})/y);
    if (hex !== null) return Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '0', 16);
    const codePoint = this.next();
    const character = String.fromCodePoint(codePoint);
    const control = controls[character];
    if (control !== undefined) return control;
    if (/[A-Za-z0-9]/.test(character)) throw this.unsupported(`\\${character}`);
    return codePoint;
  }

  #propertyName(name: string): string {
    for (const candidate of [propertyNames[name.toLowerCase()] ?? name, `Script=${name}`]) {
      try {
        new RegExp(`\\p{${candidate}}`, 'v');
        return candidate;
      } catch {
        // Not a name that JavaScript knows: the next candidate, or the refusal below.
      }
    }
    throw this.unsupported(`\\p{${name}}`);
  }

  unsupported(what: string): PlimsollError {
    return new PlimsollError({
      code: 'tokenizer-pattern',
      message: `tokenizer: the pattern ${this.pattern.slice(0, 200)} uses ${what} near character ${this.position}, which Plimsoll does not support`,
      value: this.pattern.slice(0, 200),
      limit: 'literals, classes, groups, lookarounds, counts up to 1000',
      hint: 'report the model, so that Plimsoll can support its pre-tokenizer',
    });
  }
}

export function codePointEscape(codePoint: number): string {
  return `\\u{${codePoint.toString(16)}}`;
}
