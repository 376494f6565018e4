/** The entry for the places that bytes come from: a file, a URL, or memory. */
export { type ByteSource, memorySource } from './byte-source.ts';
export type { FileSource } from './byte-source-file.ts';
