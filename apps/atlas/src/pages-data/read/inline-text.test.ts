import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Inline, parseInline, plainText } from './inline-text.ts';

/** Nodes as one line: `text`, `em(…)`, `code(…)`, `link(target: …)`, `@citation`, `#number`. */
function shown(nodes: readonly Inline[]): string {
  return nodes.map(shownNode).join(' | ');
}

function shownNode(node: Inline): string {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'code':
      return `code(${node.text})`;
    case 'citation':
      return `@${node.slug}`;
    case 'number':
      return `#${node.name}`;
    case 'link':
      return `link(${node.target}: ${shown(node.children)})`;
    case 'emphasis':
    case 'strong':
      return `${node.kind}(${shown(node.children)})`;
  }
}

describe('marks', () => {
  test.each([
    ['plain words', 'plain words'],
    ['a *b* c', 'a  | emphasis(b) |  c'],
    ['**a *b* c**', 'strong(a  | emphasis(b) |  c)'],
    ['*a **b** c*', 'emphasis(a  | strong(b) |  c)'],
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['`a *b* {c} [d]`', 'code(a *b* {c} [d])'],
    ['a [*b* c](system.memory#d).', 'a  | link(system.memory#d: emphasis(b) |  c) | .'],
    ['said [@kwon-2023-pagedattention].', 'said  | @kwon-2023-pagedattention | .'],
    ['takes {kv-per-token}', 'takes  | #kv-per-token'],
    ['\\*a\\* \\{b\\} \\[c\\] \\\\ \\x', '*a* {b} [c] \\ \\x'],
    ['snake_case <b> & "c"', 'snake_case <b> & "c"'],
  ])('%s', (text, expected) => {
    const { nodes, problems } = parseInline(text);
    expect(shown(nodes)).toBe(expected);
    expect(problems).toEqual([]);
  });
});

describe('what is left open is a problem', () => {
  test.each([
    ['*a', '"*" is missing: a mark is not closed'],
    ['**a* b', '"**" is missing: a mark is not closed'],
    ['`a', '"`" is missing: code is not closed'],
    ['{a', '"{" begins no {number}: names are kebab case; write "\\{" for the character'],
    ['{A b}', '"{" begins no {number}: names are kebab case; write "\\{" for the character'],
    ['a}', '"}" closes nothing: write "\\}" for the character'],
    ['[a]', 'a link is [words](target) without spaces in its target; write "\\[" for the character'],
    ['[a](b c)', 'a link is [words](target) without spaces in its target; write "\\[" for the character'],
    ['[@citation.a]', '"[@" begins no [@citation]: one slug in kebab case, without its kind'],
    ['[@a', '"[@" begins no [@citation]: one slug in kebab case, without its kind'],
  ])('%s', (text, problem) => {
    expect(parseInline(text).problems).toContain(problem);
  });
});

test('plain words leave citations and the space before them out', () => {
  const { nodes } = parseInline('**Blocks** of [16](glossary.paged-attention) take {bytes} [@a-1] [@b-2].');
  expect(plainText(nodes, (name) => `<${name}>`)).toBe('Blocks of 16 take <bytes>.');
});

test('any text is read, and one without marks is itself', () => {
  const marks = fc.constantFrom('*', '**', '`', '[', '](', ')', '{', '}', '[@', ']', '\\', ' ', 'a', '-');
  fc.assert(
    fc.property(fc.array(marks, { maxLength: 40 }), (parts) => {
      parseInline(parts.join(''));
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[\w .,:;()<>&'"-]*$/), (text) => {
      const { nodes, problems } = parseInline(text);
      expect(problems).toEqual([]);
      expect(shown(nodes)).toBe(text);
    }),
  );
});
