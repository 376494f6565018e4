/** The search indexes of the site, one for each locale that any page has. */
import { join } from 'node:path';
import { generatedDocuments, openTextFolder, searchIndexText } from '@plimsoll/registry/authoring';
import { openRegistry } from '@plimsoll/registry/portable';
import { type SearchDocument, searchIndexPath } from '@plimsoll/registry/search';
import { generatedFacts } from './generated-facts.ts';
import { sourceLocale } from './read/page-reader.ts';
import { pageSearchDocument, sitePageDocuments } from './search-documents.ts';
import { dataFolder, readSiteContent, type SiteContent } from './site-content.ts';

/** Path from the repository's root -> text. */
export async function readSearchIndexes(root: string): Promise<ReadonlyMap<string, string>> {
  const content = await readSiteContent(root);
  const registry = openRegistry(openTextFolder(join(root, dataFolder), dataFolder).read);
  const generated = generatedDocuments(registry, generatedFacts(registry));
  const indexes = searchIndexTexts(content, generated);
  return new Map([...indexes].map(([locale, text]) => [`${dataFolder}/${searchIndexPath(locale)}`, text]));
}

/** Locale -> index of its pages and of the generated ones, which have words in English only. */
export function searchIndexTexts(
  content: SiteContent,
  generated: readonly SearchDocument[],
): ReadonlyMap<string, string> {
  const pages = [...content.pages.values()];
  const locales = new Set([sourceLocale, ...pages.flatMap((page) => [...page.locales.keys()])]);
  const documentsIn = (locale: string): readonly SearchDocument[] =>
    pages.flatMap((page) => {
      const record = content.records.pages.get(page.id)?.record;
      if (record === undefined) return [];
      const messages = page.locales.get(locale) ?? page.messages;
      const numbers = content.numbers.get(page.id) ?? {};
      const tagLabels = content.tagLabels.get(locale) ?? new Map();
      return pageSearchDocument({ page, messages, record, numbers, tagLabels });
    });
  return new Map(
    [...locales].sort().map((locale) => {
      const sitePages = sitePageDocuments(content.sitePages.get(locale) ?? {});
      return [locale, searchIndexText([...documentsIn(locale), ...sitePages, ...generated])];
    }),
  );
}
