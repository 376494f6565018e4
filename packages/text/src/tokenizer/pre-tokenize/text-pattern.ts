/** What the rest of the tokenizer asks of a pattern, however it runs. */
import { checkLimit } from '../limits.ts';

/** A half-open interval of a text. */
export interface MatchRange {
  readonly start: number;
  readonly end: number;
}

export interface TextPattern {
  /** The texts of all matches from left to right. */
  pieces(text: string): readonly string[];
  ranges(text: string): Iterable<MatchRange>;
}

/** An expression of JavaScript, for patterns that its engine runs in about linear time. Global and in `v` mode. */
export class NativePattern implements TextPattern {
  readonly #expression: RegExp;

  constructor(expression: RegExp) {
    this.#expression = expression;
  }

  pieces(text: string): readonly string[] {
    return text.match(this.#expression) ?? [];
  }

  *ranges(text: string): Iterable<MatchRange> {
    for (const match of text.matchAll(this.#expression)) {
      yield { start: match.index, end: match.index + match[0].length };
    }
  }
}

/** The text with `content` in place of each match. The length is checked first: a file may make a text grow without end. */
export function replaceMatches(text: string, pattern: TextPattern, content: string): string {
  const kept: string[] = [];
  let length = 0;
  let end = 0;
  for (const match of pattern.ranges(text)) {
    length += match.start - end + content.length;
    checkLimit('textLength', length, 'text after a replacement of tokenizer.json');
    kept.push(text.slice(end, match.start));
    end = match.end;
  }
  if (end === 0 && kept.length === 0) return text;
  kept.push(text.slice(end));
  return kept.join(content);
}
