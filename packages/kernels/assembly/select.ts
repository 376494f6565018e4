/**
 * Selection among scores. Both operations are one pass over a row that compares four values at a time, and does more
 * work only if one of them beats the worst kept value. Threads split the rows.
 */
import { splitStart, word } from './command';

/** Words: 1 values, 2 rows, 3 columns, 4 output: per row the index of the first largest value and the count of NaN. */
export function argmax(command: usize, thread: u32, threads: u32): void {
  const rows = word(command, 2), columns = word(command, 3), end = splitStart(rows, thread + 1, threads);
  for (let row = splitStart(rows, thread, threads); row < end; row++) {
    const values = <usize>word(command, 1) + ((row * columns) << 2);
    let best: u32 = 0, bestValue: f32 = -Infinity, nanCount: u32 = 0;
    for (let i: u32 = 0; i < columns; ) {
      if (i + 4 <= columns) {
        const four = v128.load(values + (i << 2));
        const isWorth = v128.or(f32x4.gt(four, f32x4.splat(bestValue)), f32x4.ne(four, four));
        if (!v128.any_true(isWorth)) {
          i += 4;
          continue;
        }
      }
      for (const stop = min<u32>(i + 4, columns); i < stop; i++) {
        const value = load<f32>(values + (i << 2));
        nanCount += u32(value != value);
        if (value > bestValue) best = i, bestValue = value;
      }
    }
    store<u32>(word(command, 4) + (row << 3), best);
    store<u32>(word(command, 4) + (row << 3) + 4, nanCount);
  }
}

/** True if (value, index) a ranks before b: larger first, NaN last, ties by index. */
function precedes(valueA: f32, indexA: u32, valueB: f32, indexB: u32): bool {
  const isNanA = valueA != valueA, isNanB = valueB != valueB;
  if (isNanA != isNanB) return isNanB;
  if (isNanA || valueA == valueB) return indexA < indexB;
  return valueA > valueB;
}

/** Inserts into a list sorted by `precedes`, dropping its last entry when it is full; returns its new length. */
function insert(indices: usize, scores: usize, length: u32, k: u32, index: u32, value: f32): u32 {
  let at = length < k ? length : k - 1;
  while (at > 0) {
    const previousValue = load<f32>(scores + ((at - 1) << 2)), previous = load<u32>(indices + ((at - 1) << 2));
    if (!precedes(value, index, previousValue, previous)) break;
    store<f32>(scores + (at << 2), previousValue);
    store<u32>(indices + (at << 2), previous);
    at--;
  }
  store<f32>(scores + (at << 2), value);
  store<u32>(indices + (at << 2), index);
  return length < k ? length + 1 : k;
}

function topKRow(values: usize, columns: u32, k: u32, indices: usize, scores: usize): void {
  let length: u32 = 0;
  for (let i: u32 = 0; i < columns; ) {
    if (length == k && i + 4 <= columns) {
      // A later index must have a strictly larger value than the last kept entry; any number replaces a kept NaN.
      const last = f32x4.splat(load<f32>(scores + ((k - 1) << 2))), four = v128.load(values + (i << 2));
      const isWorth = v128.or(f32x4.gt(four, last), f32x4.ne(last, last));
      if (!v128.any_true(isWorth)) {
        i += 4;
        continue;
      }
    }
    for (const stop = min<u32>(i + 4, columns); i < stop; i++) {
      const value = load<f32>(values + (i << 2)), at = (k - 1) << 2;
      if (length == k && !precedes(value, i, load<f32>(scores + at), load<u32>(indices + at))) continue;
      length = insert(indices, scores, length, k, i, value);
    }
  }
}

/** Words: 1 values, 2 rows, 3 columns, 4 k, 5 indices, 6 scores. */
export function topK(command: usize, thread: u32, threads: u32): void {
  const rows = word(command, 2), columns = word(command, 3), k = word(command, 4);
  const end = splitStart(rows, thread + 1, threads);
  for (let row = splitStart(rows, thread, threads); row < end; row++) {
    const at = (row * k) << 2, values = <usize>word(command, 1) + ((row * columns) << 2);
    topKRow(values, columns, k, <usize>word(command, 5) + at, <usize>word(command, 6) + at);
  }
}
