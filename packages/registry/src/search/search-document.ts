/** A page as search sees it, and the part that the index keeps for display. */

export interface SearchDocument {
  /** `system.memory`, `model.openai/gpt-oss-20b`. */
  readonly id: string;
  readonly title: string;
  /** Name keys of the title and aliases: a query that equals a key finds this page first. */
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
   * Its one-word aliases that are everyday words: "engine", "router". Next to a word that no page contains, such an
   * alias does not mean the page.
   */
  readonly everyday?: readonly string[];
  /**
   * Rank among pages that match equally well: above 1 for pages that many people look for, below 1 for copies; absent
   * means 1.
   */
  readonly weight?: number;
}

/** The part of a document that an index keeps as it is. */
export type StoredDocument = Pick<SearchDocument, 'title' | 'summary' | 'facts'>;

export interface SearchResult {
  readonly id: string;
  /** Address on the site: `/docs/systems/memory`. */
  readonly route: string;
  readonly title: string;
  /** Greater is better; comparable only within one result list. */
  readonly score: number;
}

/** Index of a locale, in the data directory. */
export function searchIndexPath(locale = 'en'): string {
  return locale === 'en' ? 'search-index.json' : `search-index.${locale}.json`;
}
