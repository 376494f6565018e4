export { tokenizerFromGguf } from './tokenizer/gguf-tokenizer.ts';
export { type TokenizerFiles, tokenizerFromJson } from './tokenizer/json-tokenizer.ts';
export { checkSameVocabulary } from './tokenizer/same-vocabulary.ts';
export { type StopResult, StopStrings } from './tokenizer/stop-strings.ts';
export { TextStream, type TextStreamOptions } from './tokenizer/text-stream.ts';
export type { DecodeOptions, EncodeOptions, SpecialTokens, Tokenizer } from './tokenizer/tokenizer.ts';
