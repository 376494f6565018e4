/**
 * f32, f16 and bf16 weights times f32 activations: eight rows of one column per step, with the column's activation
 * broadcast. Generic over the format by the size and signedness of `Weight`: f32, i16 (f16 bits), u16 (bf16 bits). One
 * token has only two chains of additions, whose latency would limit the speed, so its loop takes four columns at once.
 */
import { loadBrains, loadHalvesWith } from './float16';
import { halfMaskWord, halfRebiasFloat } from './masks';
import { blockCount, multiplyAdd, tileSums, tokenAt } from './tile';

// @ts-ignore: decorator
@inline function loadFour<Weight>(pointer: usize, mask: v128, scale: v128): v128 {
  if (sizeof<Weight>() == 4) return v128.load(pointer);
  if (isSigned<Weight>()) return loadHalvesWith(pointer, mask, scale);
  return loadBrains(pointer);
}

export function vectorFloat<Weight>(weights: usize, activations: usize): void {
  const sums = tileSums, zero = f32x4.splat(0), mask = i32x4.splat(halfMaskWord), scale = f32x4.splat(halfRebiasFloat);
  const half = 4 * sizeof<Weight>(), column = 8 * sizeof<Weight>();
  let f0 = zero, f1 = zero, g0 = zero, g1 = zero, h0 = zero, h1 = zero, i0 = zero, i1 = zero;
  const end = activations + ((blockCount & ~3) << 2);
  let a = activations;
  for (; a < end; a += 16, weights += 4 * column) {
    const x = v128.load_splat<u32>(a), y = v128.load_splat<u32>(a, 4);
    f0 = multiplyAdd(f0, loadFour<Weight>(weights, mask, scale), x);
    f1 = multiplyAdd(f1, loadFour<Weight>(weights + half, mask, scale), x);
    g0 = multiplyAdd(g0, loadFour<Weight>(weights + column, mask, scale), y);
    g1 = multiplyAdd(g1, loadFour<Weight>(weights + column + half, mask, scale), y);
    const z = v128.load_splat<u32>(a, 8), u = v128.load_splat<u32>(a, 12);
    h0 = multiplyAdd(h0, loadFour<Weight>(weights + 2 * column, mask, scale), z);
    h1 = multiplyAdd(h1, loadFour<Weight>(weights + 2 * column + half, mask, scale), z);
    i0 = multiplyAdd(i0, loadFour<Weight>(weights + 3 * column, mask, scale), u);
    i1 = multiplyAdd(i1, loadFour<Weight>(weights + 3 * column + half, mask, scale), u);
  }
  for (; a < activations + (blockCount << 2); a += 4, weights += column) {
    const x = v128.load_splat<u32>(a);
    f0 = multiplyAdd(f0, loadFour<Weight>(weights, mask, scale), x);
    f1 = multiplyAdd(f1, loadFour<Weight>(weights + half, mask, scale), x);
  }
  f0 = f32x4.add(f32x4.add(f0, g0), f32x4.add(h0, i0));
  f1 = f32x4.add(f32x4.add(f1, g1), f32x4.add(h1, i1));
  v128.store(sums, f0, 0), v128.store(sums, f1, 16);
}

export function tileFloat<Weight>(weights: usize, activations: usize): void {
  const sums = tileSums, zero = f32x4.splat(0), mask = i32x4.splat(halfMaskWord), scale = f32x4.splat(halfRebiasFloat);
  let f00 = zero, f01 = zero, f02 = zero, f03 = zero, f10 = zero, f11 = zero, f12 = zero, f13 = zero;
  let a0 = activations, a1 = tokenAt(a0, 1), a2 = tokenAt(a0, 2), a3 = tokenAt(a0, 3);
  const end = a0 + (blockCount << 2);
  while (a0 < end) {
    const w0 = loadFour<Weight>(weights, mask, scale), w1 = loadFour<Weight>(weights + 4 * sizeof<Weight>(), mask, scale);
    weights += 8 * sizeof<Weight>();
    const x0 = v128.load_splat<u32>(a0);
    f00 = multiplyAdd(f00, w0, x0), f10 = multiplyAdd(f10, w1, x0), a0 += 4;
    const x1 = v128.load_splat<u32>(a1);
    f01 = multiplyAdd(f01, w0, x1), f11 = multiplyAdd(f11, w1, x1), a1 += 4;
    const x2 = v128.load_splat<u32>(a2);
    f02 = multiplyAdd(f02, w0, x2), f12 = multiplyAdd(f12, w1, x2), a2 += 4;
    const x3 = v128.load_splat<u32>(a3);
    f03 = multiplyAdd(f03, w0, x3), f13 = multiplyAdd(f13, w1, x3), a3 += 4;
  }
  v128.store(sums, f00, 0), v128.store(sums, f10, 16);
  v128.store(sums, f01, 32), v128.store(sums, f11, 48);
  v128.store(sums, f02, 64), v128.store(sums, f12, 80);
  v128.store(sums, f03, 96), v128.store(sums, f13, 112);
}
