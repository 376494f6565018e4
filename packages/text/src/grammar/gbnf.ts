/**
 * llama.cpp's grammar notation: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
 * Rules `name ::= ...`, literals, classes, `.`, groups, alternatives, `* + ? {m,n}`, comments from `#` to the line's
 * end. A rule ends at its line's end unless a group is open or the next line begins with `|`.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  CODE_POINT_MAX,
  type CodePointRange,
  choiceOf,
  complementRanges,
  type Expression,
  repeat,
  rule,
  sequenceOf,
  text,
} from './expression.ts';
import { type Grammar, grammarFromRules } from './grammar.ts';

/** As llama.cpp: more copies than this are a mistake or an attack. */
const REPEAT_MAX = 2000;
const GROUP_DEPTH_MAX = 100;
const CHARACTERS_MAX = 1_000_000;

export function grammarFromGbnf(source: string, root = 'root'): Grammar {
  const rules = new GbnfReader(source).read();
  if (!rules.has(root)) {
    throw new PlimsollError({
      code: 'grammar-unknown-rule',
      message: `The grammar has no rule ${root} to begin with.`,
      value: root,
      limit: [...rules.keys()].slice(0, 20).join(', '),
    });
  }
  return grammarFromRules({ root, rules });
}

class GbnfReader {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): ReadonlyMap<string, Expression> {
    if (this.#source.length > CHARACTERS_MAX) {
      throw this.#error(`a grammar of ${this.#source.length} characters`, `at most ${CHARACTERS_MAX}`);
    }
    const rules = new Map<string, Expression>();
    this.#skip(true);
    while (this.#at < this.#source.length) {
      const name = this.#match(/[A-Za-z0-9-]+/y);
      if (name === null) throw this.#error(this.#seen(), 'the name of a rule');
      this.#skip(false);
      if (this.#match(/::=/y) === null) throw this.#error(this.#seen(), `::= after ${name}`);
      if (rules.has(name)) throw this.#error(`a second rule ${name}`, 'each rule once');
      this.#skip(true);
      rules.set(name, this.#alternatives());
      if (this.#at < this.#source.length && this.#match(/[\r\n]/y) === null) {
        throw this.#error(this.#seen(), 'the end of the line');
      }
      this.#skip(true);
    }
    return rules;
  }

  #error(seen: string, expected: string): PlimsollError {
    const line = this.#source.slice(0, this.#at).split('\n').length;
    return new PlimsollError({
      code: 'grammar-syntax',
      message: `The grammar has ${seen} in line ${line}; expected is ${expected}.`,
      value: seen,
      limit: expected,
    });
  }

  #seen(): string {
    return this.#at >= this.#source.length
      ? 'an end'
      : JSON.stringify(this.#source.slice(this.#at, this.#at + 20));
  }

  /** `pattern` is sticky: it matches here or not at all. */
  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  /** Skips white space and comments, over line ends where these mean nothing. */
  #skip(lineEnds: boolean): void {
    this.#match(lineEnds ? /(?:[ \t\r\n]+|#[^\n]*)*/y : /[ \t]*(?:#[^\n]*)?/y);
  }

  #alternatives(): Expression {
    const options = [this.#sequence()];
    for (;;) {
      // A later line may begin with the bar.
      const before = this.#at;
      this.#skip(true);
      if (this.#match(/\|/y) === null) {
        this.#at = before;
        this.#skip(this.#depth > 0);
        return choiceOf(options);
      }
      this.#skip(true);
      options.push(this.#sequence());
    }
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    for (;;) {
      this.#skip(this.#depth > 0);
      const atom = this.#atom();
      if (atom === null) return sequenceOf(parts);
      parts.push(this.#quantified(atom));
    }
  }

  #atom(): Expression | null {
    const name = this.#match(/[A-Za-z0-9-]+/y);
    if (name !== null) return rule(name);
    if (this.#match(/"/y) !== null) return this.#literal();
    if (this.#match(/\[/y) !== null) return this.#class();
    if (this.#match(/\./y) !== null)
      return { kind: 'characters', ranges: [{ low: 0, high: CODE_POINT_MAX }] };
    if (this.#match(/\(/y) === null) return null;
    if (++this.#depth > GROUP_DEPTH_MAX)
      throw this.#error('deeply nested groups', `at most ${GROUP_DEPTH_MAX}`);
    const group = this.#alternatives();
    this.#skip(true);
    if (this.#match(/\)/y) === null) throw this.#error(this.#seen(), ')');
    this.#depth--;
    return group;
  }

  #quantified(atom: Expression): Expression {
    const quantifier = this.#match(/[*+?]|\{\s*\d+\s*(?:,\s*\d*\s*)?\}/y);
    if (quantifier === null) return atom;
    if (quantifier === '*') return repeat(atom, 0, Infinity);
    if (quantifier === '+') return repeat(atom, 1, Infinity);
    if (quantifier === '?') return repeat(atom, 0, 1);
    const [least = 0, most = Infinity] = quantifier
      .slice(1, -1)
      .split(',')
      .map((count) => (count.trim() === '' ? Infinity : Number(count)));
    const last = quantifier.includes(',') ? most : least;
    if (least > REPEAT_MAX || (last !== Infinity && last > REPEAT_MAX) || last < least) {
      throw this.#error(`the count ${quantifier}`, `counts that rise, up to ${REPEAT_MAX}`);
    }
    return repeat(atom, least, last);
  }

  #literal(): Expression {
    let literal = '';
    while (this.#match(/"/y) === null) literal += String.fromCodePoint(this.#character('a closing "'));
    return text(literal);
  }

  #class(): Expression {
    const negated = this.#match(/\^/y) !== null;
    const ranges: CodePointRange[] = [];
    while (this.#match(/\]/y) === null) {
      const low = this.#character('a closing ]');
      const high = this.#match(/-(?!\])/y) === null ? low : this.#character('the end of a range');
      if (high < low) throw this.#error('a range that runs backwards', 'its lower end first');
      ranges.push({ low, high });
    }
    return { kind: 'characters', ranges: negated ? complementRanges(ranges) : ranges };
  }

  /** A character or an escape, as a code point. */
  #character(expected: string): number {
    const escaped = this.#match(/\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[nrt"\\[\]])/y);
    if (escaped !== null) {
      if ('xuU'.includes(escaped[1] ?? '')) {
        const point = Number.parseInt(escaped.slice(2), 16);
        if (point > CODE_POINT_MAX) throw this.#error(`the character ${escaped}`, 'at most \\U0010FFFF');
        return point;
      }
      const control = { n: 10, r: 13, t: 9 }[escaped[1] ?? ''];
      return control ?? escaped.codePointAt(1) ?? 0;
    }
    const plain = this.#match(/[^\\]/uy);
    if (plain === null) throw this.#error(this.#seen(), expected);
    return plain.codePointAt(0) ?? 0;
  }
}
