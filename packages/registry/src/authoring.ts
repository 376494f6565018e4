/** For tools that read or index all records. Imports zod, so programs that only look up names do not import this file. */
export { buildHardwareIndex, buildModelIndex, formatIndex } from './index-builder.ts';
export { dataDirectory } from './node-registry.ts';
export { crossReferenceProblems } from './pages/cross-references.ts';
export { type AtlasRecords, type Filed, readAtlasRecords } from './pages/record-reader.ts';
export { readDrafterFiles, readFeatured, readHardwareFiles, readModelFiles } from './record-files.ts';
export { drafterIndexPath, hardwareIndexPath, modelIndexPath } from './registry-paths.ts';
export { generatedDocuments } from './search/generated-documents.ts';
export { searchIndexText } from './search/index-text.ts';
export { openTextFolder } from './text-folder.ts';
