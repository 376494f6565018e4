/**
 * How texts become terms and how fields are weighed: MiniSearch's options, the same where an index is built and where it is
 * asked. A whole name is a term as well, so that "kv cache gro" and "llama3.1" find names that begin so, whatever their
 * spaces and hyphens.
 */
import type { Options } from 'minisearch';
import type { SearchDocument } from './search-document.ts';
import { stopWords } from './stop-words.ts';

/** Before a term that is a whole name; no word begins so. */
export const wholeNameMark = '=';

export const searchOptions: Options<SearchDocument> = {
  fields: ['keys', 'names', 'tags', 'headings', 'summary', 'text'],
  storeFields: ['title', 'summary', 'facts', 'weight', 'everyday'],
  stringifyField: (value, field) => {
    const texts: readonly string[] = Array.isArray(value) ? value : [value];
    return field === 'keys' ? texts.map(wholeNameTerm).join(' ') : texts.join('\n');
  },
  // Keys hold marks between digits that separate words elsewhere.
  tokenize: (text, field) => (field === 'keys' ? text.split(' ') : words(text)),
  processTerm: (term) => (stopWords.has(term) ? null : term),
  searchOptions: { boost: { keys: 8, names: 5, tags: 2, headings: 3, summary: 2, text: 1 } },
};

/** The term that a whole name is, by its key. */
export function wholeNameTerm(key: string): string {
  return wholeNameMark + key;
}

/** Lower-case words of a text; letters and digits of any script, so that a second locale needs no other rule. */
function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
