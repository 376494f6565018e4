/**
 * The paged KV cache: writes tokens into blocks, and reads one head of a block as f32. src/kv-layout.ts has the
 * layouts; keys are transposed inside their block, values are not.
 */
import { horizontalMax } from './exponential';
import { loadHalf, loadHalves, loadHalvesWith, narrowToHalves } from './float16';
import { splitStart, word } from './command';
import { halfMask, halfRebias } from './masks';

/** Words 1 to 7 describe the pool, in kv-store and in attention. */
// @ts-ignore: decorator
@inline export function isQuantised(command: usize): bool {
  return word(command, 1) == 1;
}

// @ts-ignore: decorator
@inline function isWide(command: usize): bool {
  return word(command, 1) == 2;
}

/** Bytes of one head's keys (or values) in one block. */
export function headBytes(command: usize): usize {
  const elements = word(command, 5) * word(command, 7);
  if (isWide(command)) return elements << 2;
  return isQuantised(command) ? elements + (elements >> 4) : elements << 1;
}

/** Stores four halves, `stride` bytes apart. */
// @ts-ignore: decorator
@inline function storeFourHalves(target: usize, stride: usize, values: v128): void {
  const bits = narrowToHalves(values);
  store<u16>(target, <u16>i32x4.extract_lane(bits, 0));
  store<u16>(target + stride, <u16>i32x4.extract_lane(bits, 1));
  store<u16>(target + 2 * stride, <u16>i32x4.extract_lane(bits, 2));
  store<u16>(target + 3 * stride, <u16>i32x4.extract_lane(bits, 3));
}

/** Stores four f32, `stride` bytes apart. */
// @ts-ignore: decorator
@inline function storeFour(target: usize, stride: usize, values: v128): void {
  store<f32>(target, f32x4.extract_lane(values, 0));
  store<f32>(target + stride, f32x4.extract_lane(values, 1));
  store<f32>(target + 2 * stride, f32x4.extract_lane(values, 2));
  store<f32>(target + 3 * stride, f32x4.extract_lane(values, 3));
}

/** Quantises a group of 32 elements to i8, `stride` bytes apart, and stores its scale at `scaleAt`. */
function storeGroup(source: usize, target: usize, stride: usize, scaleAt: usize): void {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < 128; i += 16) most = f32x4.max(most, f32x4.abs(v128.load(source + i)));
  const largest = horizontalMax(most);
  const inverse: f32 = largest < 1e-30 ? 0 : <f32>127 / largest;
  for (let i: usize = 0; i < 32; i++) {
    const quant = <i32>nearest<f32>(load<f32>(source + (i << 2)) * inverse);
    store<i8>(target + i * stride, <i8>quant);
  }
  store<u16>(scaleAt, <u16>i32x4.extract_lane(narrowToHalves(f32x4.splat(largest / <f32>127)), 0));
}

/**
 * Stores one head of one token. `stride` is the distance between neighbouring elements, in elements: blockTokens for
 * keys, 1 for values. `scales` points to this token's first scale; `scaleStride` is the number of bytes to the next
 * scale.
 */
function storeHead(command: usize, source: usize, target: usize, stride: usize, scales: usize, scaleStride: usize): void {
  const headDim: usize = word(command, 7);
  if (isWide(command)) {
    for (let i: usize = 0; i < headDim; i += 4) {
      storeFour(target + ((i * stride) << 2), stride << 2, v128.load(source + (i << 2)));
    }
    return;
  }
  if (!isQuantised(command)) {
    for (let i: usize = 0; i < headDim; i += 4) {
      storeFourHalves(target + ((i * stride) << 1), stride << 1, v128.load(source + (i << 2)));
    }
    return;
  }
  for (let i: usize = 0; i < headDim; i += 32) {
    storeGroup(source + (i << 2), target + i * stride, stride, scales + (i >> 5) * scaleStride);
  }
}

/**
 * Words: 1 the format: 0 f16, 1 q8_0, 2 f32; 2 key pool, 3 value pool, 4 bytes between blocks, 5 tokens per block, 6 kv heads,
 * 7 head dim; 8 keys, 9 values, 10 bytes between tokens, 11 slots, 12 tokens.
 */
export function kvStore(command: usize, thread: u32, threads: u32): void {
  const blockTokens: usize = word(command, 5), kvHeads = word(command, 6), headDim: usize = word(command, 7);
  const total = word(command, 12) * kvHeads, end = splitStart(total, thread + 1, threads);
  const elementBytes: usize = isQuantised(command) ? 1 : isWide(command) ? 4 : 2;
  for (let item = splitStart(total, thread, threads); item < end; item++) {
    const token = item / kvHeads, head: usize = item % kvHeads;
    const slot: usize = load<u32>(word(command, 11) + (token << 2));
    const inBlock = slot % blockTokens, at = token * word(command, 10) + ((head * headDim) << 2);
    const base = (slot / blockTokens) * word(command, 4) + head * headBytes(command);
    const keys = base + word(command, 2), values = base + word(command, 3), quants = headDim * blockTokens;
    const keyScales = keys + quants + (inBlock << 1);
    storeHead(command, word(command, 8) + at, keys + inBlock * elementBytes, blockTokens, keyScales, blockTokens << 1);
    const valueScales = values + quants + ((inBlock * headDim) >> 4);
    storeHead(command, word(command, 9) + at, values + inBlock * headDim * elementBytes, 1, valueScales, 2);
  }
}

/** Converts `count` halves (a multiple of 8) to f32. */
// @ts-ignore: decorator
@inline function widenRun(source: usize, output: usize, count: usize): void {
  const mask = halfMask, scale = halfRebias;
  for (let i: usize = 0; i < count; i += 8) {
    v128.store(output + (i << 2), loadHalvesWith(source + (i << 1), mask, scale));
    v128.store(output + (i << 2), loadHalvesWith(source + (i << 1) + 8, mask, scale), 16);
  }
}

/** Converts eight i8 to two vectors of f32, times `low` and `high`. */
// @ts-ignore: decorator
@inline function widenEight(source: usize, output: usize, low: v128, high: v128): void {
  const eight = v128.load_ext<i8>(source);
  v128.store(output, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(eight)), low));
  v128.store(output, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(eight)), high), 16);
}

/** Loads the keys of one head of one block as f32: headDim rows of blockTokens, `stride` bytes apart. */
export function loadKeys(command: usize, head: usize, output: usize, stride: usize): void {
  const blockTokens: usize = word(command, 5), headDim: usize = word(command, 7);
  const scales = head + headDim * blockTokens;
  for (let dim: usize = 0; dim < headDim; dim++, output += stride) {
    const row = dim * blockTokens, scaleRow = scales + (((dim >> 5) * blockTokens) << 1);
    if (isWide(command)) {
      memory.copy(output, head + (row << 2), blockTokens << 2);
      continue;
    }
    if (!isQuantised(command)) {
      widenRun(head + (row << 1), output, blockTokens);
      continue;
    }
    for (let token: usize = 0; token < blockTokens; token += 8) {
      const low = loadHalves(scaleRow + (token << 1)), high = loadHalves(scaleRow + (token << 1) + 8);
      widenEight(head + row + token, output + (token << 2), low, high);
    }
  }
}

/** Loads the values of the tokens [from, to) of one head of one block into their rows of [blockTokens, headDim] f32. */
export function loadValues(command: usize, head: usize, from: u32, to: u32, output: usize): void {
  const blockTokens: usize = word(command, 5), headDim: usize = word(command, 7);
  if (isWide(command)) {
    return memory.copy(output + ((from * headDim) << 2), head + ((from * headDim) << 2), ((to - from) * headDim) << 2);
  }
  if (!isQuantised(command)) {
    return widenRun(head + ((from * headDim) << 1), output + ((from * headDim) << 2), (to - from) * headDim);
  }
  const scales = head + headDim * blockTokens;
  for (let at = from * headDim; at < to * headDim; at += 8) {
    const scale = f32x4.splat(loadHalf(scales + ((at >> 5) << 1)));
    widenEight(head + at, output + (at << 2), scale, scale);
  }
}
