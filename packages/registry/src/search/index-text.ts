/**
 * Builds the committed and shipped index. Pure: the tool that writes it and the check that rebuilds it call the same
 * code.
 */
import MiniSearch from 'minisearch';
import type { SearchDocument } from './search-document.ts';
import { searchOptions } from './search-options.ts';

/** Formats the index with one document and one term per line, so that a diff shows the effect of changed words. */
export function searchIndexText(documents: readonly SearchDocument[]): string {
  const index = new MiniSearch(searchOptions);
  index.addAll(documents.toSorted((left, right) => (left.id < right.id ? -1 : 1)));
  const { index: terms, storedFields, ...head } = index.toJSON();
  const stored = Object.entries(storedFields).map(
    ([id, fields]) => `${JSON.stringify(id)}:${JSON.stringify(fields)}`,
  );
  // MiniSearch orders terms by its tree, which depends on the order of insertion.
  const sorted = terms.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return [
    `{${JSON.stringify(head).slice(1, -1)},`,
    `"storedFields":{\n${stored.join(',\n')}\n},`,
    `"index":[\n${sorted.map((term) => JSON.stringify(term)).join(',\n')}\n]}\n`,
  ].join('\n');
}
