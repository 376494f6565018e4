/** Merges as files list them, in order of rank, to a table over symbols. */
import { badTokenizer, checkLimit } from '../limits.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { PairTable } from './pair-table.ts';

/**
 * Each merge is `left right` in one text, or a pair. A part without a token is accepted when it is one character (see
 * MergeModel); a result without a token is not, because nothing could be made of it.
 */
export function readMerges(merges: readonly unknown[], vocabulary: Vocabulary, place: string): PairTable {
  checkLimit('mergeCount', merges.length, place);
  const table = new PairTable(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left, right] = splitMerge(merge, `${place}[${rank}]`);
    const result = vocabulary.id(left + right);
    const leftSymbol = symbolOf(left, vocabulary);
    const rightSymbol = symbolOf(right, vocabulary);
    if (result === undefined || leftSymbol === undefined || rightSymbol === undefined) {
      throw badTokenizer(`${place}[${rank}]`, `${left} ${right}`, 'two parts and a whole of the vocabulary');
    }
    table.add({ left: leftSymbol, right: rightSymbol }, rank, result);
  }
  return table;
}

function splitMerge(merge: unknown, place: string): readonly [string, string] {
  if (Array.isArray(merge) && merge.length === 2) {
    const [left, right]: readonly unknown[] = merge;
    if (typeof left === 'string' && typeof right === 'string') return [left, right];
  }
  if (typeof merge === 'string') {
    // From 1: the left part is never empty and may itself be a space.
    const space = merge.indexOf(' ', 1);
    if (space > 0 && space + 1 < merge.length) return [merge.slice(0, space), merge.slice(space + 1)];
  }
  throw badTokenizer(place, merge, 'two texts, or one with a space between its parts');
}

function symbolOf(text: string, vocabulary: Vocabulary): number | undefined {
  const id = vocabulary.id(text);
  if (id !== undefined) return id;
  const codePoint = text.codePointAt(0) ?? 0;
  return text.length === (codePoint > 0xffff ? 2 : 1) ? vocabulary.size + codePoint : undefined;
}
