/**
 * How texts become terms and how terms are weighed: MiniSearch's options, the same where an index is built and where it is
 * asked. MiniSearch does the ranking (BM25+), prefixes and typos; what is ours is that a whole name is a term as well, so
 * that "kv cache gro" and "llama3.1" find names that begin so, whatever their spaces and hyphens.
 */
import type { Options } from 'minisearch';
import { nameKey } from '../name-key.ts';
import type { SearchDocument } from './search-document.ts';

/** Before a term that is a whole name; no word begins so. */
const wholeNameMark = '=';

/** Words of questions, which occur everywhere and tell no page from another. */
const stopWords: ReadonlySet<string> = new Set(
  'a an and are as at be by can do does for from how i in is it its many me much my of on or should so that the their them then there this to was we what when where which who why will with you your'.split(
    ' ',
  ),
);

/** Letters a term has at least for one edit and for two; shorter ones have too many neighbours. A swap is two edits. */
const oneEditLengthMin = 5;
const twoEditsLengthMin = 8;
/** "h" begins everything; MiniSearch would visit all of it at the first key a reader presses. */
const prefixLengthMin = 2;

export const searchOptions: Options<SearchDocument> = {
  fields: ['keys', 'names', 'tags', 'headings', 'summary', 'text'],
  storeFields: ['title', 'summary', 'facts'],
  stringifyField: (value, field) => {
    const texts: readonly string[] = Array.isArray(value) ? value : [value];
    return field === 'keys' ? texts.map(wholeNameTerm).join(' ') : texts.join('\n');
  },
  // Keys hold marks between digits that separate words elsewhere.
  tokenize: (text, field) => (field === 'keys' ? text.split(' ') : words(text)),
  processTerm: (term) => (stopWords.has(term) ? null : term),
  searchOptions: {
    tokenize: queryTerms,
    boost: { keys: 8, names: 5, tags: 2, headings: 3, summary: 2, text: 1 },
    prefix: (term) => term.length >= prefixLengthMin,
    fuzzy: (term) => (term.length >= twoEditsLengthMin ? 2 : term.length >= oneEditLengthMin ? 1 : false),
  },
};

/** The term that a whole name is, by its key. */
export function wholeNameTerm(key: string): string {
  return wholeNameMark + key;
}

/** Lower-case words of a text; letters and digits of any script, so that a second locale needs no other rule. */
export function words(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

/** The words of a query and, as one more term, the name that the whole of it may be. */
function queryTerms(query: string): string[] {
  const key = nameKey(query);
  return key === '' ? words(query) : [...words(query), wholeNameTerm(key)];
}
