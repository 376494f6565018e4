/**
 * Rotary position embedding in place. The caller computes a table of cosines and sines once per step, so a rotation is
 * two multiplications and needs no sine in this module.
 */
import { splitStart, word } from './command';

/** Rotates pairs (2i, 2i + 1), which have the order of the table's (cos, sin) pairs. */
function rotateInterleaved(values: usize, table: usize, pairs: u32): void {
  for (let i: u32 = 0; i < pairs; i++) {
    const at = i << 3;
    const x = load<f32>(values + at), y = load<f32>(values + at + 4);
    const cos = load<f32>(table + at), sin = load<f32>(table + at + 4);
    store<f32>(values + at, x * cos - y * sin);
    store<f32>(values + at + 4, x * sin + y * cos);
  }
}

/** Rotates pairs (i, i + pairs), four at a time. */
function rotateHalves(values: usize, table: usize, pairs: u32): void {
  const upper = values + (pairs << 2), whole = pairs & ~3;
  for (let i: u32 = 0; i < whole; i += 4) {
    const first = v128.load(table + (i << 3)), second = v128.load(table + (i << 3), 16);
    const cos = v128.shuffle<f32>(first, second, 0, 2, 4, 6);
    const sin = v128.shuffle<f32>(first, second, 1, 3, 5, 7);
    const x = v128.load(values + (i << 2)), y = v128.load(upper + (i << 2));
    v128.store(values + (i << 2), f32x4.sub(f32x4.mul(x, cos), f32x4.mul(y, sin)));
    v128.store(upper + (i << 2), f32x4.add(f32x4.mul(x, sin), f32x4.mul(y, cos)));
  }
  for (let i = whole; i < pairs; i++) {
    const x = load<f32>(values + (i << 2)), y = load<f32>(upper + (i << 2));
    const cos = load<f32>(table + (i << 3)), sin = load<f32>(table + (i << 3) + 4);
    store<f32>(values + (i << 2), x * cos - y * sin);
    store<f32>(upper + (i << 2), x * sin + y * cos);
  }
}

/**
 * Words: 1 values, 2 table, 3 tokens, 4 heads, 5 head dim, 6 rotary dim, 7 whether pairs are interleaved, 8 bytes from
 * one token's values to the next.
 */
export function rope(command: usize, thread: u32, threads: u32): void {
  const heads = word(command, 4), rotaryDim = word(command, 6), total = word(command, 3) * heads;
  const end = splitStart(total, thread + 1, threads);
  for (let item = splitStart(total, thread, threads); item < end; item++) {
    const token = item / heads;
    const values = <usize>word(command, 1) + token * word(command, 8) + (((item % heads) * word(command, 5)) << 2);
    const table = <usize>word(command, 2) + ((token * rotaryDim) << 2);
    if (word(command, 7) != 0) rotateInterleaved(values, table, rotaryDim >> 1);
    else rotateHalves(values, table, rotaryDim >> 1);
  }
}
