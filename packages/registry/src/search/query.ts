/**
 * Parses a query: the words that carry it, with typos corrected, and the names in it. "What is paged atention" is one
 * name; "does 70b fit on a 4090" is three words, and one of them is the name of a device.
 */
import { nameKey } from '../name-key.ts';
import { wholeNameTerm } from './search-options.ts';
import { stopWords } from './stop-words.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Longer queries are cut: people do not type them, and their cost grows with each word. */
const queryLengthMax = 200;
const wordsMax = 24;
/** Number of words in the longest names: "RTX PRO 6000 Blackwell Workstation Edition 96GB". */
const nameWordsMax = 8;
/** "h" begins very many terms; MiniSearch would visit all of them at a reader's first key. */
const beginningLengthMin = 2;
/** Weight of a guessed word, relative to a typed word. */
const guessWeight = 0.6;
const partNameWeight = 0.001;

export interface AskedWord {
  /** The word as typed, or the word that was most likely meant. */
  readonly word: string;
  /** Terms that match the word, in addition to the terms that begin with it. */
  readonly spellings: readonly string[];
  /** True if the index has the word, or, while the word is still being typed, a term that begins with it. */
  readonly isKnown: boolean;
  /**
   * A word with a number names one thing: "70b" and "4090" say what the query is about, "memory" and "fit" what it
   * asks.
   */
  readonly isNumbered: boolean;
  /** How well the word distinguishes pages. */
  readonly rarity: number;
}

export interface AskedQuery {
  /** Words that carry the query, in order. */
  readonly words: readonly AskedWord[];
  /** Document id -> indices of the words that form one of its names. */
  readonly named: ReadonlyMap<string, ReadonlySet<number>>;
  /** The whole query as one name, which longer names may begin with. */
  readonly wholeName: string;
  /** For MiniSearch: term -> its weight, and whether longer terms that begin with it also count. */
  readonly terms: ReadonlyMap<string, { readonly weight: number; readonly isBeginning: boolean }>;
}

interface Token {
  readonly word: string;
  readonly spellings: readonly string[];
  readonly isKnown: boolean;
  /** The separator before this word: "3.1" and "3 1" are different names. */
  readonly before: string;
  /** Index among the words that carry the query; null for a stop word. */
  readonly place: number | null;
}

export function understand(query: string, vocabulary: Vocabulary): AskedQuery {
  const asked = query.slice(0, queryLengthMax).toLowerCase();
  const tokens = tokensOf(asked, vocabulary);
  const carrying = tokens.filter(({ place }) => place !== null);
  const key = nameKey(asked);
  const wholeName = carrying.length === 0 || key === '' ? '' : wholeNameTerm(key);
  const { named, keys } = namesIn(tokens, vocabulary);
  const terms = new Map<string, { weight: number; isBeginning: boolean }>();
  for (const { word, spellings } of carrying) {
    if (spellings.length === 0) terms.set(word, { weight: 1, isBeginning: isBeginning(word) });
    for (const spelling of spellings) terms.set(spelling, { weight: guessWeight, isBeginning: false });
  }
  // This lets search find a page by a name inside the query; `named` sets what the match is worth.
  for (const name of keys) terms.set(wholeNameTerm(name), { weight: partNameWeight, isBeginning: false });
  if (wholeName !== '') {
    terms.set(wholeName, { weight: 1, isBeginning: true });
    if (!vocabulary.hasBeginning(wholeName)) {
      for (const name of vocabulary.spellings(wholeName)) {
        terms.set(name, { weight: guessWeight, isBeginning: false });
      }
    }
  }
  return {
    words: carrying.map(({ word, spellings, isKnown }) => ({
      word,
      spellings,
      isKnown,
      isNumbered: word.length > 1 && /\p{N}/u.test(word),
      rarity: vocabulary.rarity(word),
    })),
    named,
    wholeName,
    terms,
  };
}

function isBeginning(word: string): boolean {
  return word.length >= beginningLengthMin;
}

function tokensOf(text: string, vocabulary: Vocabulary): readonly Token[] {
  const tokens: Token[] = [];
  const found = [...text.matchAll(/[\p{L}\p{N}]+/gu)].slice(0, wordsMax);
  let end = 0;
  let place = 0;
  for (const [index, match] of found.entries()) {
    const [typed] = match;
    // A single letter at the end is the beginning of a word that is still being typed.
    const isUnfinished = index > 0 && index === found.length - 1 && /^\p{L}$/u.test(typed);
    const isCarrying = !stopWords.has(typed) && !isUnfinished;
    const hasBeginning = vocabulary.hasBeginning(typed);
    const spellings =
      !isCarrying || hasBeginning
        ? []
        : vocabulary.spellings(typed).filter((term) => /^[\p{L}\p{N}]/u.test(term));
    tokens.push({
      word: spellings[0] ?? typed,
      spellings,
      isKnown: spellings.length > 0 || vocabulary.has(typed) || (index === found.length - 1 && hasBeginning),
      before: text.slice(end, match.index),
      place: isCarrying ? place++ : null,
    });
    end = match.index + typed.length;
  }
  return tokens;
}

/** Finds every run of words that is a whole name: its documents, its words and its key. */
function namesIn(
  tokens: readonly Token[],
  vocabulary: Vocabulary,
): { readonly named: Map<string, Set<number>>; readonly keys: ReadonlySet<string> } {
  const named = new Map<string, Set<number>>();
  const keys = new Set<string>();
  for (const first of tokens.keys()) {
    let name = '';
    const places: number[] = [];
    for (const [index, { word, before, place }] of tokens.slice(first, first + nameWordsMax).entries()) {
      name += index === 0 ? word : before + word;
      if (place !== null) places.push(place);
      if (places.length === 0) continue;
      const key = nameKey(name);
      for (const id of vocabulary.named(key)) {
        keys.add(key);
        const known = named.get(id);
        if (known === undefined) named.set(id, new Set(places));
        else for (const taken of places) known.add(taken);
      }
    }
  }
  return { named, keys };
}
