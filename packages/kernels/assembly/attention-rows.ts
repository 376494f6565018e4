/**
 * The inner loops of attention: scores of one or four query rows with keys, and weights times values. They read either
 * a span that was widened to f32, which is faster if many rows use it, or the halves in the cache. Globals hold scratch
 * and geometry, as in tile.ts.
 */
import { loadHalvesWith } from './float16';
import { halfMask, halfRebias } from './masks';

export type OneRow = u8;
export type FourRows = u32;

/**
 * This thread's scratch, and the rows of the current unit of work. attentionScratchBytes gives the sizes. Sums, maxima
 * and totals belong to the current part of the context; the joined maxima and totals belong to all parts so far, whose
 * joined sums are in the output.
 */
export let widened: usize = 0;
export let scores: usize = 0;
export let sums: usize = 0;
export let maxima: usize = 0;
export let totals: usize = 0;
export let joinedMaxima: usize = 0;
export let joinedTotals: usize = 0;
/** Floats of a row in the scratch besides its scores and sums: the maxima and totals. */
export const rowExtras: usize = 4;
export let blockTokens: usize = 0;
/** Number of tokens of a whole span, and of the current span. */
export let spanTokens: usize = 0;
export let usedTokens: usize = 0;
export let headDim: usize = 0;

export function setGeometry(tokensPerBlock: usize, tokensPerSpan: usize, dim: usize): void {
  blockTokens = tokensPerBlock;
  spanTokens = tokensPerSpan;
  headDim = dim;
}

export function setUsedTokens(count: usize): void {
  usedTokens = count;
}

/** Sets this thread's scratch, with room for `rowsMax` rows. */
export function placeScratch(base: usize, rowsMax: u32): void {
  widened = base;
  scores = widened + ((headDim * spanTokens) << 2);
  sums = scores + ((rowsMax * spanTokens) << 2);
  maxima = sums + ((rowsMax * headDim) << 2);
  totals = maxima + (rowsMax << 2);
  joinedMaxima = totals + (rowsMax << 2);
  joinedTotals = joinedMaxima + (rowsMax << 2);
}

// @ts-ignore: decorator
@inline function multiplyAdd(sum: v128, left: v128, right: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<f32>(left, right, sum);
  return f32x4.add(sum, f32x4.mul(left, right));
}

/**
 * Computes the scores of four query rows (q0 to q3) with all keys of the span, into the scores from row `row` on. Every
 * function of this file adds the elements of a head, and the keys, in ascending order in one chain per lane: a row has
 * the same bits in a tile of one row and of four.
 */
export function scoreRows(row: usize, q0: usize, q1: usize, q2: usize, q3: usize): void {
  const zero = f32x4.splat(0), stride = spanTokens << 2;
  for (let key: usize = 0; key < usedTokens << 2; key += 32) {
    let s00 = zero, s01 = zero, s10 = zero, s11 = zero, s20 = zero, s21 = zero, s30 = zero, s31 = zero;
    let at = widened + key;
    for (let dim: usize = 0; dim < headDim << 2; dim += 4, at += stride) {
      const k0 = v128.load(at), k1 = v128.load(at, 16), x0 = v128.load_splat<u32>(q0 + dim);
      s00 = multiplyAdd(s00, k0, x0), s01 = multiplyAdd(s01, k1, x0);
      const x1 = v128.load_splat<u32>(q1 + dim), x2 = v128.load_splat<u32>(q2 + dim), x3 = v128.load_splat<u32>(q3 + dim);
      s10 = multiplyAdd(s10, k0, x1), s11 = multiplyAdd(s11, k1, x1);
      s20 = multiplyAdd(s20, k0, x2), s21 = multiplyAdd(s21, k1, x2);
      s30 = multiplyAdd(s30, k0, x3), s31 = multiplyAdd(s31, k1, x3);
    }
    const target = scores + row * stride + key;
    v128.store(target, s00), v128.store(target, s01, 16);
    v128.store(target + stride, s10), v128.store(target + stride, s11, 16);
    v128.store(target + 2 * stride, s20), v128.store(target + 2 * stride, s21, 16);
    v128.store(target + 3 * stride, s30), v128.store(target + 3 * stride, s31, 16);
  }
}

/** Computes the scores of one query row: 16 keys at a time, because two chains of additions would wait for each other. */
export function scoreRow(q: usize): void {
  const zero = f32x4.splat(0), stride = spanTokens << 2, end = usedTokens << 2;
  let key: usize = 0;
  for (; key + 64 <= end; key += 64) {
    let s0 = zero, s1 = zero, s2 = zero, s3 = zero, at = widened + key;
    for (let dim: usize = 0; dim < headDim << 2; dim += 4, at += stride) {
      const x = v128.load_splat<u32>(q + dim);
      s0 = multiplyAdd(s0, v128.load(at), x), s1 = multiplyAdd(s1, v128.load(at, 16), x);
      s2 = multiplyAdd(s2, v128.load(at, 32), x), s3 = multiplyAdd(s3, v128.load(at, 48), x);
    }
    const target = scores + key;
    v128.store(target, s0), v128.store(target, s1, 16), v128.store(target, s2, 32), v128.store(target, s3, 48);
  }
  for (; key < end; key += 32) {
    let s0 = zero, s1 = zero, at = widened + key;
    for (let dim: usize = 0; dim < headDim << 2; dim += 4, at += stride) {
      const x = v128.load_splat<u32>(q + dim);
      s0 = multiplyAdd(s0, v128.load(at), x), s1 = multiplyAdd(s1, v128.load(at, 16), x);
    }
    v128.store(scores + key, s0), v128.store(scores + key, s1, 16);
  }
}

/** Adds weights x values of the keys [from, to) to the sums of four rows. */
export function addValues(row: usize, from: usize, to: usize): void {
  const stride = spanTokens << 2, width = headDim << 2, weights = scores + row * stride;
  for (let dim: usize = 0; dim < width; dim += 32) {
    const t0 = sums + row * width + dim, t1 = t0 + width, t2 = t1 + width, t3 = t2 + width;
    let s00 = v128.load(t0), s01 = v128.load(t0, 16), s10 = v128.load(t1), s11 = v128.load(t1, 16);
    let s20 = v128.load(t2), s21 = v128.load(t2, 16), s30 = v128.load(t3), s31 = v128.load(t3, 16);
    let at = widened + from * width + dim, w = weights + (from << 2);
    for (const end = weights + (to << 2); w < end; w += 4, at += width) {
      const v0 = v128.load(at), v1 = v128.load(at, 16), x0 = v128.load_splat<u32>(w);
      s00 = multiplyAdd(s00, v0, x0), s01 = multiplyAdd(s01, v1, x0);
      const x1 = v128.load_splat<u32>(w + stride), x2 = v128.load_splat<u32>(w + 2 * stride);
      s10 = multiplyAdd(s10, v0, x1), s11 = multiplyAdd(s11, v1, x1);
      s20 = multiplyAdd(s20, v0, x2), s21 = multiplyAdd(s21, v1, x2);
      const x3 = v128.load_splat<u32>(w + 3 * stride);
      s30 = multiplyAdd(s30, v0, x3), s31 = multiplyAdd(s31, v1, x3);
    }
    v128.store(t0, s00), v128.store(t0, s01, 16);
    v128.store(t1, s10), v128.store(t1, s11, 16);
    v128.store(t2, s20), v128.store(t2, s21, 16);
    v128.store(t3, s30), v128.store(t3, s31, 16);
  }
}

/** Adds weights x values of the keys [from, to) to the sums of one row, 16 elements of the head at a time. */
export function addValuesRow(from: usize, to: usize): void {
  const width = headDim << 2, start = scores + (from << 2), end = scores + (to << 2);
  let dim: usize = 0;
  for (; dim + 64 <= width; dim += 64) {
    const target = sums + dim;
    let s0 = v128.load(target), s1 = v128.load(target, 16), s2 = v128.load(target, 32), s3 = v128.load(target, 48);
    let at = widened + from * width + dim;
    for (let w = start; w < end; w += 4, at += width) {
      const x = v128.load_splat<u32>(w);
      s0 = multiplyAdd(s0, v128.load(at), x), s1 = multiplyAdd(s1, v128.load(at, 16), x);
      s2 = multiplyAdd(s2, v128.load(at, 32), x), s3 = multiplyAdd(s3, v128.load(at, 48), x);
    }
    v128.store(target, s0), v128.store(target, s1, 16), v128.store(target, s2, 32), v128.store(target, s3, 48);
  }
  for (; dim < width; dim += 32) {
    const target = sums + dim;
    let s0 = v128.load(target), s1 = v128.load(target, 16), at = widened + from * width + dim;
    for (let w = start; w < end; w += 4, at += width) {
      const x = v128.load_splat<u32>(w);
      s0 = multiplyAdd(s0, v128.load(at), x), s1 = multiplyAdd(s1, v128.load(at, 16), x);
    }
    v128.store(target, s0), v128.store(target, s1, 16);
  }
}

/**
 * Computes scores directly from halves: for few rows widening does not pay, because each half is used only once or
 * twice. The scores of one or four rows with the keys of one block, [headDim, blockTokens], go to `target`, a pointer
 * into the first row of the scores.
 */
export function scoreHalves<Rows>(keys: usize, target: usize, q0: usize, q1: usize, q2: usize, q3: usize): void {
  const zero = f32x4.splat(0), stride = spanTokens << 2, mask = halfMask, scale = halfRebias;
  for (let key: usize = 0; key < blockTokens << 1; key += 16) {
    let s00 = zero, s01 = zero, s10 = zero, s11 = zero, s20 = zero, s21 = zero, s30 = zero, s31 = zero;
    let at = keys + key;
    for (let dim: usize = 0; dim < headDim << 2; dim += 4, at += blockTokens << 1) {
      const k0 = loadHalvesWith(at, mask, scale), k1 = loadHalvesWith(at + 8, mask, scale);
      const x0 = v128.load_splat<u32>(q0 + dim);
      s00 = multiplyAdd(s00, k0, x0), s01 = multiplyAdd(s01, k1, x0);
      if (sizeof<Rows>() > 1) {
        const x1 = v128.load_splat<u32>(q1 + dim), x2 = v128.load_splat<u32>(q2 + dim), x3 = v128.load_splat<u32>(q3 + dim);
        s10 = multiplyAdd(s10, k0, x1), s11 = multiplyAdd(s11, k1, x1);
        s20 = multiplyAdd(s20, k0, x2), s21 = multiplyAdd(s21, k1, x2);
        s30 = multiplyAdd(s30, k0, x3), s31 = multiplyAdd(s31, k1, x3);
      }
    }
    const row = target + (key << 1);
    v128.store(row, s00), v128.store(row, s01, 16);
    if (sizeof<Rows>() > 1) {
      v128.store(row + stride, s10), v128.store(row + stride, s11, 16);
      v128.store(row + 2 * stride, s20), v128.store(row + 2 * stride, s21, 16);
      v128.store(row + 3 * stride, s30), v128.store(row + 3 * stride, s31, 16);
    }
  }
}

/** Adds weights x values of the tokens [from, to) of one block of halves, [blockTokens, headDim], to the sums. */
export function addHalves<Rows>(values: usize, weights: usize, from: usize, to: usize): void {
  const stride = spanTokens << 2, width = headDim << 2, mask = halfMask, scale = halfRebias;
  for (let dim: usize = 0; dim < width; dim += 32) {
    const t0 = sums + dim, t1 = t0 + width, t2 = t1 + width, t3 = t2 + width;
    let s00 = v128.load(t0), s01 = v128.load(t0, 16), s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
    if (sizeof<Rows>() > 1) {
      s10 = v128.load(t1), s11 = v128.load(t1, 16);
      s20 = v128.load(t2), s21 = v128.load(t2, 16);
      s30 = v128.load(t3), s31 = v128.load(t3, 16);
    }
    let at = values + from * (headDim << 1) + (dim >> 1);
    for (let w = weights + (from << 2); w < weights + (to << 2); w += 4, at += headDim << 1) {
      const v0 = loadHalvesWith(at, mask, scale), v1 = loadHalvesWith(at + 8, mask, scale);
      const x0 = v128.load_splat<u32>(w);
      s00 = multiplyAdd(s00, v0, x0), s01 = multiplyAdd(s01, v1, x0);
      if (sizeof<Rows>() > 1) {
        const x1 = v128.load_splat<u32>(w + stride), x2 = v128.load_splat<u32>(w + 2 * stride);
        s10 = multiplyAdd(s10, v0, x1), s11 = multiplyAdd(s11, v1, x1);
        s20 = multiplyAdd(s20, v0, x2), s21 = multiplyAdd(s21, v1, x2);
        const x3 = v128.load_splat<u32>(w + 3 * stride);
        s30 = multiplyAdd(s30, v0, x3), s31 = multiplyAdd(s31, v1, x3);
      }
    }
    v128.store(t0, s00), v128.store(t0, s01, 16);
    if (sizeof<Rows>() > 1) {
      v128.store(t1, s10), v128.store(t1, s11, 16);
      v128.store(t2, s20), v128.store(t2, s21, 16);
      v128.store(t3, s30), v128.store(t3, s31, 16);
    }
  }
}
