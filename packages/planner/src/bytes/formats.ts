/** The formats of weights and cache by their names. */
export { type KvFormat, kvFormatNames, parseKvFormat } from './kv-format.ts';
export { parseElementType } from './weight-format.ts';
