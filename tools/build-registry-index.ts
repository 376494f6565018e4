/**
 * Writes packages/registry/data/*-index.json from the records in that folder. Run it after adding or changing a record:
 *   node tools/build-registry-index.ts
 */
import { writeFileSync } from 'node:fs';
import {
  buildHardwareIndex,
  buildModelIndex,
  dataDirectory,
  drafterIndexPath,
  formatIndex,
  hardwareIndexPath,
  modelIndexPath,
  readDrafterFiles,
  readFeatured,
  readHardwareFiles,
  readModelFiles,
} from '@plimsoll/registry/authoring';

const featured = readFeatured(dataDirectory);
const modelIndex = buildModelIndex(readModelFiles(dataDirectory), featured.models);
writeFileSync(`${dataDirectory}/${modelIndexPath}`, formatIndex(modelIndex));
const drafterIndex = buildModelIndex(readDrafterFiles(dataDirectory), []);
writeFileSync(`${dataDirectory}/${drafterIndexPath}`, formatIndex(drafterIndex));
const hardwareIndex = buildHardwareIndex(readHardwareFiles(dataDirectory), featured.hardware);
writeFileSync(`${dataDirectory}/${hardwareIndexPath}`, formatIndex(hardwareIndex));
