/**
 * A page as its templates see it: words, record, computed numbers, and the lists at its foot in the order of their first
 * use in the text. This file looks everything up once, so that templates only place parts.
 */
import { defined } from '@plimsoll/foundation';
import type { CitationRecord, GraphRecord, PageRecord } from '@plimsoll/registry/pages';
import type { ComputedNumber } from '../numbers/computed-number.ts';
import { allNodes, type Inline, parseInline, plainText } from '../pages-data/read/inline-text.ts';
import { messageTexts, type TextRole } from '../pages-data/read/message-texts.ts';
import type { Messages } from '../pages-data/read/messages-schema.ts';
import type { Page } from '../pages-data/read/page-reader.ts';
import type { PageElement } from '../pages-data/read/page-structure.ts';
import type { InlineContext } from './inline-html.ts';
import type { Locale } from './locale.ts';

export interface PageView extends InlineContext {
  readonly page: Page;
  readonly record: PageRecord;
  readonly locale: Locale;
  readonly messages: Messages;
  readonly graphs: ReadonlyMap<string, GraphRecord>;
  /** Works, in the order of their numbers. */
  readonly citations: readonly CitationRecord[];
  /** Names of the computed numbers the text shows, in reading order; what an example was given is not one. */
  readonly shownNumbers: readonly string[];
  readonly headings: readonly Heading[];
  /** Section id -> level of its heading. */
  readonly headingLevels: ReadonlyMap<string, 2 | 3>;
}

export interface Heading {
  readonly depth: number;
  readonly slug: string;
  readonly text: string;
}

export interface PageSources {
  readonly page: Page;
  readonly record: PageRecord;
  readonly locale: Locale;
  readonly numbers: ReadonlyMap<string, ComputedNumber>;
  readonly citations: ReadonlyMap<string, CitationRecord>;
  readonly graphs: ReadonlyMap<string, GraphRecord>;
}

export function pageView({ page, record, locale, numbers, citations, graphs }: PageSources): PageView {
  const messages = page.locales.get(locale.code) ?? page.messages;
  const marks = messageTexts(messages).flatMap(({ text }) => allNodes(parseInline(text).nodes));
  // A work that only the record names comes last. The content check refuses such a page.
  const cited = distinct([...marks.flatMap(citedSlug), ...record.citations.map(slugOf)]);
  const sections = sectionsOf(page.structure.elements, 2);
  const inlineTexts = messageTexts(messages).filter(
    ({ key, role }) => inlineRoles.has(role) && !saidByScript.test(key),
  );
  const numberText = (name: string): string => numbers.get(name)?.text ?? name;
  return {
    page,
    record,
    locale,
    prefix: locale.prefix,
    referenceLabel: locale.words.page.reference,
    messages,
    numbers,
    firstUses: firstUses(inlineTexts.map(({ text }) => text)),
    graphs,
    citationNumbers: new Map(cited.map((slug, index) => [slug, index + 1])),
    citations: cited.map((slug) =>
      defined(citations.get(`citation.${slug}`), `${page.id} cites ${slug}, which is no record`),
    ),
    shownNumbers: distinct(
      marks.flatMap((node) =>
        node.kind === 'number' && !numbers.get(node.name)?.isGiven ? [node.name] : [],
      ),
    ),
    headings: sections.map(({ id, level }) => {
      const title = defined(messages.sections[id], `${page.id} has no words for section ${id}`).title;
      return { depth: level, slug: id, text: plainText(parseInline(title).nodes, numberText) };
    }),
    headingLevels: new Map(sections.map(({ id, level }) => [id, level])),
  };
}

/** Roles of texts that become HTML with links. Titles and labels also show where a link is not possible. */
const inlineRoles: ReadonlySet<TextRole> = new Set<TextRole>(['prose', 'cell', 'formula']);
/** The reply of an exercise is text without links. */
const saidByScript = /^exercises\.[^.]+\.(?:hint|right|wrong)$/;

/**
 * Name of a number -> the first text that shows it as a link. A text that the page has twice ("{weights}" in two cells) does
 * not count, because both places would have the same id.
 */
function firstUses(texts: readonly string[]): ReadonlyMap<string, string> {
  const uses = new Map<string, string>();
  for (const text of texts) {
    if (texts.indexOf(text) !== texts.lastIndexOf(text)) continue;
    for (const name of linkedNumbers(parseInline(text).nodes)) if (!uses.has(name)) uses.set(name, text);
  }
  return uses;
}

/** A number inside a link is not a link itself. */
function linkedNumbers(nodes: readonly Inline[]): readonly string[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'number') return [node.name];
    return node.kind === 'emphasis' || node.kind === 'strong' ? linkedNumbers(node.children) : [];
  });
}

interface PlacedSection {
  readonly id: string;
  readonly level: 2 | 3;
}

function sectionsOf(elements: readonly PageElement[], level: 2 | 3): readonly PlacedSection[] {
  return elements.flatMap(({ component, id, children }) =>
    component === 'Section' ? [{ id, level }, ...sectionsOf(children, 3)] : [],
  );
}

function citedSlug(node: Inline): readonly string[] {
  return node.kind === 'citation' ? [node.slug] : [];
}

function slugOf(citationId: string): string {
  return citationId.slice('citation.'.length);
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
