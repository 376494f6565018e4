/**
 * What an index knows of words: which exist, how rare they are, which pages have one as a name, and which name a mistyped one
 * may have been. Read once from the index's own list of terms.
 */
import type { AsPlainObject } from 'minisearch';
import { nameDistance } from '../name-distance.ts';
import { wholeNameMark, wholeNameTerm } from './search-options.ts';

/** Fields whose words a reader may mistype and still mean: in running text, "weather" has "whether" for a neighbour. */
const namingFields = ['keys', 'names', 'headings', 'tags'];

/** Letters that a word has at least for one edit and for two; shorter ones have too many neighbours. */
const oneEditLengthMin = 5;
const twoEditsLengthMin = 8;
/** Terms that a beginning is looked up in, at most: how rare "m" is nobody needs to know. */
const beginningsMax = 100;

type Postings = AsPlainObject['index'][number][1];

export class Vocabulary {
  readonly #terms: readonly string[];
  readonly #postings: ReadonlyMap<string, Postings>;
  readonly #documentIds: AsPlainObject['documentIds'];
  readonly #keyField: string;
  readonly #namingTerms: readonly string[];

  constructor({ index, documentIds, fieldIds }: AsPlainObject) {
    this.#terms = index.map(([term]) => term).sort();
    this.#postings = new Map(index);
    this.#documentIds = documentIds;
    this.#keyField = String(fieldIds.keys);
    const naming = namingFields.map((field) => String(fieldIds[field]));
    this.#namingTerms = index
      .filter(([, postings]) => naming.some((field) => Object.hasOwn(postings, field)))
      .map(([term]) => term);
  }

  /** Ids of the documents that have this name, whole, by its key. */
  named(key: string): readonly string[] {
    const documents = this.#postings.get(wholeNameTerm(key))?.[this.#keyField];
    // The terms' postings name documents by number, as the list of ids does.
    return Object.keys(documents ?? {}).map((number) => String(this.#documentIds[number]));
  }

  has(word: string): boolean {
    return this.#postings.has(word);
  }

  hasBeginning(beginning: string): boolean {
    return this.#terms[this.#place(beginning)]?.startsWith(beginning) === true;
  }

  /** Words of names that `word` may be a misspelling of, nearest first. Its digits are taken at their word. */
  spellings(word: string): readonly string[] {
    const letters = word.startsWith(wholeNameMark) ? word.length - 1 : word.length;
    if (letters < oneEditLengthMin) return [];
    const editsMax = letters < twoEditsLengthMin ? 1 : 2;
    const digits = digitsOf(word);
    const start = word.slice(0, word.length - letters + 1);
    const found = this.#namingTerms
      .filter((term) => term.length >= oneEditLengthMin && term.startsWith(start))
      .map((term) => ({ term, distance: nameDistance(word, term, editsMax + 1) }))
      .filter(({ term, distance }) => distance <= editsMax && digitsOf(term) === digits);
    found.sort((left, right) => left.distance - right.distance || (left.term < right.term ? -1 : 1));
    return found.map(({ term }) => term);
  }

  /** Words of names that share more letters with `word` than not; the distance is in edits per letter. */
  nearNames(word: string): readonly { readonly name: string; readonly distance: number }[] {
    const limit = Math.ceil(word.length / 2) + 1;
    return this.#namingTerms
      .filter((name) => /^\p{L}{3,}$/u.test(name))
      .map((name) => ({ name, distance: nameDistance(word, name, limit) }))
      .filter(({ distance }) => distance < limit)
      .map(({ name, distance }) => ({ name, distance: distance / word.length }));
  }

  /** How much a word tells one page from another: the logarithm of pages in all to pages that have it. */
  rarity(word: string): number {
    const documents = new Set<string>();
    const first = this.#place(word);
    for (const term of this.#terms.slice(first, first + beginningsMax)) {
      if (term !== word && (this.#postings.has(word) || !term.startsWith(word))) break;
      for (const frequencies of Object.values(this.#postings.get(term) ?? {})) {
        for (const document of Object.keys(frequencies)) documents.add(document);
      }
    }
    return Math.log(1 + Object.keys(this.#documentIds).length / (1 + documents.size));
  }

  /** Where a term stands in the order of all, or would stand. */
  #place(term: string): number {
    let low = 0;
    let high = this.#terms.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#terms[middle] ?? '') < term) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function digitsOf(word: string): string {
  return word.replaceAll(/\P{N}/gu, '');
}
