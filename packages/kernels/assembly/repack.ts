/**
 * Repacks rows of source blocks into panels of eight interleaved rows: the same bytes in another order (for the fifth
 * bits of q5_0 and q5_1, the same bits in another order).
 *
 * A source block is a list of fields (scale, low bits, high bits...). In a panel block each field of the eight rows is
 * interleaved in units: `out[unit][row]`. The unit is 4 bytes for quants, so that one v128 holds four rows by four
 * consecutive columns, and one 32-bit broadcast of activations multiplies all of them; 2 bytes for f16 scales; one
 * element for floats. A panel block therefore takes exactly 8 source blocks, and rows are padded with zeros to a
 * multiple of 8.
 */
import { claim, word } from './command';
import { blockBytes, panelRows, rowBytes } from './formats';
import { bf16Code, f16Code, f32Code, q4_0Code, q4_1Code, q4_KCode, q5_0Code, q5_1Code, q5_KCode, q8_0Code } from './opcodes';

/** Number of rows of the current panel that exist in the source; the others are zero. */
let presentRows: u32 = 8;
/** Bytes from one source row to the next. */
let sourceStride: usize = 0;
/** Number of infinite or NaN elements or scales in this thread's panels. */
let nonFinite: u32 = 0;

function interleave4Scalar(source: usize, output: usize, units: u32, step: usize): void {
  for (let unit: u32 = 0; unit < units; unit++) {
    for (let row: u32 = 0; row < panelRows; row++) {
      const value = row < presentRows ? load<u32>(source + row * sourceStride + (unit << 2)) : 0;
      store<u32>(output + unit * step + (row << 2), value);
    }
  }
}

/** Transposes 4 units of 4 rows: row vectors (a b c d) become unit vectors, `step` bytes apart. */
// @ts-ignore: decorator
@inline function transpose4(source: usize, output: usize, step: usize): void {
  const a = v128.load(source);
  const b = v128.load(source + sourceStride);
  const c = v128.load(source + 2 * sourceStride);
  const d = v128.load(source + 3 * sourceStride);
  const ab01 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(output, v128.shuffle<i64>(ab01, cd01, 0, 2));
  v128.store(output + step, v128.shuffle<i64>(ab01, cd01, 1, 3));
  v128.store(output + 2 * step, v128.shuffle<i64>(ab23, cd23, 0, 2));
  v128.store(output + 3 * step, v128.shuffle<i64>(ab23, cd23, 1, 3));
}

/** Interleaves `units` words of 4 bytes of eight rows; consecutive units begin `step` bytes apart. */
function interleave4(source: usize, output: usize, units: u32, step: usize = 32): void {
  let unit: u32 = 0;
  if (presentRows == panelRows) {
    for (; unit + 4 <= units; unit += 4) {
      transpose4(source + (unit << 2), output + unit * step, step);
      transpose4(source + (unit << 2) + 4 * sourceStride, output + unit * step + 16, step);
    }
  }
  interleave4Scalar(source + (unit << 2), output + unit * step, units - unit, step);
}

/** Interleaves `units` words of 2 bytes of eight rows; counts words whose exponent bits are all ones. */
function interleave2(source: usize, output: usize, units: u32, exponent: u32): void {
  for (let row: u32 = 0; row < panelRows; row++) {
    const start = source + row * sourceStride;
    for (let unit: u32 = 0; unit < units; unit++) {
      const value: u32 = row < presentRows ? load<u16>(start + (unit << 1)) : 0;
      store<u16>(output + (((unit << 3) + row) << 1), <u16>value);
      nonFinite += u32((value & exponent) == exponent);
    }
  }
}

function countNonFiniteWords(source: usize, count: u32): void {
  for (let row: u32 = 0; row < presentRows; row++) {
    for (let i: u32 = 0; i < count; i++) {
      nonFinite += u32((load<u32>(source + row * sourceStride + (i << 2)) & 0x7f800000) == 0x7f800000);
    }
  }
}

/**
 * Reorders the 32 bits of four words, one bit per column: bit 4i + j goes to bit i of byte j, so that a shift moves the
 * bits of four neighbouring columns into the bytes of their nibbles (tile-sums-32.ts).
 */
function bitsByColumn(words: usize): void {
  const source = v128.load(words);
  let bits = i32x4.splat(0);
  for (let i: i32 = 0; i < 8; i++) {
    const four = v128.and(i32x4.shr_u(source, i << 2), i32x4.splat(15));
    // Bit j of four goes to bit 0 of byte j.
    const spread = v128.and(i32x4.mul(four, i32x4.splat(0x00204081)), i32x4.splat(0x01010101));
    bits = v128.or(bits, i32x4.shl(spread, i));
  }
  v128.store(words, bits);
}

/** Repacks one panel block of a block format. Field offsets are those of ggml's block structs. */
function repackBlock(format: u32, source: usize, output: usize): void {
  if (format == q8_0Code || format == q4_0Code) {
    // d: f16; qs: 32 or 16 bytes.
    interleave2(source, output, 1, 0x7c00);
    interleave4(source + 2, output + 16, format == q8_0Code ? 8 : 4);
  } else if (format == q4_1Code) {
    // d, m: f16; qs: 16 bytes.
    interleave2(source, output, 2, 0x7c00);
    interleave4(source + 4, output + 32, 4);
  } else if (format == q5_1Code || format == q5_0Code) {
    // d and, for q5_1, m: f16; 32 fifth bits; qs: 16 bytes.
    const halves: u32 = format == q5_1Code ? 2 : 1, bits = output + (halves << 4);
    interleave2(source, output, halves, 0x7c00);
    interleave4(source + (halves << 1), bits, 1);
    bitsByColumn(bits), bitsByColumn(bits + 16);
    interleave4(source + (halves << 1) + 4, bits + 32, 4);
  } else if (format == q4_KCode || format == q5_KCode) {
    // d, dmin: f16; 12 bytes of 6-bit scales and minima; q5_K: 32 bytes of fifth bits; 128 bytes of nibbles.
    interleave2(source, output, 2, 0x7c00);
    interleave4(source + 4, output + 32, format == q4_KCode ? 35 : 43);
  } else {
    // q6_K: 128 bytes of low nibbles, 64 bytes of high pairs, 16 i8 scales, then d: f16.
    for (let half: usize = 0; half < 2; half++) {
      // Steps of three words: nibbles of runs 0 and 2, of runs 1 and 3, pairs (tile-q6-k.ts).
      const steps = output + half * 768;
      interleave4(source + (half << 6), steps, 8, 96);
      interleave4(source + (half << 6) + 32, steps + 32, 8, 96);
      interleave4(source + 128 + (half << 5), steps + 64, 8, 96);
    }
    interleave4(source + 192, output + 1536, 4);
    interleave2(source + 208, output + 1664, 1, 0x7c00);
  }
}

/**
 * Words: 1 format, 2 source, 3 output, 4 rows, 5 columns, 6 pointer to a u32 to which the count of non-finite numbers
 * is added.
 */
export function repack(command: usize): void {
  const format = word(command, 1);
  const rows = word(command, 4);
  const columns = word(command, 5);
  const panels = (rows + panelRows - 1) / panelRows;
  const blockSize = blockBytes(format);
  sourceStride = rowBytes(format, columns);
  nonFinite = 0;
  for (let panel = claim(command, 1); panel < panels; panel = claim(command, 1)) {
    const source = <usize>word(command, 2) + panel * panelRows * sourceStride;
    const output = <usize>word(command, 3) + panel * panelRows * sourceStride;
    presentRows = min<u32>(panelRows, rows - panel * panelRows);
    if (format == f32Code) {
      countNonFiniteWords(source, columns);
      interleave4(source, output, columns);
    } else if (format == f16Code || format == bf16Code) {
      interleave2(source, output, columns, format == f16Code ? 0x7c00 : 0x7f80);
    } else {
      for (let at: usize = 0; at < sourceStride; at += blockSize) repackBlock(format, source + at, output + at * panelRows);
    }
  }
  if (nonFinite != 0) atomic.add<u32>(word(command, 6), nonFinite);
}
