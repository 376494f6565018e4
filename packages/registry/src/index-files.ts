/** The index files of the registry. The tool that writes the files and the check that compares them call the same code. */
import { buildHardwareIndex, buildModelIndex, formatIndex } from './index-builder.ts';
import { readDrafterFiles, readFeatured, readHardwareFiles, readModelFiles } from './record-files.ts';
import { drafterIndexPath, hardwareIndexPath, modelIndexPath } from './registry-paths.ts';

/** Builds every index from the records of the folder. Returns path below the folder -> text. */
export function indexFiles(dataDirectory: string): ReadonlyMap<string, string> {
  const featured = readFeatured(dataDirectory);
  const models = buildModelIndex(readModelFiles(dataDirectory), featured.models);
  const drafters = buildModelIndex(readDrafterFiles(dataDirectory), []);
  const hardware = buildHardwareIndex(readHardwareFiles(dataDirectory), featured.hardware);
  return new Map([
    [modelIndexPath, formatIndex(models)],
    [drafterIndexPath, formatIndex(drafters)],
    [hardwareIndexPath, formatIndex(hardware)],
  ]);
}
