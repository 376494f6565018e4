/**
 * SentencePiece's BPE: two neighbours merge when the vocabulary has their joined text, the highest score first. Scores
 * become ranks once, so that the merge loop of ordinary BPE serves both. Which pairs merge is found by joining their
 * texts, and the answers are kept in a table of fixed size where a new answer overwrites an old one: memory stays
 * bounded for every text.
 * Source: Model::SampleEncode in https://github.com/google/sentencepiece/blob/master/src/bpe_model.cc
 */
import type { Vocabulary } from '../vocabulary.ts';
import type { MergeRule } from './merger.ts';
import { hashPair } from './pair-table.ts';

const slotCount = 2 ** 17;

export class ScoreRule implements MergeRule {
  result = -1;
  readonly #vocabulary: Vocabulary;
  readonly #isMergeable: (id: number) => boolean;
  readonly #ranksOfIds: Int32Array;
  readonly #lefts = new Int32Array(slotCount).fill(-1);
  readonly #rights = new Int32Array(slotCount);
  readonly #results = new Int32Array(slotCount);

  /** `isMergeable` is false for control, unknown and byte tokens: plain text never becomes one by merging. */
  constructor(vocabulary: Vocabulary, scores: Iterable<number>, isMergeable: (id: number) => boolean) {
    this.#vocabulary = vocabulary;
    this.#isMergeable = isMergeable;
    this.#ranksOfIds = rankScores(scores);
  }

  find(left: number, right: number): number {
    const slot = hashPair(left, right) & (slotCount - 1);
    if (this.#lefts[slot] !== left || this.#rights[slot] !== right) {
      this.#lefts[slot] = left;
      this.#rights[slot] = right;
      this.#results[slot] = this.#join(left, right);
    }
    this.result = this.#results[slot] ?? -1;
    return this.result < 0 ? -1 : (this.#ranksOfIds[this.result] ?? -1);
  }

  #join(left: number, right: number): number {
    const id = this.#vocabulary.id(this.#text(left) + this.#text(right));
    return id !== undefined && this.#isMergeable(id) ? id : -1;
  }

  #text(symbol: number): string {
    const { size } = this.#vocabulary;
    return symbol < size ? this.#vocabulary.text(symbol) : String.fromCodePoint(symbol - size);
  }
}

/** Position of each score among the different scores, the highest at 0. */
function rankScores(scores: Iterable<number>): Int32Array {
  const different = [...new Set(scores)].sort((a, b) => b - a);
  const rankOfScore = new Map(different.map((score, rank) => [score, rank]));
  return Int32Array.from(scores, (score) => rankOfScore.get(score) ?? 0);
}
