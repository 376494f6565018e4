/**
 * MiniSearch's options, the same for building and for querying an index: how texts become terms and how fields are
 * weighed. A whole name is also a term, so that "kv cache gro" and "llama3.1" find names that begin with them, whatever
 * their spaces and hyphens.
 */
import type { Options } from 'minisearch';
import type { SearchDocument } from './search-document.ts';
import { stopWords } from './stop-words.ts';

/** Prefix of a term that is a whole name; no word begins with it. */
export const wholeNameMark = '=';

export const searchOptions: Options<SearchDocument> = {
  fields: ['keys', 'names', 'tags', 'headings', 'summary', 'text'],
  storeFields: ['title', 'summary', 'facts', 'weight', 'everyday'],
  stringifyField: (value, field) => {
    const texts: readonly string[] = Array.isArray(value) ? value : [value];
    return field === 'keys' ? texts.map(wholeNameTerm).join(' ') : texts.join('\n');
  },
  // Keys keep the separators between digits; in other fields these separate words.
  tokenize: (text, field) => (field === 'keys' ? text.split(' ') : words(text)),
  processTerm: (term) => (stopWords.has(term) ? null : term),
  searchOptions: { boost: { keys: 8, names: 5, tags: 2, headings: 3, summary: 2, text: 1 } },
};

/** Returns the term of a whole name, given its key. */
export function wholeNameTerm(key: string): string {
  return wholeNameMark + key;
}

/** Splits a text into lower-case words of letters and digits of any script, so that another locale needs no other rule. */
function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
