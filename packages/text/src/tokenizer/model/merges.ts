/** Merges as files list them, in order of rank, to a table over symbols. */
import { TextTable } from '@plimsoll/model-files/gguf';
import { badTokenizer, checkLimit } from '../limits.ts';
import type { ByteRun } from '../text-index.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { PairTable } from './pair-table.ts';

const space = 0x20;

/**
 * Each merge is `left right` in one text, or a pair. A part without a token is accepted when it is one character (see
 * MergeModel); a result without a token is not, because nothing could be made of it.
 */
export function readMerges(
  merges: TextTable | readonly unknown[],
  vocabulary: Vocabulary,
  place: string,
): PairTable {
  checkLimit('mergeCount', merges.length, place);
  const table = new PairTable(merges.length);
  const cut = merges instanceof TextTable ? cutTexts(merges, place) : cutMerges(merges, place);
  // The same two objects for all of half a million merges.
  const [left, right] = [newRun(), newRun()];
  for (let rank = 0; rank < merges.length; rank++) {
    cut(rank, left, right);
    const result = vocabulary.idOfBytes(left, right);
    const leftSymbol = symbolOf(left, vocabulary);
    const rightSymbol = symbolOf(right, vocabulary);
    if (result === undefined || leftSymbol === undefined || rightSymbol === undefined) {
      const seen = `${textOf(left)} ${textOf(right)}`;
      throw badTokenizer(`${place}[${rank}]`, seen, 'two parts and a whole of the vocabulary');
    }
    table.add({ left: leftSymbol, right: rightSymbol }, rank, result);
  }
  return table;
}

interface MutableRun extends ByteRun {
  bytes: Uint8Array;
  start: number;
  end: number;
}

type Cut = (rank: number, left: MutableRun, right: MutableRun) => void;

function newRun(): MutableRun {
  return { bytes: new Uint8Array(0), start: 0, end: 0 };
}

/** Texts as GGUF has them, cut where they lie. */
function cutTexts(merges: TextTable, place: string): Cut {
  const { bytes } = merges;
  return (rank, left, right) => {
    const [start, end] = [merges.start(rank), merges.end(rank)];
    // From 1: the left part is never empty and may itself be a space.
    let middle = start + 1;
    while (middle < end && bytes[middle] !== space) middle++;
    if (middle + 1 >= end) throw badMerge(`${place}[${rank}]`, merges.text(rank));
    left.bytes = right.bytes = bytes;
    left.start = start;
    left.end = middle;
    right.start = middle + 1;
    right.end = end;
  };
}

/** Texts or pairs, as tokenizer.json has them. */
function cutMerges(merges: readonly unknown[], place: string): Cut {
  const parts = TextTable.fromTexts(merges.flatMap((merge, rank) => splitMerge(merge, `${place}[${rank}]`)));
  return (rank, left, right) => {
    left.bytes = right.bytes = parts.bytes;
    left.start = parts.start(2 * rank);
    left.end = parts.end(2 * rank);
    right.start = parts.start(2 * rank + 1);
    right.end = parts.end(2 * rank + 1);
  };
}

function splitMerge(merge: unknown, place: string): readonly [string, string] {
  if (Array.isArray(merge) && merge.length === 2) {
    const [left, right]: readonly unknown[] = merge;
    if (typeof left === 'string' && typeof right === 'string') return [left, right];
  }
  if (typeof merge === 'string') {
    const middle = merge.indexOf(' ', 1);
    if (middle > 0 && middle + 1 < merge.length) return [merge.slice(0, middle), merge.slice(middle + 1)];
  }
  throw badMerge(place, merge);
}

function badMerge(place: string, merge: unknown): Error {
  return badTokenizer(place, merge, 'two texts, or one with a space between its parts');
}

function symbolOf(run: ByteRun, vocabulary: Vocabulary): number | undefined {
  const id = vocabulary.idOfBytes(run);
  if (id !== undefined) return id;
  const text = textOf(run);
  const codePoint = text.codePointAt(0) ?? 0;
  return text.length === (codePoint > 0xffff ? 2 : 1) ? vocabulary.size + codePoint : undefined;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function textOf({ bytes, start, end }: ByteRun): string {
  return decoder.decode(bytes.subarray(start, end));
}
