/** The formats of weights and cache by their names. */
export { isMixtureOfFiles } from '../gguf-recipes/file-type.ts';
export { ggufFileBytes } from '../gguf-recipes/gguf-spec.ts';
export { type KvFormat, kvFormatNames, parseKvFormat } from './kv-format.ts';
export { parseElementType } from './weight-format.ts';
