/**
 * SentencePiece's Unigram: of all ways to cut a piece into tokens, the one with the highest sum of scores (Viterbi).
 * A character that is no token becomes unknown text, which scores ten below the lowest token.
 * Source: encode_optimized in https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/models/unigram/model.rs
 */
import type { IdList } from '../id-list.ts';
import { checkLimit } from '../limits.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { PieceTrie } from './piece-trie.ts';
import type { TokenModel } from './token-model.ts';
import { UnknownText, type UnknownTextRules } from './unknown-text.ts';

const unknownPenalty = 10;

export interface UnigramRules extends UnknownTextRules {
  readonly vocabulary: Vocabulary;
  readonly scores: readonly number[];
}

export class UnigramModel implements TokenModel {
  /** Cutting the text would round the running sums differently and could turn a tie. */
  readonly wordStart = null;
  readonly #scores: Float64Array;
  readonly #unknownScore: number;
  readonly #unknown: UnknownText;
  readonly #trie = new PieceTrie();
  /** Best score of the text up to each position, and the token and position that it ends with. */
  #best = new Float64Array(0);
  #tokens = new Int32Array(0);
  #starts = new Int32Array(0);

  constructor(rules: UnigramRules) {
    const { vocabulary, scores } = rules;
    this.#scores = Float64Array.from(scores);
    this.#unknownScore = scores.reduce((low, score) => Math.min(low, score), 0) - unknownPenalty;
    this.#unknown = new UnknownText(vocabulary, rules);
    for (const [text, id] of vocabulary.entries()) {
      checkLimit('unigramPieceLength', text.length, `piece ${id} of the vocabulary`);
      if (text.length > 0) this.#trie.insert(text, id);
    }
  }

  encodePiece(piece: string, ids: IdList): void {
    this.#reset(piece.length);
    for (let start = 0; start < piece.length; ) {
      const width = (piece.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
      if (!this.#extend(piece, start, width)) this.#offer(start, start + width, -1);
      start += width;
    }
    this.#push(piece, ids);
  }

  /** Tries every token that starts here; tells whether one of them is the single character. */
  #extend(piece: string, start: number, width: number): boolean {
    let hasSingle = false;
    let node = 0;
    for (let end = start; end < piece.length; ) {
      node = this.#trie.child(node, piece.charCodeAt(end++));
      if (node < 0) break;
      const token = this.#trie.value(node);
      if (token < 0) continue;
      this.#offer(start, end, token);
      if (end - start === width) hasSingle = true;
    }
    return hasSingle;
  }

  /** Token -1 is an unknown character. */
  #offer(start: number, end: number, token: number): void {
    const score = (this.#best[start] ?? 0) + (token < 0 ? this.#unknownScore : (this.#scores[token] ?? 0));
    if (this.#starts[end] !== -1 && score <= (this.#best[end] ?? 0)) return;
    this.#best[end] = score;
    this.#tokens[end] = token;
    this.#starts[end] = start;
  }

  #reset(length: number): void {
    if (this.#best.length <= length) {
      const size = Math.max(length + 1, 2 * this.#best.length, 256);
      this.#best = new Float64Array(size);
      this.#tokens = new Int32Array(size);
      this.#starts = new Int32Array(size);
    }
    this.#best[0] = 0;
    this.#starts.fill(-1, 0, length + 1);
  }

  #push(piece: string, ids: IdList): void {
    const ends: number[] = [];
    for (let end = piece.length; end > 0; end = this.#starts[end] ?? 0) ends.push(end);
    let followsUnknown = false;
    for (const end of ends.reverse()) {
      const token = this.#tokens[end] ?? -1;
      if (token < 0) {
        const text = piece.slice(this.#starts[end], end);
        followsUnknown = this.#unknown.encode(text, ids, followsUnknown);
      } else {
        ids.push(token);
        followsUnknown = false;
      }
    }
  }
}
