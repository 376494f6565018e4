/**
 * Writes packages/registry/data/*-index.json from the records in that folder. Run it after adding or changing a record:
 *   node tools/build-registry-index.ts
 */
import { writeFileSync } from 'node:fs';
import { dataDirectory, indexFiles } from '@plimsoll/registry/authoring';

for (const [path, text] of indexFiles(dataDirectory)) writeFileSync(`${dataDirectory}/${path}`, text);
