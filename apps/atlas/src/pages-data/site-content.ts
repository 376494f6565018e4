/**
 * All content of the atlas from a working tree: records, pages and their computed numbers, with every problem there is.
 * For Node: the site's build, the check, the search index and tests see the same.
 */
import { join } from 'node:path';
import { type AtlasRecords, openTextFolder, readAtlasRecords } from '@plimsoll/registry/authoring';
import type { ContentProblem, TextFiles } from '@plimsoll/registry/pages';
import { openRegistry } from '@plimsoll/registry/portable';
import { allBareNumberProblems } from './judge/bare-numbers.ts';
import { codeWordProblems } from './judge/code-words.ts';
import { siteReferenceProblems } from './judge/site-references.ts';
import {
  type InterfaceMessages,
  readInterfaceMessages,
  readOverlaidMessages,
} from './read/interface-messages.ts';
import { type PageCode, runPageCode } from './read/page-code.ts';
import { type Page, readPages } from './read/page-reader.ts';

export const dataFolder = 'packages/registry/data';
const pagesFolder = 'apps/atlas/src/content/docs';
const interfaceFolder = 'apps/atlas/src/content/messages';
const islandsFolder = 'apps/atlas/src/content/island-messages';

export interface SiteContent {
  readonly records: AtlasRecords;
  readonly pages: ReadonlyMap<string, Page>;
  /** Page id -> its computed numbers by name. */
  readonly numbers: ReadonlyMap<string, PageCode['numbers']>;
  /** Locale -> tag id -> label. */
  readonly tagLabels: InterfaceMessages['tagLabels'];
  /** Locale -> pages without a record, by what they are found. */
  readonly sitePages: InterfaceMessages['sitePages'];
  /** Locale -> how many keys of pages and interface show English in it. */
  readonly untranslatedCounts: ReadonlyMap<string, number>;
  readonly problems: readonly ContentProblem[];
  /** Numbers that a writer typed, of pages and interface. They mislead nobody at once, so the site is built with them. */
  readonly bareNumbers: readonly ContentProblem[];
}

/** Reads everything under the repository `root`. References are judged when records and pages are sound. */
export async function readSiteContent(root: string): Promise<SiteContent> {
  const open = (folder: string): TextFiles => openTextFolder(join(root, folder), folder);
  const data = open(dataFolder);
  const { records, problems: recordProblems } = readAtlasRecords(data);
  const { pages, problems: pageProblems } = readPages(open(pagesFolder));
  const numbers = new Map<string, PageCode['numbers']>();
  const codeProblems: ContentProblem[] = [];
  const wordProblems: ContentProblem[] = [];
  for (const page of pages.values()) {
    const { code, problems } = await runPageCode(root, page);
    numbers.set(page.id, code.numbers);
    codeProblems.push(...problems);
    wordProblems.push(...codeWordProblems(page, code));
  }
  const wordFiles = [open(interfaceFolder), open(islandsFolder)] as const;
  const words = readInterfaceMessages(wordFiles[0], records.tags);
  const islands = readOverlaidMessages(wordFiles[1]);
  const found = [recordProblems, pageProblems, codeProblems, words.problems, islands.problems].flat();
  const registry = openRegistry((path) => data.read(path));
  return {
    records,
    pages,
    numbers,
    tagLabels: words.tagLabels,
    sitePages: words.sitePages,
    untranslatedCounts: untranslatedCounts([words, islands, ...pages.values()]),
    problems:
      found.length > 0
        ? found
        : [...wordProblems, ...siteReferenceProblems({ records, pages, numbers, registry })],
    bareNumbers: found.length > 0 ? [] : allBareNumberProblems({ pages, wordFiles, registry }),
  };
}

function untranslatedCounts(
  parts: readonly Pick<InterfaceMessages, 'untranslated'>[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { untranslated } of parts) {
    for (const [locale, keys] of untranslated) counts.set(locale, (counts.get(locale) ?? 0) + keys.length);
  }
  return counts;
}
