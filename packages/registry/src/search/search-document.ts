/** What search knows of one page, and what it keeps to show. */

export interface SearchDocument {
  /** `system.memory`, `model.openai/gpt-oss-20b`. */
  readonly id: string;
  readonly title: string;
  /** Name keys of its title and aliases: a query that equals one finds this page first. */
  readonly keys: readonly string[];
  /** Title and aliases as people write them. */
  readonly names: readonly string[];
  readonly tags: readonly string[];
  readonly headings: readonly string[];
  /** Opening paragraphs, in plain words. */
  readonly summary: readonly string[];
  /** A few sentences worth knowing without opening the page. */
  readonly facts: readonly string[];
  /** All other words of the page. */
  readonly text: string;
  /**
   * Its one-word aliases that everybody's language has: "engine", "router". Beside a word that no page knows they do not say
   * that the page is meant.
   */
  readonly everyday?: readonly string[];
  /** How it ranks beside pages that fit as well: above 1 what many look for, below 1 copies; 1 where it is absent. */
  readonly weight?: number;
}

/** The part of a document that an index keeps as it is. */
export type StoredDocument = Pick<SearchDocument, 'title' | 'summary' | 'facts'>;

export interface SearchResult {
  readonly id: string;
  /** Address on the site: `/docs/systems/memory`. */
  readonly route: string;
  readonly title: string;
  /** Greater is better; comparable within one answer only. */
  readonly score: number;
}

/** Index of a locale, in the data directory. */
export function searchIndexPath(locale = 'en'): string {
  return locale === 'en' ? 'search-index.json' : `search-index.${locale}.json`;
}
