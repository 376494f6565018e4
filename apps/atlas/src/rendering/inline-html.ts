/** Sentences of messages as HTML: emphasis, links to records, citations by number, computed numbers with their derivation. */
import { assert } from '@plimsoll/foundation';
import { escapeHtml } from '../html/escape-html.ts';
import type { ComputedNumber } from '../numbers/computed-number.ts';
import { type Inline, parseInline } from '../pages-data/read/inline-text.ts';
import { targetHref } from './site-links.ts';

/** What the marks of one page refer to. */
export interface InlineContext {
  readonly numbers: ReadonlyMap<string, ComputedNumber>;
  /** Name of a number -> the text that first shows it, where its entry at the foot of the page leads back to. */
  readonly firstUses: ReadonlyMap<string, string>;
  /** Slug of a cited work -> its place in the list of references, from 1. */
  readonly citationNumbers: ReadonlyMap<string, number>;
  /** What addresses of the page's language begin with. */
  readonly prefix: string;
  /** "Reference {number}", for readers who hear the page. */
  readonly referenceLabel: string;
}

export function inlineHtml(text: string, context: InlineContext): string {
  const html = nodesHtml(parseInline(text).nodes, context, false);
  const first = [...context.firstUses].filter(([, use]) => use === text);
  return first.reduce((marked, [name]) => {
    const link = `<a class="computed" href="#${numberAnchor(name)}"`;
    return marked.replace(link, `${link} id="${numberUseAnchor(name)}"`);
  }, html);
}

/** Ids of the entries at the foot of a page that marks in the text lead to. */
export function referenceAnchor(slug: string): string {
  return `reference-${slug}`;
}

export function numberAnchor(name: string): string {
  return `number-${name}`;
}

/** The place in the text that first shows a number. */
export function numberUseAnchor(name: string): string {
  return `use-${name}`;
}

/** HTML allows no link inside a link, so a number there is plain text. */
function nodesHtml(nodes: readonly Inline[], context: InlineContext, insideLink: boolean): string {
  return nodes.map((node) => nodeHtml(node, context, insideLink)).join('');
}

function nodeHtml(node: Inline, context: InlineContext, insideLink: boolean): string {
  switch (node.kind) {
    case 'text':
      return escapeHtml(node.text);
    case 'code':
      return `<code>${escapeHtml(node.text)}</code>`;
    case 'emphasis':
      return `<em>${nodesHtml(node.children, context, insideLink)}</em>`;
    case 'strong':
      return `<strong>${nodesHtml(node.children, context, insideLink)}</strong>`;
    case 'link':
      return `<a href="${escapeHtml(targetHref(node.target, context.prefix))}">${nodesHtml(node.children, context, true)}</a>`;
    case 'citation':
      return citationHtml(node.slug, context);
    case 'number':
      return numberHtml(node.name, context, insideLink);
  }
}

function citationHtml(slug: string, { citationNumbers, referenceLabel }: InlineContext): string {
  const number = citationNumbers.get(slug);
  assert(number !== undefined, `the page cites ${slug}, which its record does not list`);
  const label = escapeHtml(referenceLabel.replace('{number}', String(number)));
  return `<a class="citation" href="#${referenceAnchor(slug)}" aria-label="${label}">[${number}]</a>`;
}

function numberHtml(name: string, { numbers }: InlineContext, insideLink: boolean): string {
  const number = numbers.get(name);
  assert(number !== undefined, `the page shows {${name}}, which its numbers.ts does not compute`);
  const text = escapeHtml(number.text);
  if (insideLink || number.isGiven) return text;
  return `<a class="computed" href="#${numberAnchor(name)}" title="${escapeHtml(number.derivation)}">${text}</a>`;
}
