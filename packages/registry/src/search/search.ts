/**
 * Search over pages, models and hardware, in the page, in the terminal and in tests: give it the text of the index and it
 * answers in under a millisecond or two, without any I/O of its own.
 */
import MiniSearch, { type AsPlainObject, type SearchResult as MiniSearchResult } from 'minisearch';
import { nameKey } from '../name-key.ts';
import { nearestNames } from '../nearest-name.ts';
import { routeOf, splitId } from '../pages/routes.ts';
import type { SearchDocument, SearchResult, StoredDocument } from './search-document.ts';
import { searchOptions, wholeNameTerm, words } from './search-options.ts';

export interface Search {
  /** Best pages first; empty when nothing is near. */
  search(query: string, limit?: number): readonly SearchResult[];
  /** What the index keeps of a page, or undefined for an id it does not have. */
  document(id: string): StoredDocument | undefined;
  /** Names that are nearest to a query which found nothing. */
  nearestWords(query: string, count?: number): readonly string[];
}

/** Longer queries are cut: nobody types them, and their cost grows with each term. */
const queryLengthMax = 200;
const resultCount = 20;
const nearestCount = 3;

/**
 * A page whose name is the query comes before all that only mention it. Where several kinds of page have the name, the
 * one that explains most comes first: "memory bandwidth" is a name of the page on serving memory, which covers it as one
 * of its concerns, and the title of a glossary page, which defines it.
 */
const exactNameScore = 1_000_000; // far above the sum of scores that a query of that length can reach
const kindOrder: readonly string[] = ['system', 'glossary', 'tutorial', 'hardware', 'model'];

export function openSearch(indexText: string): Search {
  const plain: AsPlainObject = JSON.parse(indexText);
  const index = MiniSearch.loadJS<SearchDocument>(plain, searchOptions);
  return {
    search: (query, limit = resultCount) => {
      const asked = query.slice(0, queryLengthMax);
      const nameTerm = wholeNameTerm(nameKey(asked));
      return index
        .search(asked, { filter: (found) => isMeant(found as MiniSearchResult) })
        .map((found) => ({
          id: String(found.id),
          route: routeOf(String(found.id)),
          title: String(found.title),
          score: Math.round((nameScore(found, nameTerm) ?? found.score) * 1000) / 1000,
        }))
        .sort((left, right) => right.score - left.score || (left.id < right.id ? -1 : 1))
        .slice(0, limit);
    },
    document: (id) => {
      const stored = index.getStoredFields(id);
      // What was stored is what the builder of the index was given.
      return stored === undefined ? undefined : (stored as unknown as StoredDocument);
    },
    nearestWords: (query, count = nearestCount) => nearest(query, plain, count),
  };
}

/** Fields whose words a reader may mistype and still mean. */
const namingFields: ReadonlySet<string> = new Set(['keys', 'names', 'headings', 'tags']);

/** A typo is looked for among names: in running text, "weather" has "whether" for a neighbour. */
function isMeant({ match, queryTerms }: MiniSearchResult): boolean {
  return Object.entries(match).some(
    ([term, fields]) =>
      fields.some((field) => namingFields.has(field)) || queryTerms.some((asked) => term.startsWith(asked)),
  );
}

/** The score of a page that has this name, whole; null when none of its names is it. */
function nameScore(found: MiniSearchResult, nameTerm: string): number | null {
  if (!Object.hasOwn(found.match, nameTerm)) return null;
  const kind = splitId(String(found.id))[0];
  return exactNameScore + kindOrder.length - kindOrder.indexOf(kind);
}

function nearest(query: string, plain: AsPlainObject, count: number): readonly string[] {
  const titles = Object.values(plain.storedFields).map((fields) => String(fields.title));
  const vocabulary = new Set(titles.flatMap(words).filter((word) => word.length > 2));
  const asked = words(query.slice(0, queryLengthMax));
  const near = asked.flatMap((word) => nearestNames(word, vocabulary, count));
  return [...new Set(near)].slice(0, count);
}
