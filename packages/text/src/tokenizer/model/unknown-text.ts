/**
 * What becomes of a character that the vocabulary lacks: its bytes as `<0xXX>` tokens, or the unknown token, or nothing.
 * Byte tokens count only when every byte of the character has one.
 */
import type { IdList } from '../id-list.ts';
import type { Vocabulary } from '../vocabulary.ts';

export interface UnknownTextRules {
  readonly byteFallback: boolean;
  /** Null: characters without a token are dropped. */
  readonly unknownId: number | null;
  /** Neighbouring unknown characters of one piece become one unknown token. */
  readonly fuseUnknown: boolean;
}

const encoder = new TextEncoder();

export class UnknownText {
  readonly #rules: UnknownTextRules;
  readonly #byteTokens: Int32Array;

  constructor(vocabulary: Vocabulary, rules: UnknownTextRules) {
    this.#rules = rules;
    this.#byteTokens = vocabulary.byteTokens();
  }

  /** `followsUnknown` tells that the text before, in this piece, became an unknown token. Returns whether this one did. */
  encode(text: string, ids: IdList, followsUnknown: boolean): boolean {
    const { byteFallback, unknownId, fuseUnknown } = this.#rules;
    if (byteFallback) {
      const bytes = encoder.encode(text);
      if (bytes.every((byte) => (this.#byteTokens[byte] ?? -1) >= 0)) {
        for (const byte of bytes) ids.push(this.#byteTokens[byte] ?? 0);
        return false;
      }
    }
    if (unknownId === null) return false;
    if (!(fuseUnknown && followsUnknown)) ids.push(unknownId);
    return true;
  }
}
