/** The last step of encoding: one piece of text, already normalised and split, to ids. */
import type { IdList } from '../id-list.ts';

export interface TokenModel {
  /**
   * A character before which text may be cut without changing any id, because no entry of the vocabulary has it after
   * another character; null when there is none. SentencePiece vocabularies have it: `▁` starts words.
   */
  readonly wordStart: string | null;
  encodePiece(piece: string, ids: IdList): void;
}
