/** The entry for the parts of a GGUF file: header, tensors, metadata and split files. */
export type { GgufArrayValue, GgufValue } from './gguf/header.ts';
export { ggufLimits } from './gguf/limits.ts';
export { parseGguf, readGgufHeader } from './gguf/read-header.ts';
export type { GgufModelTensor } from './gguf/split-files.ts';
export { TextTable, textLengthBytes } from './gguf/text-table.ts';
