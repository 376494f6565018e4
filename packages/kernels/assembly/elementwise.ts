/**
 * Softmax, gated activations, sums and copies. Loops process four lanes and finish with single elements; single
 * elements use the same vector function, so that an element's value does not depend on its position.
 */
import { exponential, gelu, horizontalMax, horizontalSum, silu, tanhyp } from './exponential';
import { number, splitStart, word } from './command';

function largest(values: usize, columns: u32): f32 {
  let most = f32x4.splat(-Infinity);
  const whole = columns & ~3;
  for (let i: u32 = 0; i < whole; i += 4) most = f32x4.max(most, v128.load(values + (i << 2)));
  let result = horizontalMax(most);
  for (let i = whole; i < columns; i++) result = max(result, load<f32>(values + (i << 2)));
  return result;
}

/** Replaces each value by e^(value - shift) and returns their sum. */
function powers(values: usize, columns: u32, shift: f32): f32 {
  const shifts = f32x4.splat(shift);
  let sums = f32x4.splat(0);
  const whole = columns & ~3;
  for (let i: u32 = 0; i < whole; i += 4) {
    const power = exponential(f32x4.sub(v128.load(values + (i << 2)), shifts));
    v128.store(values + (i << 2), power);
    sums = f32x4.add(sums, power);
  }
  let total = horizontalSum(sums);
  for (let i = whole; i < columns; i++) {
    const power = f32x4.extract_lane(exponential(f32x4.splat(load<f32>(values + (i << 2)) - shift)), 0);
    store<f32>(values + (i << 2), power);
    total += power;
  }
  return total;
}

/** output = input x factor. */
export function scaleRun(input: usize, output: usize, count: u32, factor: f32): void {
  const factors = f32x4.splat(factor), whole = count & ~3;
  for (let i: u32 = 0; i < whole; i += 4) v128.store(output + (i << 2), f32x4.mul(v128.load(input + (i << 2)), factors));
  for (let i = whole; i < count; i++) store<f32>(output + (i << 2), load<f32>(input + (i << 2)) * factor);
}

/** Words: 1 values, 2 rows, 3 columns. */
export function softmax(command: usize, thread: u32, threads: u32): void {
  const rows = word(command, 2), columns = word(command, 3), end = splitStart(rows, thread + 1, threads);
  for (let row = splitStart(rows, thread, threads); row < end; row++) {
    const values = <usize>word(command, 1) + ((row * columns) << 2);
    const total = powers(values, columns, largest(values, columns));
    scaleRun(values, values, columns, <f32>1 / total);
  }
}

// @ts-ignore: decorator
@inline function activate(x: v128, isGelu: bool): v128 {
  return isGelu ? gelu(x) : silu(x);
}

/**
 * Words: 1 whether gelu (otherwise silu), 2 gate, 3 up, 4 output, 5 rows, 6 columns, 7 and 8 bytes between rows of gate
 * and of up. Work is split by element, so that threads also share one token's row.
 */
export function gated(command: usize, thread: u32, threads: u32): void {
  const isGelu = word(command, 1) != 0, columns = word(command, 6);
  const quads = (columns + 3) >> 2, total = word(command, 5) * quads, end = splitStart(total, thread + 1, threads);
  for (let item = splitStart(total, thread, threads); item < end; item++) {
    const row = item / quads, i = (item % quads) << 2;
    const gate = <usize>word(command, 2) + row * word(command, 7) + (i << 2);
    const up = <usize>word(command, 3) + row * word(command, 8) + (i << 2);
    const output = <usize>word(command, 4) + ((row * columns + i) << 2);
    if (i + 4 <= columns) {
      v128.store(output, f32x4.mul(activate(v128.load(gate), isGelu), v128.load(up)));
    } else {
      for (let j: usize = 0; j < <usize>(columns - i) << 2; j += 4) {
        const x = activate(f32x4.splat(load<f32>(gate + j)), isGelu);
        store<f32>(output + j, f32x4.extract_lane(x, 0) * load<f32>(up + j));
      }
    }
  }
}

/** Words: 1 left, 2 right, 3 output, 4 count, 5 period of right, 6 factor (f32). */
export function add(command: usize, thread: u32, threads: u32): void {
  const left: usize = word(command, 1), right: usize = word(command, 2), output: usize = word(command, 3);
  const count = word(command, 4), period = word(command, 5), factor = number(command, 6);
  const end = splitStart(count, thread + 1, threads), factors = f32x4.splat(factor);
  let i = splitStart(count, thread, threads), j = i % period;
  while (i < end) {
    // A run ends at the end of a period of `right`.
    const run = min(end - i, period - j), whole = run & ~3, base: usize = i << 2, again: usize = j << 2;
    for (let k: usize = 0; k < <usize>whole << 2; k += 16) {
      const addend = f32x4.mul(v128.load(right + again + k), factors);
      v128.store(output + base + k, f32x4.add(v128.load(left + base + k), addend));
    }
    for (let k: usize = <usize>whole << 2; k < <usize>run << 2; k += 4) {
      store<f32>(output + base + k, load<f32>(left + base + k) + load<f32>(right + again + k) * factor);
    }
    i += run, j = 0;
  }
}

/** Words: 1 input, 2 output, 3 count, 4 factor (f32). */
export function scale(command: usize, thread: u32, threads: u32): void {
  const count = word(command, 3), start = splitStart(count, thread, threads), at: usize = start << 2;
  const end = splitStart(count, thread + 1, threads);
  scaleRun(<usize>word(command, 1) + at, <usize>word(command, 2) + at, end - start, number(command, 4));
}

/** Words: 1 values, 2 count, 3 cap (f32). */
export function softCap(command: usize, thread: u32, threads: u32): void {
  const values: usize = word(command, 1), count = word(command, 2), cap = f32x4.splat(number(command, 3));
  const end = splitStart(count, thread + 1, threads);
  let i = splitStart(count, thread, threads);
  for (; i + 4 <= end; i += 4) {
    const at = values + (i << 2);
    v128.store(at, f32x4.mul(cap, tanhyp(f32x4.div(v128.load(at), cap))));
  }
  for (; i < end; i++) {
    const at = values + (i << 2), capped = f32x4.mul(cap, tanhyp(f32x4.div(v128.load_splat<u32>(at), cap)));
    store<f32>(at, f32x4.extract_lane(capped, 0));
  }
}

/** Words: 1 input, 2 indices, 3 output, 4 rows, 5 columns. */
export function gatherRows(command: usize, thread: u32, threads: u32): void {
  const rows = word(command, 4), size = word(command, 5) << 2, end = splitStart(rows, thread + 1, threads);
  for (let row = splitStart(rows, thread, threads); row < end; row++) {
    const index = load<u32>(word(command, 2) + (row << 2));
    memory.copy(<usize>word(command, 3) + row * size, <usize>word(command, 1) + index * size, size);
  }
}

/** Words: 1 input, 2 bytes (a multiple of 64), 3 output. */
export function readSum(command: usize, thread: u32, threads: u32): void {
  const lines = word(command, 2) >> 6;
  let at = <usize>word(command, 1) + (<usize>splitStart(lines, thread, threads) << 6);
  const end = <usize>word(command, 1) + (<usize>splitStart(lines, thread + 1, threads) << 6);
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (; at < end; at += 64) {
    a = v128.xor(a, v128.load(at)), b = v128.xor(b, v128.load(at, 16));
    c = v128.xor(c, v128.load(at, 32)), d = v128.xor(d, v128.load(at, 48));
  }
  a = v128.xor(v128.xor(a, b), v128.xor(c, d));
  const low = i32x4.extract_lane(a, 0) ^ i32x4.extract_lane(a, 1);
  atomic.xor<i32>(word(command, 3), low ^ i32x4.extract_lane(a, 2) ^ i32x4.extract_lane(a, 3));
}
