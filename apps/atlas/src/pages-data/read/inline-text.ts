/**
 * The small Markdown that sentences in messages are written in:
 *
 *   *emphasis*  **strong**  `code`  [words](target)  [@citation]  {number}  \ before a mark that is meant as itself
 *
 * A Markdown parser would also accept headings, images and HTML, and knows neither citations nor computed numbers. This
 * parser accepts exactly these marks, and reports an unclosed mark as a problem.
 */

export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'emphasis' | 'strong'; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'link'; readonly target: string; readonly children: readonly Inline[] }
  /** A work cited here, by the slug of its record: `kwon-2023-pagedattention`. */
  | { readonly kind: 'citation'; readonly slug: string }
  /** A number that numbers.ts of the page computes, by name. */
  | { readonly kind: 'number'; readonly name: string };

export interface InlineText {
  readonly nodes: readonly Inline[];
  readonly problems: readonly string[];
}

/** The end of the current run: a mark, or the end of the text. */
type Closer = '*' | '**' | ']' | null;

const citationMark = /\[@([^\]\s]*)\]/y;
const numberMark = /\{([^{}]*)\}/y;
const slugPattern = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** Reads one sentence or paragraph. If there are problems, the nodes are the best possible reading. */
export function parseInline(text: string): InlineText {
  const reader = new InlineReader(text);
  return { nodes: reader.read(null), problems: reader.problems };
}

/** The words alone: links by their words, numbers as computed, citations left out. */
export function plainText(nodes: readonly Inline[], numberText: (name: string) => string): string {
  const joined = nodes.map((node) => plainNode(node, numberText)).join('');
  // The space before a citation goes with the citation.
  return joined.replace(/ +(?=[.,;:!?)]|$)/g, '').replace(/ {2,}/g, ' ');
}

function plainNode(node: Inline, numberText: (name: string) => string): string {
  switch (node.kind) {
    case 'text':
    case 'code':
      return node.text;
    case 'number':
      return numberText(node.name);
    case 'citation':
      return '';
    case 'emphasis':
    case 'strong':
    case 'link':
      return node.children.map((child) => plainNode(child, numberText)).join('');
  }
}

/** All nodes of a text, those inside others included. */
export function allNodes(nodes: readonly Inline[]): readonly Inline[] {
  return nodes.flatMap((node) => ('children' in node ? [node, ...allNodes(node.children)] : [node]));
}

class InlineReader {
  readonly problems: string[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Nodes up to `closer`, which is consumed. */
  read(closer: Closer): readonly Inline[] {
    const nodes: Inline[] = [];
    let plain = '';
    const flush = (): void => {
      if (plain !== '') nodes.push({ kind: 'text', text: plain });
      plain = '';
    };
    while (this.#at < this.#text.length) {
      if (closer !== null && this.#closes(closer)) {
        this.#at += closer.length;
        flush();
        return nodes;
      }
      const node = this.#mark();
      if (node === null) plain += this.#character();
      else {
        flush();
        nodes.push(node);
      }
    }
    flush();
    if (closer !== null) this.problems.push(`"${closer}" is missing: a mark is not closed`);
    return nodes;
  }

  #closes(closer: '*' | '**' | ']'): boolean {
    if (!this.#text.startsWith(closer, this.#at)) return false;
    if (closer === ']') return true;
    // Inside emphasis two stars open or close strong, never the emphasis.
    const isDouble = this.#text.startsWith('**', this.#at);
    return isDouble === (closer === '**') && !/\s/.test(this.#text[this.#at - 1] ?? ' ');
  }

  /** The mark that starts here, or null when a plain character does. */
  #mark(): Inline | null {
    const text = this.#text;
    const start = text[this.#at];
    if (start === '`') return this.#code();
    if (start === '{') return this.#number();
    if (start === '[') return text[this.#at + 1] === '@' ? this.#citation() : this.#link();
    if (start !== '*') return null;
    const mark = text.startsWith('**', this.#at) ? '**' : '*';
    // A star before a space is a sign of multiplication.
    if (/^\s?$/.test(text[this.#at + mark.length] ?? '')) return null;
    this.#at += mark.length;
    return { kind: mark === '**' ? 'strong' : 'emphasis', children: this.read(mark) };
  }

  #character(): string {
    const character = this.#text[this.#at] ?? '';
    const isEscape = character === '\\' && /[\\*`[\]{}]/.test(this.#text[this.#at + 1] ?? '');
    const taken = isEscape ? (this.#text[this.#at + 1] ?? '') : character;
    this.#at += isEscape ? 2 : 1;
    if (!isEscape && (character === '}' || character === ']')) {
      this.problems.push(`"${character}" closes nothing: write "\\${character}" for the character`);
    }
    return taken;
  }

  #code(): Inline {
    const end = this.#text.indexOf('`', this.#at + 1);
    if (end < 0) this.problems.push('"`" is missing: code is not closed');
    const text = this.#text.slice(this.#at + 1, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 1;
    return { kind: 'code', text };
  }

  #number(): Inline | null {
    const name = this.#match(numberMark);
    if (name !== null && slugPattern.test(name)) return { kind: 'number', name };
    this.problems.push('"{" begins no {number}: names are kebab case; write "\\{" for the character');
    return name === null ? null : { kind: 'text', text: `{${name}}` };
  }

  #citation(): Inline | null {
    const slug = this.#match(citationMark);
    if (slug !== null && slugPattern.test(slug)) return { kind: 'citation', slug };
    this.problems.push('"[@" begins no [@citation]: one slug in kebab case, without its kind');
    return slug === null ? null : { kind: 'text', text: `[@${slug}]` };
  }

  #link(): Inline {
    this.#at += 1;
    const children = this.read(']');
    const end = this.#text[this.#at] === '(' ? this.#text.indexOf(')', this.#at) : -1;
    const target = end < 0 ? '' : this.#text.slice(this.#at + 1, end);
    if (end >= 0) this.#at = end + 1;
    if (target === '' || /\s/.test(target)) {
      this.problems.push(
        'a link is [words](target) without spaces in its target; write "\\[" for the character',
      );
    }
    return { kind: 'link', target, children };
  }

  /** The first group of a sticky pattern, consumed; null when it does not match here. */
  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    this.#at = pattern.lastIndex;
    return match[1] ?? '';
  }
}
