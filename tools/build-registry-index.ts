/**
 * Writes packages/registry/data/*-index.json from the records beside them. Run it after adding or changing a record:
 *   node tools/build-registry-index.ts
 */
import { writeFileSync } from 'node:fs';
import {
  buildHardwareIndex,
  buildModelIndex,
  dataDirectory,
  formatIndex,
  hardwareIndexPath,
  modelIndexPath,
  readHardwareFiles,
  readModelFiles,
} from '@plimsoll/registry/authoring';

const modelIndex = buildModelIndex(readModelFiles(dataDirectory));
writeFileSync(`${dataDirectory}/${modelIndexPath}`, formatIndex(modelIndex));
const hardwareIndex = buildHardwareIndex(readHardwareFiles(dataDirectory));
writeFileSync(`${dataDirectory}/${hardwareIndexPath}`, formatIndex(hardwareIndex));
