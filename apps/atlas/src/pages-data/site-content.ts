/**
 * Reads all content of the atlas from a working tree: records, pages and their computed numbers, with every problem in them.
 * It runs in Node, for the site's build, the check, the search index and tests.
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
  /** Locale -> search words of the pages without a record. */
  readonly sitePages: InterfaceMessages['sitePages'];
  /** Locale -> count of keys of pages and interface that fall back to English. */
  readonly untranslatedCounts: ReadonlyMap<string, number>;
  readonly problems: readonly ContentProblem[];
  /** Numbers that a writer typed into pages or interface. They may be right today, so the build accepts them. */
  readonly bareNumbers: readonly ContentProblem[];
}

/** Reads everything under the repository `root`. It judges references if records and pages are sound. */
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
