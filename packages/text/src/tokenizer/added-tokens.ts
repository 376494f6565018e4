/**
 * Tokens that are found in text before anything else happens to it: control tokens (`<|im_end|>`) and words added after
 * training. Of several that start at one place the longest counts, and the leftmost place comes first.
 * Source: AddedVocabulary in
 * https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/tokenizer/added_vocabulary.rs
 */

import { coverage, type Spans } from '../spans.ts';
import { checkLimit } from './limits.ts';
import { PieceTrie } from './model/piece-trie.ts';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** A control token: found only where control tokens are asked for, and left out of decoded text. */
  readonly special: boolean;
  /** Takes the white space before, or after, with it. */
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
  /** Does not count inside of a longer word. */
  readonly singleWord: boolean;
  /** Looked for in normalised text instead of in the text as given. */
  readonly normalized: boolean;
}

/** A stretch of text between tokens, or a token. Offsets are those of the text that was searched. */
export type Segment =
  | { readonly text: string; readonly start: number; readonly id?: never }
  | { readonly id: number; readonly text?: never };

/** Whether to read control tokens: everywhere, nowhere, or where the function says that their whole range lies in a span. */
export type ParseSpecial = boolean | ((start: number, end: number) => 'all' | 'part' | 'none');

export function readsSpecialIn(spans: Spans, offset: number): ParseSpecial {
  return (start, end) => coverage(spans, start + offset, end + offset);
}

interface Match {
  readonly start: number;
  readonly end: number;
  readonly token: AddedToken;
}

/** `\w` of Rust's regex crate. */
const wordCharacter = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/v;
const space = /^\p{White_Space}$/v;

export class AddedTokens {
  readonly #trie = new PieceTrie();
  readonly #tokens: readonly AddedToken[];
  /** First units of the tokens: most positions of a text are passed over by this alone. */
  readonly #firstUnits = new Set<number>();

  /** `contentOf` gives the text to look for, which normalising may have changed. */
  constructor(tokens: readonly AddedToken[], contentOf: (token: AddedToken) => string) {
    checkLimit('addedTokenCount', tokens.length, 'added tokens');
    this.#tokens = tokens;
    for (const [index, token] of tokens.entries()) {
      const content = contentOf(token);
      checkLimit('addedTokenLength', content.length, `added token ${token.id}`);
      if (content === '') continue;
      this.#trie.insert(content, index);
      this.#firstUnits.add(content.charCodeAt(0));
    }
  }

  /** Whether a control token is among them. */
  get hasSpecial(): boolean {
    return this.#tokens.some(({ special }) => special);
  }

  split(text: string, parseSpecial: ParseSpecial): readonly Segment[] {
    if (this.#firstUnits.size === 0) return text === '' ? [] : [{ text, start: 0 }];
    const segments: Segment[] = [];
    let done = 0;
    let from = 0;
    for (
      let match = this.#next(text, 0, parseSpecial);
      match !== null;
      match = this.#next(text, from, parseSpecial)
    ) {
      from = match.end;
      const section = this.#accept(text, match, { done, parseSpecial });
      if (section === null) continue;
      if (section.start > done) segments.push({ text: text.slice(done, section.start), start: done });
      segments.push({ id: match.token.id });
      done = section.end;
    }
    if (done < text.length) segments.push({ text: text.slice(done), start: done });
    return segments;
  }

  /** The leftmost longest match from a position on. */
  #next(text: string, from: number, parseSpecial: ParseSpecial): Match | null {
    for (let start = from; start < text.length; start++) {
      if (!this.#firstUnits.has(text.charCodeAt(start))) continue;
      const match = this.#longestAt(text, start, parseSpecial);
      if (match !== null) return match;
    }
    return null;
  }

  /**
   * With spans, a control token that lies partly inside a span is no match, so that a token which begins inside it is still
   * found. A control token outside all spans is plain text as a whole, as it is when no control tokens are read.
   */
  #longestAt(text: string, start: number, parseSpecial: ParseSpecial): Match | null {
    let node = 0;
    let found: Match | null = null;
    for (let end = start; end < text.length; ) {
      node = this.#trie.child(node, text.charCodeAt(end++));
      if (node < 0) break;
      const token = this.#tokens[this.#trie.value(node)];
      if (token === undefined) continue;
      const straddles =
        token.special && typeof parseSpecial !== 'boolean' && parseSpecial(start, end) === 'part';
      if (!straddles) found = { start, end, token };
    }
    return found;
  }

  /** The text that a match takes, or null when it does not count. `done` is where the match before ended. */
  #accept(
    text: string,
    { start, end, token }: Match,
    state: { readonly done: number; readonly parseSpecial: ParseSpecial },
  ): { readonly start: number; readonly end: number } | null {
    if (start < state.done || (token.special && !isRead(state.parseSpecial, start, end))) return null;
    if (
      token.singleWord &&
      (wordCharacter.test(before(text, start)) || wordCharacter.test(after(text, end)))
    ) {
      return null;
    }
    let from = start;
    let to = end;
    if (token.stripsLeft) while (from > state.done && space.test(text.charAt(from - 1))) from--;
    if (token.stripsRight) while (to < text.length && space.test(text.charAt(to))) to++;
    return { start: from, end: to };
  }
}

function isRead(parseSpecial: ParseSpecial, start: number, end: number): boolean {
  return typeof parseSpecial === 'boolean' ? parseSpecial : parseSpecial(start, end) === 'all';
}

/** The character that ends at a position; empty at the start of the text. */
function before(text: string, position: number): string {
  const unit = text.charCodeAt(position - 1);
  const width = unit >= 0xdc00 && unit <= 0xdfff ? 2 : 1;
  return text.slice(Math.max(0, position - width), position);
}

function after(text: string, position: number): string {
  const codePoint = text.codePointAt(position);
  return codePoint === undefined ? '' : String.fromCodePoint(codePoint);
}
