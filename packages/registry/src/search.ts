/**
 * Search over the atlas, shared by the site, the command line and tests. Runs anywhere; it needs only the text of an
 * index.
 */
export { openSearch, type Search } from './search/search.ts';
export {
  type SearchDocument,
  type SearchResult,
  type StoredDocument,
  searchIndexPath,
} from './search/search-document.ts';
