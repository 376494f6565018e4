/** Builds the index that is committed and shipped. Pure: the tool that writes it and the check that makes it again share it. */
import MiniSearch from 'minisearch';
import type { SearchDocument } from './search-document.ts';
import { searchOptions } from './search-options.ts';

/** The index as text: one document and one term a line, so that a diff shows what a change of words did. */
export function searchIndexText(documents: readonly SearchDocument[]): string {
  const index = new MiniSearch(searchOptions);
  index.addAll(documents.toSorted((left, right) => (left.id < right.id ? -1 : 1)));
  const { index: terms, storedFields, ...head } = index.toJSON();
  const stored = Object.entries(storedFields).map(
    ([id, fields]) => `${JSON.stringify(id)}:${JSON.stringify(fields)}`,
  );
  // MiniSearch's own order follows its tree, which is the order of insertion.
  const sorted = terms.toSorted(([left], [right]) => (left < right ? -1 : 1));
  return [
    `{${JSON.stringify(head).slice(1, -1)},`,
    `"storedFields":{\n${stored.join(',\n')}\n},`,
    `"index":[\n${sorted.map((term) => JSON.stringify(term)).join(',\n')}\n]}\n`,
  ].join('\n');
}
