/**
 * Search over pages, models and hardware, in the page, in the terminal and in tests: give it the text of the index and it
 * answers in a few milliseconds, without any I/O of its own. MiniSearch finds and scores (BM25+, beginnings of words); what
 * is ours is what a query is taken to mean (`understand`), that a page must answer most of it, and that names come first.
 */
import MiniSearch, { type AsPlainObject, type SearchResult as MiniSearchResult } from 'minisearch';
import { routeOf, splitId } from '../pages/routes.ts';
import { type AskedQuery, type AskedWord, understand } from './query.ts';
import type { SearchDocument, SearchResult, StoredDocument } from './search-document.ts';
import { searchOptions } from './search-options.ts';
import { Vocabulary } from './vocabulary.ts';

export interface Search {
  /** Best pages first; empty when nothing is near. */
  search(query: string, limit?: number): readonly SearchResult[];
  /** What the index keeps of a page, or undefined for an id it does not have. */
  document(id: string): StoredDocument | undefined;
  /** Names that are nearest to a query which found nothing. */
  nearestWords(query: string, count?: number): readonly string[];
}

const resultCount = 20;
const nearestCount = 3;

/**
 * A page whose name is the query comes before all that only mention it. Where several kinds of page have the name, the
 * one that explains most comes first: "memory bandwidth" is a name of the page on serving memory, which covers it as one
 * of its concerns, and the title of a glossary page, which defines it.
 */
const exactNameScore = 1_000_000; // far above the sum of scores that a query of that length can reach
const kindOrder: readonly string[] = ['site', 'system', 'glossary', 'tutorial', 'hardware', 'model'];

/**
 * What a name is worth that is a part of the query, for each unit of its words' rarity. One with a number, of a device or a
 * model, says what the query is about; that of a concept may only be what it touches.
 */
const numberedNameScore = 60;
const generatedKinds: ReadonlySet<string> = new Set(['hardware', 'model']);
const partNameScore = 12;
/** How many other words a word with a number counts for. */
const numberedShare = 2;
/** Share of a query that a page answers at least; exactly that much is enough where it holds a name of the page. */
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

/** Zero for a page that answers too little of the query to be meant. */
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

/** "Steam engine": the name is a word that everybody's language has, and beside it stands one that no page knows. */
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

/** Words of names nearest to any of those asked for, nearest first. */
function nearest({ words }: AskedQuery, vocabulary: Vocabulary): readonly string[] {
  const near = words.flatMap(({ word }) => vocabulary.nearNames(word));
  near.sort((left, right) => left.distance - right.distance || (left.name < right.name ? -1 : 1));
  return [...new Set(near.map(({ name }) => name))];
}
