/**
 * Search over pages, models and hardware, for the site, the terminal and tests: given the text of the index, it answers
 * in a few milliseconds without I/O. MiniSearch finds and scores (BM25+, prefixes); our code interprets the query
 * (`understand`), requires that a page matches most of it, and puts names first.
 */
import MiniSearch, { type AsPlainObject, type SearchResult as MiniSearchResult } from 'minisearch';
import { routeOf, splitId } from '../pages/routes.ts';
import { type AskedQuery, type AskedWord, understand } from './query.ts';
import type { SearchDocument, SearchResult, StoredDocument } from './search-document.ts';
import { searchOptions } from './search-options.ts';
import { Vocabulary } from './vocabulary.ts';

export interface Search {
  /** Returns the best pages first; empty if nothing is near. */
  search(query: string, limit?: number): readonly SearchResult[];
  /** Returns the part of a page that the index keeps, or undefined for an unknown id. */
  document(id: string): StoredDocument | undefined;
  /** Returns the names nearest to a query that found nothing. */
  nearestWords(query: string, count?: number): readonly string[];
}

const resultCount = 20;
const nearestCount = 3;

/**
 * A page whose name equals the query ranks above all pages that only mention it. If pages of several kinds have the
 * name, the kind that explains most comes first: "memory bandwidth" names the page on serving memory, which covers it
 * as one of its topics, and the glossary page that defines it.
 */
const exactNameScore = 1_000_000; // far above the highest score sum of a query of this length
const kindOrder: readonly string[] = ['site', 'system', 'glossary', 'tutorial', 'hardware', 'model'];

/**
 * Score of a name inside the query, per unit of its words' rarity. A name with a number (a device or a model) says what
 * the query is about; a concept's name may only be touched on.
 */
const numberedNameScore = 60;
const generatedKinds: ReadonlySet<string> = new Set(['hardware', 'model']);
const partNameScore = 12;
/** Number of ordinary words that a word with a number counts for. */
const numberedShare = 2;
/**
 * Smallest share of the query that a page must match; exactly this share is enough only if it contains a name of the
 * page.
 */
const shareMin = 0.5;

export function openSearch(indexText: string): Search {
  const plain: AsPlainObject = JSON.parse(indexText);
  const index = MiniSearch.loadJS<SearchDocument>(plain, searchOptions);
  const vocabulary = new Vocabulary(plain);
  return {
    search: (query, limit = resultCount) => {
      const asked = understand(query, vocabulary);
      return find(index, asked)
        .map((found) => ({
          id: String(found.id),
          route: routeOf(String(found.id)),
          title: String(found.title),
          score: Math.round(scoreOf(found, asked) * 1000) / 1000,
        }))
        .filter(({ score }) => score > 0)
        .sort((left, right) => right.score - left.score || (left.id < right.id ? -1 : 1))
        .slice(0, limit);
    },
    document: (id) => {
      const stored = index.getStoredFields(id);
      if (stored === undefined) return undefined;
      const { title, summary, facts } = stored as unknown as StoredDocument;
      return { title, summary, facts };
    },
    nearestWords: (query, count = nearestCount) =>
      nearest(understand(query, vocabulary), vocabulary).slice(0, count),
  };
}

function find(index: MiniSearch<SearchDocument>, { terms }: AskedQuery): readonly MiniSearchResult[] {
  if (terms.size === 0) return [];
  return index.search(' ', {
    tokenize: () => [...terms.keys()],
    prefix: (term) => terms.get(term)?.isBeginning === true,
    boostTerm: (term) => terms.get(term)?.weight ?? 1,
    boostDocument: (_, __, stored) => (typeof stored?.weight === 'number' ? stored.weight : 1),
  });
}

/** Returns zero for a page that matches too little of the query. */
function scoreOf(found: MiniSearchResult, { words, named, wholeName }: AskedQuery): number {
  const id = String(found.id);
  const [kind] = splitId(id);
  const taken = named.get(id);
  if (taken?.size === words.length) return exactNameScore + kindOrder.length - kindOrder.indexOf(kind);
  const matched = Object.keys(found.match);
  const isWhole = matched.some((term) => wholeName !== '' && term.startsWith(wholeName));
  const answered = words.filter((word, place) => isWhole || taken?.has(place) || isAnswered(word, matched));
  const name = words.filter((_, place) => taken?.has(place));
  const isNumbered = generatedKinds.has(kind) && name.some((word) => word.isNumbered);
  const share = countOf(answered) / countOf(words);
  const isNamed = name.length > 0 && !isAside({ name, words, everyday: everydayOf(found) });
  const isMeant = share > shareMin || isNumbered || (share === shareMin && isNamed);
  if (!isMeant) return 0;
  const nameScore = rarityOf(name) * (isNumbered ? numberedNameScore : partNameScore);
  return found.score * (rarityOf(answered) / rarityOf(words)) ** 2 + nameScore;
}

/** True if the matched name is an everyday word next to a word that no page contains, as in "steam engine". */
function isAside({
  name,
  words,
  everyday,
}: {
  readonly name: readonly AskedWord[];
  readonly words: readonly AskedWord[];
  readonly everyday: readonly string[];
}): boolean {
  return words.some(({ isKnown }) => !isKnown) && name.every(({ word }) => everyday.includes(word));
}

function everydayOf({ everyday }: MiniSearchResult): readonly string[] {
  return Array.isArray(everyday) ? everyday : [];
}

function isAnswered({ word, spellings }: AskedWord, matched: readonly string[]): boolean {
  return matched.some((term) => term.startsWith(word) || spellings.includes(term));
}

function countOf(words: readonly AskedWord[]): number {
  return words.reduce((total, { isNumbered }) => total + (isNumbered ? numberedShare : 1), 0);
}

function rarityOf(words: readonly AskedWord[]): number {
  return words.reduce(
    (total, { isNumbered, rarity }) => total + rarity * (isNumbered ? numberedShare : 1),
    0,
  );
}

/** Finds the words of names nearest to any word of the query, nearest first. */
function nearest({ words }: AskedQuery, vocabulary: Vocabulary): readonly string[] {
  const near = words.flatMap(({ word }) => vocabulary.nearNames(word));
  near.sort((left, right) => left.distance - right.distance || (left.name < right.name ? -1 : 1));
  return [...new Set(near.map(({ name }) => name))];
}
