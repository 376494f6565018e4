/**
 * The part of JavaScript's regular expressions that describes a set of texts plainly: literals, classes, groups,
 * alternatives, quantifiers, and anchors at the ends. What looks around or back (lookahead, \b, \1) is refused by name.
 * As in JSON Schema, a pattern without anchors matches anywhere in the text.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  CODE_POINT_MAX,
  type CodePointRange,
  choiceOf,
  complementRanges,
  type Expression,
  repeat,
  sequence,
  sequenceOf,
} from '../expression.ts';

export interface CharacterWriter {
  /** One character of the set. */
  readonly oneOf: (ranges: readonly CodePointRange[]) => Expression;
  /** Any characters, any number of them. */
  readonly anything: Expression;
}

const REPEAT_MAX = 1000;
const GROUP_DEPTH_MAX = 100;

const lineEnds = [span(0x0a), span(0x0d), span(0x2028, 0x2029)];
const classes: Readonly<Record<string, readonly CodePointRange[]>> = {
  d: [span(0x30, 0x39)],
  w: [span(0x30, 0x39), span(0x41, 0x5a), span(0x5f), span(0x61, 0x7a)],
  s: [
    ...[span(0x09, 0x0d), span(0x20), span(0xa0), span(0x1680), span(0x2000, 0x200a), span(0x2028, 0x2029)],
    ...[span(0x202f), span(0x205f), span(0x3000), span(0xfeff)],
  ],
};
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

function span(low: number, high = low): CodePointRange {
  return { low, high };
}

/** UTF-16 units of one pattern. */
const PATTERN_LENGTH_MAX = 10_000;

export function expressionFromPattern(pattern: string, writer: CharacterWriter): Expression {
  if (pattern.length > PATTERN_LENGTH_MAX) {
    throw new PlimsollError({
      code: 'schema-too-large',
      message: `A pattern of the schema has ${pattern.length} characters; at most ${PATTERN_LENGTH_MAX} are read.`,
      value: pattern.length,
      limit: PATTERN_LENGTH_MAX,
      hint: 'Write an enum, or check the finished document.',
    });
  }
  return new PatternReader(pattern, writer).read();
}

class PatternReader {
  readonly #pattern: string;
  readonly #characters: readonly string[];
  readonly #writer: CharacterWriter;
  #at = 0;
  #depth = 0;

  constructor(pattern: string, writer: CharacterWriter) {
    this.#pattern = pattern;
    this.#characters = Array.from(pattern);
    this.#writer = writer;
  }

  read(): Expression {
    const options: Expression[] = [];
    do {
      const before = this.#take('^') ? [] : [this.#writer.anything];
      const body = this.#sequence();
      const after = this.#take('$') ? [] : [this.#writer.anything];
      options.push(sequence(...before, body, ...after));
    } while (this.#take('|'));
    if (this.#at < this.#characters.length)
      throw this.#refuse(this.#peek() === ')' ? 'a lone )' : 'an anchor inside');
    return choiceOf(options);
  }

  #peek(ahead = 0): string {
    return this.#characters[this.#at + ahead] ?? '';
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #refuse(what: string): PlimsollError {
    return new PlimsollError({
      code: 'schema-unsupported',
      message: `The pattern ${this.#pattern.slice(0, 100)} has ${what} at character ${this.#at}, which constrained output does not support.`,
      value: what,
      limit: 'literals, classes, groups, alternatives, quantifiers, ^ and $ at the ends',
    });
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#characters.length && !'|)$^'.includes(this.#peek())) {
      parts.push(this.#quantified(this.#atom()));
    }
    return sequenceOf(parts);
  }

  #quantified(atom: Expression): Expression {
    const counts = this.#counts();
    if (counts === null) return atom;
    // A lazy quantifier matches the same texts.
    this.#take('?');
    if ('*+?{'.includes(this.#peek()) && this.#peek() !== '')
      throw this.#refuse(`a second quantifier ${this.#peek()}`);
    return repeat(atom, counts.least, counts.most);
  }

  #counts(): { least: number; most: number } | null {
    if (this.#take('*')) return { least: 0, most: Infinity };
    if (this.#take('+')) return { least: 1, most: Infinity };
    if (this.#take('?')) return { least: 0, most: 1 };
    if (!this.#take('{')) return null;
    const end = this.#characters.indexOf('}', this.#at);
    const match = /^(\d+)(,(\d*))?$/.exec(
      this.#characters.slice(this.#at, end < 0 ? undefined : end).join(''),
    );
    if (match === null || end < 0) throw this.#refuse('a { that is no count');
    const least = Number(match[1]);
    const most = match[2] === undefined ? least : match[3] === '' ? Infinity : Number(match[3]);
    if (least > REPEAT_MAX || (most !== Infinity && most > REPEAT_MAX))
      throw this.#refuse(`a count above ${REPEAT_MAX}`);
    if (most < least) throw this.#refuse('a count whose end is below its start');
    this.#at = end + 1;
    return { least, most };
  }

  #atom(): Expression {
    if (this.#take('(')) return this.#group();
    if (this.#take('[')) return this.#writer.oneOf(this.#class());
    if (this.#take('.')) return this.#writer.oneOf(complementRanges(lineEnds));
    if ('*+?{}]'.includes(this.#peek())) throw this.#refuse(`a lone ${this.#peek()}`);
    return this.#writer.oneOf(this.#character());
  }

  #group(): Expression {
    if (this.#take('?')) {
      const named = this.#peek() === '<' && this.#peek(1) !== '=' && this.#peek(1) !== '!';
      if (named) this.#at = this.#characters.indexOf('>', this.#at) + 1;
      else if (!this.#take(':')) throw this.#refuse(`(?${this.#peek()}`);
    }
    if (++this.#depth > GROUP_DEPTH_MAX) throw this.#refuse(`more than ${GROUP_DEPTH_MAX} nested groups`);
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    if (!this.#take(')'))
      throw this.#refuse(this.#peek() === '' ? 'a group that does not end' : 'an anchor inside a group');
    this.#depth--;
    return choiceOf(options);
  }

  /** After `[`. */
  #class(): readonly CodePointRange[] {
    const negated = this.#take('^');
    const ranges: CodePointRange[] = [];
    while (!this.#take(']')) {
      if (this.#at >= this.#characters.length) throw this.#refuse('a class that does not end');
      const first = this.#character();
      if (this.#peek() !== '-' || this.#peek(1) === ']') {
        ranges.push(...first);
        continue;
      }
      this.#at++;
      const last = this.#character();
      const [low, high] = [first[0]?.low ?? 0, last[0]?.high ?? 0];
      const single = [first, last].every((set) => set.length === 1 && set[0]?.low === set[0]?.high);
      if (!single || high < low) throw this.#refuse('a range that is not from one character to a later one');
      ranges.push({ low, high });
    }
    return negated ? complementRanges(ranges) : ranges;
  }

  /** A literal character or an escape; a class escape gives several ranges. */
  #character(): readonly CodePointRange[] {
    const character = this.#peek();
    this.#at++;
    if (character !== '\\') return [span(character.codePointAt(0) ?? 0)];
    const escaped = this.#peek();
    this.#at++;
    const known = classes[escaped.toLowerCase()];
    if (known !== undefined) return escaped === escaped.toLowerCase() ? known : complementRanges(known);
    const control = controls[escaped];
    if (control !== undefined) return [span(control)];
    if (escaped === 'x') return [span(this.#hex(2))];
    if (escaped === 'u') return [span(this.#unicode())];
    if (escaped === '' || /[A-Za-z0-9]/.test(escaped)) throw this.#refuse(`\\${escaped}`);
    return [span(escaped.codePointAt(0) ?? 0)];
  }

  #unicode(): number {
    if (this.#peek() !== '{') return this.#hex(4);
    const end = this.#characters.indexOf('}', this.#at);
    const point = this.#characters.slice(this.#at + 1, end < 0 ? undefined : end).join('');
    this.#at = end + 1;
    const value = /^[0-9A-Fa-f]{1,6}$/.test(point) ? Number.parseInt(point, 16) : Infinity;
    if (end < 0 || value > CODE_POINT_MAX) throw this.#refuse('a \\u{} that is no character');
    return value;
  }

  #hex(digits: number): number {
    const written = this.#characters.slice(this.#at, this.#at + digits).join('');
    if (!/^[0-9A-Fa-f]+$/.test(written) || written.length !== digits)
      throw this.#refuse('an escape without its digits');
    this.#at += digits;
    return Number.parseInt(written, 16);
  }
}
