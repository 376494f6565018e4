/**
 * What the engine asks of a tokenizer, whatever file it came from. Ids are positions in the model's vocabulary; bytes
 * are UTF-8, and one token may hold a part of a character.
 */

import type { Spans } from '../spans.ts';

export interface EncodeOptions {
  /** Put the tokens around the text that the model expects of a whole input (bos, eos). Default true. */
  readonly addSpecial?: boolean;
  /**
   * Encode control tokens (`<|im_end|>`) in the text as tokens. Default false: they are plain text, so that a user
   * cannot end a turn by typing one. Spans: encode only control tokens that lie completely inside a span.
   */
  readonly parseSpecial?: boolean | Spans;
}

export interface DecodeOptions {
  /** Leave control tokens out of the text. Default true. */
  readonly skipSpecial?: boolean;
}

/** Tokens with a role, null where the model has none. */
export interface SpecialTokens {
  readonly bos: number | null;
  readonly eos: number | null;
  /** End of one turn of a chat. */
  readonly eot: number | null;
  readonly unknown: number | null;
  readonly pad: number | null;
  /** Generation stops at any of these: eos, eot and what else the model ends its answers with. */
  readonly endOfGeneration: ReadonlySet<number>;
  /** True when the model expects bos before every input. */
  readonly addBos: boolean;
  readonly addEos: boolean;
}

export interface Tokenizer {
  readonly vocabSize: number;
  readonly specialTokens: SpecialTokens;
  /** Spaces that decoding drops at the start of a text, because encoding put them there. */
  readonly leadingSpaces: number;
  /** Bytes of the longest token: a text of more than tokens x this has more tokens. */
  readonly tokenBytesMax: number;
  encode(text: string, options?: EncodeOptions): Int32Array;
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** What the token adds to a running text. Do not change the array: it is shared. */
  tokenBytes(id: number): Uint8Array;
  /** The entry of the vocabulary as the file spells it: `Ġthe`, `▁the`, `<0x0A>`. */
  tokenText(id: number): string;
  /** Control tokens: a person should not see them. */
  isSpecial(id: number): boolean;
}
