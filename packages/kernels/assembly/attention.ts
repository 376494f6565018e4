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
  addValuesRow,
  blockTokens,
  headDim,
  joinedMaxima,
  joinedTotals,
  maxima,
  placeScratch,
  rowExtras,
  scoreHalves,
  scoreRow,
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
  if (rows == 1) return scoreRow(q);
  for (let row: u32 = 0; row < rows; row += 4) {
    const q0 = rowPointer(command, 8, kvHead, token, row);
    const q1 = rowPointer(command, 8, kvHead, token, min(last, row + 1));
    const q2 = rowPointer(command, 8, kvHead, token, min(last, row + 2));
    const q3 = rowPointer(command, 8, kvHead, token, min(last, row + 3));
    scoreRows(row, q0, q1, q2, q3);
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

/**
 * Computes scores, weights and values of one span, the blocks [first, first + count), for all rows. The first `skipped`
 * blocks lie before every window: their table entries are not valid.
 */
function attendSpan(command: usize, kvHead: u32, token: u32, rows: u32, first: u32, count: u32, skipped: u32): void {
  const group = word(command, 15) / word(command, 6), start = first * <u32>blockTokens;
  const table: usize = load<u32>(word(command, 12) + (token << 2));
  setUsedTokens(count * blockTokens);
  const isDirect = word(command, 1) == 0 && rows <= 4;
  for (let i = skipped; i < count; i++) {
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
  for (let i = skipped; i < count; i++) {
    const at = <i32>(i * blockTokens), from = max<i32>(0, least - at), to = min<i32>(<i32>blockTokens, most - at);
    const values = <usize>word(command, 3) + headOf(command, kvHead, table, first + i);
    if (from >= to) continue;
    if (!isDirect) loadValues(command, values, from, to, widened + ((at * headDim) << 2));
    else if (rows == 1) addHalves<OneRow>(values, scores + (at << 2), from, to);
    else addHalves<FourRows>(values, scores + (at << 2), from, to);
  }
  if (isDirect) return;
  if (rows == 1) addValuesRow(least, most);
  else for (let row: u32 = 0; row < rows; row += 4) addValues(row, least, most);
}

/** Clears the sums, maxima and totals of `rows` rows for the next part. */
function clearRows(rows: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    store<f32>(maxima + (row << 2), -Infinity);
    store<f32>(totals + (row << 2), 0);
  }
  // The rows that fill the last tile are also computed, but never read.
  memory.fill(sums, 0, (((rows + 3) & ~3) * headDim) << 2);
}

/**
 * The context of a token is divided into parts, so that all threads have work if a model has few kv heads. Each part
 * starts with empty sums, and the parts are joined in their order. Spans start at multiples of `spanTokens`, parts at
 * multiples of partSpans(): both depend on the token's position and on the shape alone. A token therefore has the same
 * bits alone, beside other rows, as a draft and in a prompt, whether or not several threads compute its parts.
 */
function partSpans(command: usize, token: u32): u32 {
  const position = load<u32>(word(command, 13) + (token << 2)), window = word(command, 17);
  const kvHeads = word(command, 6), heads = word(command, 15), size = <u32>spanTokens;
  const most = min(partsMax(heads / kvHeads, heads), partsUseful / kvHeads);
  const hasWindow = window != u32.MAX_VALUE;
  // A window can start and end inside a part, which makes one part more.
  const divisor = hasWindow ? most - min<u32>(most, 1) : most;
  if (divisor < 2) return u32.MAX_VALUE;
  let spans = position / size + 1;
  if (hasWindow) spans = min(spans, (min(window, position + 1) + size - 2) / size + 1);
  return max(partSpansMin, (spans + divisor - 1) / divisor);
}

/** Returns the number of parts that fit into the scratch after the rows of one token. */
function partsMax(rows: u32, heads: u32): u32 {
  const free = ((tokensTogether * rows - ((rows + 3) & ~3)) * (<u32>(spanTokens + headDim + rowExtras))) << 2;
  return free / (heads * <u32>partialBytes());
}

/** Adds the blocks [first, end) of the spans [span, spanEnd) to the sums of `rows` rows. */
function attendPart(command: usize, kvHead: u32, token: u32, rows: u32, span: u32, spanEnd: u32, first: u32, end: u32): void {
  const perSpan = <u32>(spanTokens / blockTokens);
  clearRows(rows);
  for (; span < spanEnd; span++) {
    const start = span * perSpan;
    attendSpan(command, kvHead, token, rows, start, min(perSpan, end - start), first > start ? first - start : 0);
  }
}

/** Returns the end of the part that contains span `span`, or `spanEnd` if that is earlier. */
function partEnd(span: u32, spanEnd: u32, perPart: u32): u32 {
  return min<u32>(spanEnd, perPart == u32.MAX_VALUE ? spanEnd : (span / perPart + 1) * perPart);
}

/** Joins the sums, maximum and total of a part of one row to those of the earlier parts. */
function joinRow(joined: usize, joinedMaximum: usize, joinedTotal: usize, part: usize, maximum: f32, total: f32): void {
  const before = load<f32>(joinedMaximum), size = headDim << 2;
  // The row attends to no key of this part.
  if (maximum == -Infinity) return;
  if (before == -Infinity) {
    memory.copy(joined, part, size);
    store<f32>(joinedMaximum, maximum), store<f32>(joinedTotal, total);
    return;
  }
  const most = max(before, maximum);
  const factors = exponential(f32x4.splat(before - most)), partFactors = exponential(f32x4.splat(maximum - most));
  const factor = f32x4.extract_lane(factors, 0), partFactor = f32x4.extract_lane(partFactors, 0);
  store<f32>(joinedMaximum, most), store<f32>(joinedTotal, load<f32>(joinedTotal) * factor + total * partFactor);
  for (let i: usize = 0; i < size; i += 16) {
    const sum = f32x4.mul(v128.load(joined + i), factors);
    v128.store(joined + i, f32x4.add(sum, f32x4.mul(v128.load(part + i), partFactors)));
  }
}

/** Writes sums / total to the output. */
function writeRow(output: usize, from: usize, total: f32): void {
  const inverse = f32x4.splat(<f32>1 / total);
  for (let i: usize = 0; i < headDim << 2; i += 16) v128.store(output + i, f32x4.mul(v128.load(from + i), inverse));
}

/** Computes one kv head for the tokens [token, stop), which share a block table and the size of parts. */
function attendTokens(command: usize, kvHead: u32, token: u32, stop: u32): void {
  const rows = (stop - token) * (word(command, 15) / word(command, 6)), size = <u32>blockTokens;
  let first = firstPosition(command, token), last: u32 = 0;
  for (let t = token; t < stop; t++) {
    first = min(first, firstPosition(command, t));
    last = max(last, load<u32>(word(command, 13) + (t << 2)));
  }
  for (let row: u32 = 0; row < rows; row++) store<f32>(joinedMaxima + (row << 2), -Infinity);
  const perPart = partSpans(command, token), spanEnd = last / <u32>spanTokens + 1;
  for (let span = first / <u32>spanTokens; span < spanEnd; ) {
    const end = partEnd(span, spanEnd, perPart);
    attendPart(command, kvHead, token, rows, span, end, first / size, last / size + 1);
    for (let row: u32 = 0; row < rows; row++) {
      const at = row << 2, output = rowPointer(command, 10, kvHead, token, row);
      const maximum = load<f32>(maxima + at), total = load<f32>(totals + at);
      joinRow(output, joinedMaxima + at, joinedTotals + at, sums + row * (headDim << 2), maximum, total);
    }
    span = end;
  }
  for (let row: u32 = 0; row < rows; row++) {
    const output = rowPointer(command, 10, kvHead, token, row);
    writeRow(output, output, load<f32>(joinedTotals + (row << 2)));
  }
}

/**
 * Results of the parts of a single token: for each part and head its sums, maximum and total. They are in the scratch of
 * rows that one token does not need. The thread that finishes last joins them.
 */
let partials: usize = 0;

/** Bytes of the partial result of one part for one head. */
// @ts-ignore: decorator
@inline function partialBytes(): usize {
  return (headDim + 2) << 2;
}

function keepPartial(part: u32, kvHead: u32, rows: u32, heads: u32): void {
  for (let row: u32 = 0; row < rows; row++) {
    const target = partials + (part * heads + kvHead * rows + row) * partialBytes();
    memory.copy(target, sums + ((row * headDim) << 2), headDim << 2);
    store<f32>(target + (headDim << 2), load<f32>(maxima + (row << 2)));
    store<f32>(target + (headDim << 2), load<f32>(totals + (row << 2)), 4);
  }
}

/** Joins the parts of all heads to the first part, and writes the output. */
function joinPartials(command: usize, parts: u32, heads: u32): void {
  const size = headDim << 2, step = heads * partialBytes();
  for (let head: u32 = 0; head < heads; head++) {
    const joined = partials + head * partialBytes();
    for (let part: u32 = 1; part < parts; part++) {
      const at = joined + part * step;
      joinRow(joined, joined + size, joined + size + 4, at, load<f32>(at + size), load<f32>(at + size, 4));
    }
    writeRow(<usize>word(command, 10) + head * size, joined, load<f32>(joined + size, 4));
  }
}

/** Computes one token whose context has `parts` parts, of which threads claim one kv head at a time. */
function attendInParts(command: usize, perPart: u32, parts: u32): void {
  const kvHeads = word(command, 6), heads = word(command, 15), rows = heads / kvHeads, units = parts * kvHeads;
  const position = load<u32>(word(command, 13)), first = firstPosition(command, 0), size = <u32>blockTokens;
  const firstSpan = first / <u32>spanTokens, spanEnd = position / <u32>spanTokens + 1, firstPart = firstSpan / perPart;
  for (let unit = claim(command, 1); unit < units; unit = claim(command, 1)) {
    const part = unit / kvHeads, kvHead = unit % kvHeads, span = max(firstSpan, (firstPart + part) * perPart);
    attendPart(command, kvHead, 0, rows, span, partEnd(span, spanEnd, perPart), first / size, position / size + 1);
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
    const rows = heads / kvHeads, perPart = partSpans(command, 0), position = load<u32>(word(command, 13));
    const firstPart = firstPosition(command, 0) / <u32>spanTokens / perPart;
    const parts = position / <u32>spanTokens / perPart - firstPart + 1;
    if (parts > 1 && parts <= partsMax(rows, heads)) {
      // The partial results use the rows of the first thread's scratch that a single token does not need.
      const rowsUsed = (rows + 3) & ~3;
      placeScratch(scratch + thread * word(command, 20), rowsUsed);
      partials = scratch + (((headDim * spanTokens) + rowsUsed * (spanTokens + headDim + rowExtras)) << 2);
      return attendInParts(command, perPart, parts);
    }
  }
  const runs = (tokens + tokensTogether - 1) / tokensTogether;
  // The last runs attend to the longest context: threads claim them first, so that all finish at the same time.
  for (let item = claim(command, 1); item < runs * kvHeads; item = claim(command, 1)) {
    const run = runs - 1 - item / kvHeads, stop = min<u32>(tokens, (run + 1) * tokensTogether);
    for (let token = run * tokensTogether; token < stop; ) {
      let end = token + 1;
      const table = load<u32>(word(command, 12) + (token << 2));
      const perPart = partSpans(command, token);
      while (end < stop && load<u32>(word(command, 12) + (end << 2)) == table && partSpans(command, end) == perPart) end++;
      attendTokens(command, item % kvHeads, token, end);
      token = end;
    }
  }
}
