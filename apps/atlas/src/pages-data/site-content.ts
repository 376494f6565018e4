/**
 * All content of the atlas from a working tree: records, pages and their computed numbers, with every problem there is.
 * For Node: the site's build, the check, the search index and tests see the same.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AtlasRecords, openTextFolder, readAtlasRecords } from '@plimsoll/registry/authoring';
import type { ContentProblem } from '@plimsoll/registry/pages';
import { openRegistry } from '@plimsoll/registry/portable';
import type { ComputedNumber } from '../numbers/computed-number.ts';
import { type InterfaceMessages, readInterfaceMessages } from './interface-messages.ts';
import { type Page, readPages } from './page-reader.ts';
import { siteReferenceProblems } from './site-references.ts';

export const dataFolder = 'packages/registry/data';
const pagesFolder = 'apps/atlas/src/content/docs';
const interfaceFolder = 'apps/atlas/src/content/messages';

export interface SiteContent {
  readonly records: AtlasRecords;
  readonly pages: ReadonlyMap<string, Page>;
  /** Page id -> its computed numbers by name. */
  readonly numbers: ReadonlyMap<string, Readonly<Record<string, ComputedNumber>>>;
  /** Locale -> tag id -> label. */
  readonly tagLabels: InterfaceMessages['tagLabels'];
  /** Locale -> how many keys of pages and interface show English in it. */
  readonly untranslatedCounts: ReadonlyMap<string, number>;
  readonly problems: readonly ContentProblem[];
}

/** Reads everything under the repository `root`. References are judged when records and pages are sound. */
export async function readSiteContent(root: string): Promise<SiteContent> {
  const data = openTextFolder(join(root, dataFolder), dataFolder);
  const { records, problems: recordProblems } = readAtlasRecords(data);
  const { pages, problems: pageProblems } = readPages(openTextFolder(join(root, pagesFolder), pagesFolder));
  const { numbers, problems: numberProblems } = await computeNumbers(root, pages);
  const words = readInterfaceMessages(
    openTextFolder(join(root, interfaceFolder), interfaceFolder),
    records.tags,
  );
  const found = [...recordProblems, ...pageProblems, ...numberProblems, ...words.problems];
  const registry = openRegistry((path) => data.read(path));
  return {
    records,
    pages,
    numbers,
    tagLabels: words.tagLabels,
    untranslatedCounts: untranslatedCounts(pages, words),
    problems: found.length > 0 ? found : siteReferenceProblems({ records, pages, numbers, registry }),
  };
}

function untranslatedCounts(
  pages: ReadonlyMap<string, Page>,
  words: InterfaceMessages,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { untranslated } of [words, ...pages.values()]) {
    for (const [locale, keys] of untranslated) counts.set(locale, (counts.get(locale) ?? 0) + keys.length);
  }
  return counts;
}

async function computeNumbers(
  root: string,
  pages: ReadonlyMap<string, Page>,
): Promise<Pick<SiteContent, 'numbers' | 'problems'>> {
  const numbers = new Map<string, Readonly<Record<string, ComputedNumber>>>();
  const problems: ContentProblem[] = [];
  for (const { id, folder, hasNumbers } of pages.values()) {
    if (!hasNumbers) continue;
    const file = `${folder}/numbers.ts`;
    try {
      const module = (await import(pathToFileURL(join(root, file)).href)) as {
        readonly default: () => Record<string, ComputedNumber>;
      };
      numbers.set(id, module.default());
    } catch (error) {
      const problem = `computes nothing: ${error instanceof Error ? error.message : String(error)}`;
      problems.push({ file, key: '', problem });
    }
  }
  return { numbers, problems };
}
