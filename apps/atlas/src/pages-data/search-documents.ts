/** Search documents of pages: the words of the page with computed numbers and without marks. */

import { nameKey, splitId } from '@plimsoll/registry/pages';
import type { SearchDocument } from '@plimsoll/registry/search';
import type { ComputedNumber } from '../numbers/computed-number.ts';
import { allNodes, parseInline, plainText } from './read/inline-text.ts';
import type { SitePageWords } from './read/interface-messages.ts';
import { messageTexts } from './read/message-texts.ts';
import type { Messages } from './read/messages-schema.ts';
import type { Page } from './read/page-reader.ts';

/** Limits of the facts under a summary: enough to answer, short enough to read. */
const factsMax = 3;
const factLengthMax = 360;

export interface SearchedPage {
  readonly page: Page;
  /** Words of one locale. */
  readonly messages: Messages;
  readonly record: { readonly aliases: readonly string[]; readonly tags: readonly string[] };
  readonly numbers: Readonly<Record<string, ComputedNumber>>;
  /** Tag id -> its label in the locale. */
  readonly tagLabels: ReadonlyMap<string, string>;
}

export function pageSearchDocument({
  page,
  messages,
  record,
  numbers,
  tagLabels,
}: SearchedPage): SearchDocument {
  const plain = (text: string): string =>
    plainText(parseInline(text).nodes, (name) => numbers[name]?.text ?? '');
  const texts = messageTexts(messages);
  const names = [messages.title, ...record.aliases];
  const everyday = record.aliases.filter(isEverydayWord);
  const isText = ({ key, role }: (typeof texts)[number]): boolean =>
    role !== 'title' && !key.startsWith('summary') && !key.startsWith('related');
  return {
    id: page.id,
    title: messages.title,
    keys: [...new Set(names.map(nameKey))],
    names,
    tags: record.tags.map((id) => tagLabels.get(id) ?? splitId(id)[1]),
    headings: texts
      .filter(({ key, role }) => role === 'title' && key !== 'title')
      .map(({ text }) => plain(text)),
    summary: messages.summary.map(plain),
    facts: factTexts(messages, numbers)
      .map(plain)
      .filter((text) => text.length <= factLengthMax)
      .slice(0, factsMax),
    text: texts
      .filter(isText)
      .map(({ text }) => plain(text))
      .join('\n'),
    ...(everyday.length > 0 && { everyday }),
  };
}

/** A word in capitals or with digits is a term of this field: "AWQ", "VRAM", "int4". */
function isEverydayWord(name: string): boolean {
  return /^\p{Ll}+$/u.test(name);
}

/** Documents of the pages without a record, by the names that `routeOf` knows. */
export function sitePageDocuments(pages: Readonly<Record<string, SitePageWords>>): readonly SearchDocument[] {
  return Object.entries(pages).map(([name, { title, summary, aliases }]) => ({
    id: `site.${name}`,
    title,
    keys: [...new Set([title, ...aliases].map(nameKey))],
    names: [title, ...aliases],
    tags: [],
    headings: [],
    summary: [summary],
    facts: [],
    text: '',
    everyday: [title, ...aliases].map((name) => name.toLowerCase()).filter(isEverydayWord),
  }));
}

/** Paragraphs and list entries with a computed number: a reader would quote them. */
function factTexts(messages: Messages, numbers: SearchedPage['numbers']): readonly string[] {
  return messageTexts(messages)
    .filter(({ key, role }) => role === 'prose' && key.startsWith('sections.'))
    .map(({ text }) => text)
    .filter((text) =>
      allNodes(parseInline(text).nodes).some(
        (node) => node.kind === 'number' && !numbers[node.name]?.isGiven,
      ),
    );
}
