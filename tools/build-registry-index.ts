/**
 * Writes packages/registry/data/*-index.json from the records beside them. Run it after adding or changing a record:
 *   node tools/build-registry-index.ts
 */
import { writeFileSync } from 'node:fs';
import { buildHardwareIndex, buildModelIndex, formatIndex } from '../packages/registry/src/index-builder.ts';
import { dataDirectory } from '../packages/registry/src/node-registry.ts';
import { readHardwareFiles, readModelFiles } from '../packages/registry/src/record-files.ts';
import { hardwareIndexPath, modelIndexPath } from '../packages/registry/src/registry.ts';

writeFileSync(
  `${dataDirectory}/${modelIndexPath}`,
  formatIndex(buildModelIndex(readModelFiles(dataDirectory))),
);
writeFileSync(
  `${dataDirectory}/${hardwareIndexPath}`,
  formatIndex(buildHardwareIndex(readHardwareFiles(dataDirectory))),
);
