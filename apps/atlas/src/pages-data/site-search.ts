/** The search indexes of the site, one for each locale that any page has. */
import { join } from 'node:path';
import { generatedDocuments, openTextFolder, searchIndexText } from '@plimsoll/registry/authoring';
import { openRegistry } from '@plimsoll/registry/portable';
import { searchIndexPath } from '@plimsoll/registry/search';
import { generatedFacts } from './generated-facts.ts';
import { sourceLocale } from './page-reader.ts';
import { pageSearchDocument } from './search-documents.ts';
import { dataFolder, readSiteContent } from './site-content.ts';

/** Path from the repository's root -> text. */
export async function readSearchIndexes(root: string): Promise<ReadonlyMap<string, string>> {
  const content = await readSiteContent(root);
  const registry = openRegistry(openTextFolder(join(root, dataFolder), dataFolder).read);
  const pages = [...content.pages.values()];
  const locales = new Set([sourceLocale, ...pages.flatMap(({ locales: own }) => [...own.keys()])]);
  const generated = generatedDocuments(registry, generatedFacts(registry));
  const indexOf = (locale: string): string => {
    const documents = pages.flatMap((page) => {
      const record = content.records.pages.get(page.id)?.record;
      if (record === undefined) return [];
      const messages = page.locales.get(locale) ?? page.messages;
      const tagLabels = content.tagLabels.get(locale) ?? new Map();
      return pageSearchDocument({
        page,
        messages,
        record,
        numbers: content.numbers.get(page.id) ?? {},
        tagLabels,
      });
    });
    return searchIndexText([...documents, ...generated]);
  };
  return new Map(
    [...locales].sort().map((locale) => [`${dataFolder}/${searchIndexPath(locale)}`, indexOf(locale)]),
  );
}
