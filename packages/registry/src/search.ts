/** Search over the atlas: what the site, the command line and tests share. Runs anywhere; needs the text of an index. */
export { openSearch, type Search } from './search/search.ts';
export {
  type SearchDocument,
  type SearchResult,
  type StoredDocument,
  searchIndexPath,
} from './search/search-document.ts';
