/**
 * Byte-pair encoding of one piece. A symbol is a token id, or vocabulary size + code point (or byte) where a character
 * has no token: such a symbol can still be part of a merge, and what is left of them at the end is unknown text.
 */
import { assert } from '@plimsoll/foundation';
import { byteToCodePoint } from '../byte-alphabet.ts';
import type { IdList } from '../id-list.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { type MergeRule, Merger } from './merger.ts';
import type { TokenModel } from './token-model.ts';
import { UnknownText, type UnknownTextRules } from './unknown-text.ts';
import { wordStartOf } from './word-start.ts';

/** Words of running text repeat: the model remembers their ids, and clears the table when it is full. */
const rememberedCount = 65_536;
/** V8 copies slices up to this length; a longer one would keep the whole text that it was cut from alive. */
const rememberedLengthMax = 12;

export interface MergeModelRules extends UnknownTextRules {
  readonly vocabulary: Vocabulary;
  readonly rule: MergeRule;
  /** True: symbols are UTF-8 bytes spelled in GPT-2's alphabet. False: symbols are characters. */
  readonly byteLevel: boolean;
  /** A piece that is a token becomes that token without any merge (Llama 3). */
  readonly ignoreMerges: boolean;
  /** Whether plain text may become this entry of the vocabulary. */
  readonly isText: (id: number) => boolean;
}

const encoder = new TextEncoder();

export class MergeModel implements TokenModel {
  readonly wordStart: string | null;
  readonly #rules: MergeModelRules;
  readonly #unknown: UnknownText;
  readonly #merger = new Merger();
  readonly #remembered = new Map<string, readonly number[]>();
  /** Symbol of each byte, when symbols are bytes. */
  readonly #byteSymbols: Int32Array;
  /** Token of each character that is one. */
  readonly #characters = new Map<number, number>();
  #bytes = new Uint8Array(256);

  constructor(rules: MergeModelRules) {
    this.#rules = rules;
    const { vocabulary, byteLevel, isText } = rules;
    this.#unknown = new UnknownText(vocabulary, rules);
    this.wordStart = byteLevel ? null : wordStartOf(vocabulary);
    for (const [codePoint, id] of vocabulary.characters()) {
      if (isText(id)) this.#characters.set(codePoint, id);
    }
    this.#byteSymbols = Int32Array.from(
      byteToCodePoint,
      (codePoint, byte) => this.#characters.get(codePoint) ?? vocabulary.size + byte,
    );
  }

  encodePiece(piece: string, ids: IdList): void {
    if (piece.length === 0) return;
    const remembered = this.#remembered.get(piece);
    if (remembered !== undefined) {
      ids.pushAll(remembered);
      return;
    }
    const start = ids.length;
    if (!this.#pushWhole(piece, ids)) this.#pushMerged(piece, ids);
    if (piece.length > rememberedLengthMax) return;
    if (this.#remembered.size >= rememberedCount) this.#remembered.clear();
    this.#remembered.set(piece, [...ids.slice(start)]);
  }

  #pushWhole(piece: string, ids: IdList): boolean {
    const { ignoreMerges, byteLevel, vocabulary } = this.#rules;
    if (!ignoreMerges) return false;
    const id = vocabulary.id(byteLevel ? this.#spell(piece) : piece);
    if (id === undefined || !this.#rules.isText(id)) return false;
    ids.push(id);
    return true;
  }

  #spell(piece: string): string {
    const length = this.#readBytes(piece);
    let spelled = '';
    for (let index = 0; index < length; index++) {
      spelled += String.fromCharCode(byteToCodePoint[this.#bytes[index] ?? 0] ?? 0);
    }
    return spelled;
  }

  #pushMerged(piece: string, ids: IdList): void {
    const count = this.#rules.byteLevel ? this.#readByteSymbols(piece) : this.#readCharacters(piece);
    const merged = this.#merger.merge(count, this.#rules.rule);
    const { vocabulary, byteLevel } = this.#rules;
    let followsUnknown = false;
    for (let index = 0; index < merged; index++) {
      const symbol = this.#merger.symbols[index] ?? 0;
      const missing = symbol - vocabulary.size;
      if (missing < 0) {
        ids.push(symbol);
        followsUnknown = false;
        continue;
      }
      const character = byteLevel ? (byteToCodePoint[missing] ?? 0) : missing;
      followsUnknown = this.#unknown.encode(String.fromCodePoint(character), ids, followsUnknown);
    }
  }

  #readByteSymbols(piece: string): number {
    const length = this.#readBytes(piece);
    this.#merger.reserve(length);
    const { symbols } = this.#merger;
    for (let index = 0; index < length; index++) {
      symbols[index] = this.#byteSymbols[this.#bytes[index] ?? 0] ?? 0;
    }
    return length;
  }

  #readBytes(piece: string): number {
    if (this.#bytes.length < 3 * piece.length) this.#bytes = new Uint8Array(6 * piece.length);
    const { read, written } = encoder.encodeInto(piece, this.#bytes);
    assert(read === piece.length, 'UTF-8 takes at most three bytes per UTF-16 unit');
    return written;
  }

  #readCharacters(piece: string): number {
    this.#merger.reserve(piece.length);
    const { symbols } = this.#merger;
    let count = 0;
    for (let index = 0; index < piece.length; count++) {
      const codePoint = piece.codePointAt(index) ?? 0;
      symbols[count] = this.#characters.get(codePoint) ?? this.#rules.vocabulary.size + codePoint;
      index += codePoint > 0xffff ? 2 : 1;
    }
    return count;
  }
}
