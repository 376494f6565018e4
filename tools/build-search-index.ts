/**
 * Writes packages/registry/data/search-index.json, and an index for each further locale, from the atlas's pages and the
 * records. Run it after a change of words, numbers or records:
 *   node tools/build-search-index.ts
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSearchIndexes } from '../apps/atlas/src/pages-data/site-search.ts';

const root = join(import.meta.dirname, '..');
for (const [path, text] of await readSearchIndexes(root)) writeFileSync(join(root, path), text);
