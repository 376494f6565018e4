/**
 * The entry for small files alone: a command reads them before it knows whether it needs the readers of model files.
 */
export { type FileKind, type FileLimits, fileBytesMax, readJsonFile, readTextFile } from './read-file.ts';
