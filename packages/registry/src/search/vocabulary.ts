/**
 * The terms of an index: which words exist, how rare they are, which pages have them as a name, and which name a
 * mistyped word may mean. Built once from the index's own list of terms.
 */
import type { AsPlainObject } from 'minisearch';
import { nameDistance } from '../name-distance.ts';
import { wholeNameMark, wholeNameTerm } from './search-options.ts';

/** Fields that correct a mistyped word: in running text, "weather" has "whether" as a neighbor. */
const namingFields = ['keys', 'names', 'headings', 'tags'];

/** Minimum word lengths for one edit and for two; shorter words have too many neighbors. */
const oneEditLengthMin = 5;
const twoEditsLengthMin = 8;
/** Maximum number of terms that a prefix look-up visits: the rarity of "m" is of no use. */
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

  /** Returns the ids of the documents whose whole name has this key. */
  named(key: string): readonly string[] {
    const documents = this.#postings.get(wholeNameTerm(key))?.[this.#keyField];
    // The terms' postings number documents in the order of the list of ids.
    return Object.keys(documents ?? {}).map((number) => String(this.#documentIds[number]));
  }

  has(word: string): boolean {
    return this.#postings.has(word);
  }

  hasBeginning(beginning: string): boolean {
    return this.#terms[this.#place(beginning)]?.startsWith(beginning) === true;
  }

  /** Returns words of names that `word` may misspell, nearest first. Digits are never corrected. */
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

  /** Returns words of names that share more than half of their letters with `word`; the distance is in edits per letter. */
  nearNames(word: string): readonly { readonly name: string; readonly distance: number }[] {
    const limit = Math.ceil(word.length / 2) + 1;
    return this.#namingTerms
      .filter((name) => /^\p{L}{3,}$/u.test(name))
      .map((name) => ({ name, distance: nameDistance(word, name, limit) }))
      .filter(({ distance }) => distance < limit)
      .map(({ name, distance }) => ({ name, distance: distance / word.length }));
  }

  /** How well a word distinguishes pages: the logarithm of (all pages / pages that contain it). */
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

  /** Position of a term in sorted order, or the position where it would be inserted. */
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
