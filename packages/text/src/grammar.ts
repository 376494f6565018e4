/** Grammars that constrain a generation: from GBNF or a JSON Schema to the tokens that may follow. */
export { grammarFromGbnf } from './grammar/gbnf.ts';
export type { Grammar } from './grammar/grammar.ts';
export { GrammarMatcher, type TokenMask } from './grammar/grammar-matcher.ts';
export type { Whitespace } from './grammar/json-schema/json-text.ts';
export {
  grammarFromJsonSchema,
  type JsonSchemaOptions,
  type ValueFrame,
} from './grammar/json-schema/schema-grammar.ts';
export { type GrammarTokenizer, TokenTrie } from './grammar/token-trie.ts';
