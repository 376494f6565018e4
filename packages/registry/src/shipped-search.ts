/** Search over the index that ships with this package. Separate from the registry, because most programs do not need it. */
import { readFileSync } from 'node:fs';
import { dataDirectory } from './node-registry.ts';
import { openSearch, type Search } from './search/search.ts';
import { searchIndexPath } from './search/search-document.ts';

export function openShippedSearch(): Search {
  return openSearch(readFileSync(`${dataDirectory}/${searchIndexPath()}`, 'utf8'));
}
