/** For tools that read or index all records. Imports zod, so programs that only look up names do not import this file. */
export { indexFiles } from './index-files.ts';
export { dataDirectory } from './node-registry.ts';
export { crossReferenceProblems } from './pages/cross-references.ts';
export { type AtlasRecords, type Filed, readAtlasRecords } from './pages/record-reader.ts';
export { generatedDocuments } from './search/generated-documents.ts';
export { searchIndexText } from './search/index-text.ts';
export { openTextFolder } from './text-folder.ts';
