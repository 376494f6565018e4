/**
 * Causal attention over the paged cache, in spans of about 64 tokens with a running maximum (online softmax), so that
 * its memory does not grow with the context. A unit of work is one kv head and up to eight tokens of one sequence. The
 * keys of a span are widened to f32 once for the query rows of all heads that share the kv head, then multiplied in
 * tiles of four rows by eight keys; the values follow in tiles of four rows by eight elements.
 */
import {
  FourRows,
  OneRow,
  addHalves,
  addValues,
  blockTokens,
  headDim,
  maxima,
  placeScratch,
  scoreHalves,
  scoreRows,
  scores,
  setGeometry,
  setUsedTokens,
  spanTokens,
  sums,
  totals,
  usedTokens,
  widened,
} from './attention-rows';
import { claim, number, word } from './command';
import { exponential, horizontalMax, horizontalSum, tanhyp } from './exponential';
import { attentionSpanTokens, attentionTokens, doneWordOffset } from './opcodes';
import { headBytes, loadKeys, loadValues } from './kv-cache';

/**
 * Number of tokens of one sequence that are computed together, and of keys in a span: whole blocks, about 64 tokens.
 */
const tokensTogether: u32 = attentionTokens;
const spanTokensAim: u32 = attentionSpanTokens;
/** Number of units of work (kv heads times parts of the context) beyond which more parts bring no speed. */
const partsUseful: u32 = 48;
/** Minimum number of spans in a part: about ten microseconds of work. */
const partSpansMin: u32 = 2;

/** Sets all lanes whose index is in [from, to). */
// @ts-ignore: decorator
@inline function inside(index: usize, from: i32, to: i32): v128 {
  const lanes = i32x4.add(i32x4.splat(<i32>index), i32x4(0, 1, 2, 3));
  return v128.and(i32x4.ge_s(lanes, i32x4.splat(from)), i32x4.lt_s(lanes, i32x4.splat(to)));
}

/** Scales and caps the scores of a row, writes -Infinity outside [from, to), and returns the largest. */
function scaleRow(command: usize, at: usize, from: i32, to: i32): f32 {
  const scale = f32x4.splat(number(command, 16)), cap = number(command, 18), caps = f32x4.splat(cap);
  const isWhole = from == 0 && to == <i32>usedTokens, nothing = f32x4.splat(-Infinity);
  let most = nothing;
  for (let key: usize = 0; key < usedTokens; key += 4) {
    let score = f32x4.mul(v128.load(at + (key << 2)), scale);
    if (cap != 0) score = f32x4.mul(caps, tanhyp(f32x4.div(score, caps)));
    if (!isWhole) score = v128.bitselect(score, nothing, inside(key, from, to));
    v128.store(at + (key << 2), score);
    most = f32x4.max(most, score);
  }
  return horizontalMax(most);
}

/** Turns a row of products into weights, zero outside [from, to), and rescales the row's sums to the new maximum. */
function weighRow(command: usize, row: usize, from: i32, to: i32): void {
  const at = scores + ((row * spanTokens) << 2), isWhole = from == 0 && to == <i32>usedTokens;
  const before = load<f32>(maxima + (row << 2)), maximum = max(before, scaleRow(command, at, from, to));
  const shift = f32x4.splat(maximum);
  let total = f32x4.splat(0);
  for (let key: usize = 0; key < usedTokens; key += 4) {
    let weight = exponential(f32x4.sub(v128.load(at + (key << 2)), shift));
    if (!isWhole) weight = v128.and(weight, inside(key, from, to));
    v128.store(at + (key << 2), weight);
    total = f32x4.add(total, weight);
  }
  if (before == maximum) {
    store<f32>(totals + (row << 2), load<f32>(totals + (row << 2)) + horizontalSum(total));
    return;
  }
  const factors = exponential(f32x4.splat(before - maximum)), sum = sums + ((row * headDim) << 2);
  const factor = f32x4.extract_lane(factors, 0);
  store<f32>(totals + (row << 2), load<f32>(totals + (row << 2)) * factor + horizontalSum(total));
  store<f32>(maxima + (row << 2), maximum);
  for (let i: usize = 0; i < headDim << 2; i += 16) v128.store(sum + i, f32x4.mul(v128.load(sum + i), factors));
}

/** Returns the first position that token `token` attends to. */
function firstPosition(command: usize, token: u32): u32 {
  const position = load<u32>(word(command, 13) + (token << 2)), window = word(command, 17);
  return position >= window ? position - window + 1 : 0;
}

/** Returns the query (words 8, 9) or output (words 10, 11) of row `row` of the unit that starts at `token`. */
function rowPointer(command: usize, index: u32, kvHead: u32, token: u32, row: u32): usize {
  const group = word(command, 15) / word(command, 6), head = kvHead * group + row % group;
  return <usize>word(command, index) + (token + row / group) * word(command, index + 1) + ((head * <u32>headDim) << 2);
}

/**
 * Computes the scores of all rows with the keys of the current span. Two or three rows are a tile that repeats its last
 * row.
 */
function scoreSpan(command: usize, kvHead: u32, token: u32, rows: u32): void {
  const q = rowPointer(command, 8, kvHead, token, 0), last = rows - 1;
  if (rows == 1) return scoreRows<OneRow>(0, q, q, q, q);
  for (let row: u32 = 0; row < rows; row += 4) {
    const q0 = rowPointer(command, 8, kvHead, token, row);
    const q1 = rowPointer(command, 8, kvHead, token, min(last, row + 1));
    const q2 = rowPointer(command, 8, kvHead, token, min(last, row + 2));
    const q3 = rowPointer(command, 8, kvHead, token, min(last, row + 3));
    scoreRows<FourRows>(row, q0, q1, q2, q3);
  }
}

/** Computes the scores of up to four rows with one block of halves. */
function scoreBlock(command: usize, kvHead: u32, token: u32, rows: u32, keys: usize, target: usize): void {
  const q0 = rowPointer(command, 8, kvHead, token, 0), last = rows - 1;
  if (rows == 1) return scoreHalves<OneRow>(keys, target, q0, q0, q0, q0);
  const q1 = rowPointer(command, 8, kvHead, token, 1), q2 = rowPointer(command, 8, kvHead, token, min(last, 2));
  scoreHalves<FourRows>(keys, target, q0, q1, q2, rowPointer(command, 8, kvHead, token, last));
}

/**
 * Returns the byte offset of the kv head's keys (or values, relative to their pool) in block `index` of the sequence.
 */
// @ts-ignore: decorator
@inline function headOf(command: usize, kvHead: u32, table: usize, index: u32): usize {
  return load<u32>(table + (index << 2)) * word(command, 4) + kvHead * headBytes(command);
}

/** Computes scores, weights and values of one span, the blocks [first, first + count), for all rows. */
function attendSpan(command: usize, kvHead: u32, token: u32, rows: u32, first: u32, count: u32): void {
  const group = word(command, 15) / word(command, 6), start = first * <u32>blockTokens;
  const table: usize = load<u32>(word(command, 12) + (token << 2));
  setUsedTokens(count * blockTokens);
  const isDirect = word(command, 1) == 0 && rows <= 4;
  for (let i: u32 = 0; i < count; i++) {
    const keys = <usize>word(command, 2) + headOf(command, kvHead, table, first + i), at = (i * blockTokens) << 2;
    if (isDirect) scoreBlock(command, kvHead, token, rows, keys, scores + at);
    else loadKeys(command, keys, widened + at, spanTokens << 2);
  }
  if (!isDirect) scoreSpan(command, kvHead, token, rows);
  let least = <i32>usedTokens, most: i32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const from = max<i32>(0, <i32>firstPosition(command, token + row / group) - start);
    const position = load<u32>(word(command, 13) + ((token + row / group) << 2));
    const to = min<i32>(<i32>usedTokens, <i32>(position + 1 - start));
    if (from < to) {
      weighRow(command, row, from, to);
      least = min(least, from), most = max(most, to);
    } else {
      memory.fill(scores + ((row * spanTokens) << 2), 0, usedTokens << 2);
    }
  }
  if (least >= most) return;
  for (let i: u32 = 0; i < count; i++) {
    const at = <i32>(i * blockTokens), from = max<i32>(0, least - at), to = min<i32>(<i32>blockTokens, most - at);
    const values = <usize>word(command, 3) + headOf(command, kvHead, table, first + i);
    if (from >= to) continue;
    if (!isDirect) loadValues(command, values, from, to, widened + ((at * headDim) << 2));
    else if (rows == 1) addHalves<OneRow>(values, scores + (at << 2), from, to);
    else addHalves<FourRows>(values, scores + (at << 2), from, to);
  }
  if (isDirect) return;
  if (rows == 1) addValues<OneRow>(0, least, most);
  else for (let row: u32 = 0; row < rows; row += 4) addValues<FourRows>(row, least, most);
}

/** Clears the sums, maxima and totals of `rows` rows. */
function clearRows(rows: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    store<f32>(maxima + (row << 2), -Infinity);
    store<f32>(totals + (row << 2), 0);
  }
  // The rows that fill the last tile are also computed, but never read.
  memory.fill(sums, 0, (((rows + 3) & ~3) * headDim) << 2);
}

/** Adds the blocks [first, end) of the context, span by span, to the sums of `rows` rows. */
function attendBlocks(command: usize, kvHead: u32, token: u32, rows: u32, first: u32, end: u32): void {
  const perSpan = <u32>(spanTokens / blockTokens);
  for (let index = first; index < end; index += perSpan) {
    attendSpan(command, kvHead, token, rows, index, min(perSpan, end - index));
  }
}

/** Computes one kv head for the tokens [token, stop), which share a block table. */
function attendTokens(command: usize, kvHead: u32, token: u32, stop: u32): void {
  const rows = (stop - token) * (word(command, 15) / word(command, 6));
  let first = firstPosition(command, token), last: u32 = 0;
  for (let t = token; t < stop; t++) {
    first = min(first, firstPosition(command, t));
    last = max(last, load<u32>(word(command, 13) + (t << 2)));
  }
  clearRows(rows);
  const size = <u32>blockTokens;
  attendBlocks(command, kvHead, token, rows, first / size, last / size + 1);
  for (let row: u32 = 0; row < rows; row++) {
    const output = rowPointer(command, 10, kvHead, token, row), sum = sums + ((row * headDim) << 2);
    const inverse = f32x4.splat(<f32>1 / load<f32>(totals + (row << 2)));
    for (let i: usize = 0; i < headDim << 2; i += 16) v128.store(output + i, f32x4.mul(v128.load(sum + i), inverse));
  }
}

/**
 * Partial results of a single token. If a model has few kv heads, its context is split into parts, so that all threads
 * have work. A part stores, for each head, its sums, maximum and total in the scratch of rows that one token does not
 * need. The thread that finishes last joins the parts in their order, so that the result does not depend on which
 * thread computed which part.
 */
let partials: usize = 0;

/** Bytes of the partial result of one part for one head. */
// @ts-ignore: decorator
@inline function partialBytes(): usize {
  return (headDim + 2) << 2;
}

/** Returns the number of parts that fit after the rows of one token; below two, the context is not split. */
function partsMax(rowsMax: u32, rows: u32, heads: u32): u32 {
  const free: usize = ((rowsMax - ((rows + 3) & ~3)) * (<u32>spanTokens + <u32>headDim + 2)) << 2;
  return <u32>(free / (heads * partialBytes()));
}

function keepPartial(part: u32, kvHead: u32, rows: u32, heads: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const target = partials + (part * heads + kvHead * rows + row) * partialBytes();
    memory.copy(target, sums + ((row * headDim) << 2), headDim << 2);
    store<f32>(target + (headDim << 2), load<f32>(maxima + (row << 2)));
    store<f32>(target + (headDim << 2), load<f32>(totals + (row << 2)), 4);
  }
}

/** Joins the parts of all heads: output = (sum of factor x sums) / (sum of factor x totals). */
function joinPartials(command: usize, parts: u32, heads: u32): void {
  const size = headDim << 2, step = heads * partialBytes();
  for (let head: u32 = 0; head < heads; head++) {
    const from = partials + head * partialBytes(), output = <usize>word(command, 10) + head * size;
    let maximum: f32 = -Infinity, total: f32 = 0;
    for (let part: u32 = 0; part < parts; part++) maximum = max(maximum, load<f32>(from + part * step + size));
    memory.fill(output, 0, size);
    for (let part: u32 = 0; part < parts; part++) {
      const at = from + part * step, factors = exponential(f32x4.splat(load<f32>(at + size) - maximum));
      total += f32x4.extract_lane(factors, 0) * load<f32>(at + size, 4);
      for (let i: usize = 0; i < size; i += 16) {
        v128.store(output + i, f32x4.add(v128.load(output + i), f32x4.mul(v128.load(at + i), factors)));
      }
    }
    const inverse = f32x4.splat(<f32>1 / total);
    for (let i: usize = 0; i < size; i += 16) v128.store(output + i, f32x4.mul(v128.load(output + i), inverse));
  }
}

/** Computes one token whose context, the blocks [first, end), is split into `parts` parts of `perPart` blocks. */
function attendInParts(command: usize, first: u32, end: u32, perPart: u32, parts: u32): void {
  const kvHeads = word(command, 6), heads = word(command, 15), rows = heads / kvHeads, units = parts * kvHeads;
  for (let unit = claim(command, 1); unit < units; unit = claim(command, 1)) {
    const part = unit / kvHeads, kvHead = unit % kvHeads, start = first + part * perPart;
    clearRows(rows);
    attendBlocks(command, kvHead, 0, rows, start, min(end, start + perPart));
    keepPartial(part, kvHead, rows, heads);
    if (atomic.add<u32>(command, 1, doneWordOffset) == units - 1) joinPartials(command, parts, heads);
  }
}

/**
 * Words: 1 to 7 the pool, as in kv-store; 8 queries, 9 bytes between their tokens, 10 output, 11 bytes between its
 * tokens, 12 table pointers, 13 positions, 14 tokens, 15 heads, 16 scale (f32), 17 window (all ones: none), 18 soft cap
 * (f32, 0: none), 19 scratch, 20 bytes of scratch per thread.
 */
export function attention(command: usize, thread: u32): void {
  const perBlock: usize = word(command, 5);
  setGeometry(perBlock, perBlock * max<usize>(1, spanTokensAim / perBlock), word(command, 7));
  const tokens = word(command, 14), kvHeads = word(command, 6), heads = word(command, 15);
  const rowsMax = tokensTogether * (heads / kvHeads), scratch: usize = word(command, 19);
  placeScratch(scratch + thread * word(command, 20), rowsMax);
  if (tokens == 1) {
    const rows = heads / kvHeads, size = <u32>blockTokens, perSpan = <u32>spanTokens / size;
    const first = firstPosition(command, 0) / size, end = load<u32>(word(command, 13)) / size + 1;
    const most = min(partsMax(rowsMax, rows, heads), partsUseful / kvHeads);
    // A part has whole spans, at least `partSpansMin` of them.
    const spans = (end - first + perSpan - 1) / perSpan;
    const perPart = perSpan * max(partSpansMin, (spans + most - 1) / max<u32>(1, most));
    const parts = (end - first + perPart - 1) / perPart;
    if (most > 1 && parts > 1) {
      // The partial results use the rows of the first thread's scratch that a single token does not need.
      placeScratch(scratch + thread * word(command, 20), (rows + 3) & ~3);
      partials = scratch + (((headDim * spanTokens) + ((rows + 3) & ~3) * (spanTokens + headDim + 2)) << 2);
      return attendInParts(command, first, end, perPart, parts);
    }
  }
  const runs = (tokens + tokensTogether - 1) / tokensTogether;
  // The last runs attend to the longest context: threads claim them first, so that all finish at the same time.
  for (let item = claim(command, 1); item < runs * kvHeads; item = claim(command, 1)) {
    const run = runs - 1 - item / kvHeads, stop = min<u32>(tokens, (run + 1) * tokensTogether);
    for (let token = run * tokensTogether; token < stop; ) {
      let end = token + 1;
      const table = load<u32>(word(command, 12) + (token << 2));
      while (end < stop && load<u32>(word(command, 12) + (end << 2)) == table) end++;
      attendTokens(command, item % kvHeads, token, end);
      token = end;
    }
  }
}
