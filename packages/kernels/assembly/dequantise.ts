/**
 * Dequantises one row of a repacked weight to f32: the embedding lookup. The code is scalar because it runs once per
 * token, and so each format reads like its definition. The order of the f32 operations is that of ggml and the `gguf`
 * Python package, so results agree bit for bit.
 */
import { loadHalf } from './float16';
import { blockBytes, blockElements, isFloatFormat, readsSums } from './formats';
import { f16Code, f32Code, q4_0Code, q4_1Code, q4_KCode, q5_1Code, q5_KCode, q8_0Code } from './opcodes';

/** Returns byte `index` of a field that starts at `field` in a panel block and is interleaved in units of 4 bytes. */
// @ts-ignore: decorator
@inline function byteAt(field: usize, row: u32, index: u32): u32 {
  return load<u8>(field + ((((index >> 2) << 3) + row) << 2) + (index & 3));
}

function simpleBlock(format: u32, block: usize, row: u32, output: usize): void {
  const d = loadHalf(block + (row << 1));
  for (let i: u32 = 0; i < 32; i++) {
    let q: i32;
    if (format == q8_0Code) q = <i32>(<i8>byteAt(block + 16, row, i));
    else q = ((byteAt(block + 16, row, i & 15) >> (i < 16 ? 0 : 4)) & 15) - 8;
    store<f32>(output + (i << 2), d * <f32>q);
  }
}

/** q4_1 and q5_1: d x q + m; q5_0: d x (q - 16). The fifth bit of column i is bit i / 4 of byte i mod 4 (repack.ts). */
function sumsBlock(format: u32, block: usize, row: u32, output: usize): void {
  const hasMinimum = format == q4_1Code || format == q5_1Code;
  const d = loadHalf(block + (row << 1)), m = loadHalf(block + 16 + (row << 1));
  const bits = block + (hasMinimum ? 32 : 16), nibbles = format == q4_1Code ? bits : bits + 32;
  for (let i: u32 = 0; i < 32; i++) {
    let q = (byteAt(nibbles, row, i & 15) >> (i < 16 ? 0 : 4)) & 15;
    if (format != q4_1Code) q |= ((byteAt(bits, row, i & 3) >> (i >> 2)) & 1) << 4;
    store<f32>(output + (i << 2), hasMinimum ? d * <f32>q + m : d * <f32>(<i32>q - 16));
  }
}

/** Returns the 6-bit scale (`part` 0) or minimum (`part` 4) of one of eight sub-blocks, from the 12 packed bytes. */
// @ts-ignore: decorator
@inline function sixBits(scales: usize, row: u32, sub: u32, part: u32): u32 {
  if (sub < 4) return byteAt(scales, row, part + sub) & 63;
  const low = (byteAt(scales, row, 4 + sub) >> part) & 15;
  return low | ((byteAt(scales, row, part + sub - 4) >> 6) << 4);
}

/** q4_K and q5_K: eight sub-blocks of 32, each with its own 6-bit scale and minimum. */
function nibbleSuperBlock(format: u32, block: usize, row: u32, output: usize): void {
  const d = loadHalf(block + (row << 1));
  const dmin = loadHalf(block + 16 + (row << 1));
  const fifthBits = block + 128;
  const nibbles = format == q4_KCode ? block + 128 : block + 384;
  for (let sub: u32 = 0; sub < 8; sub++) {
    const scale = d * <f32>sixBits(block + 32, row, sub, 0);
    const minimum = dmin * <f32>sixBits(block + 32, row, sub, 4);
    for (let i: u32 = 0; i < 32; i++) {
      let q = (byteAt(nibbles, row, ((sub >> 1) << 5) + i) >> ((sub & 1) << 2)) & 15;
      if (format == q5_KCode) q |= ((byteAt(fifthBits, row, i) >> sub) & 1) << 4;
      store<f32>(output + (((sub << 5) + i) << 2), scale * <f32>q - minimum);
    }
  }
}

/**
 * q6_K: two halves of 128; in each half, four runs of 32 take their low bits from nibbles and their high bits from bit
 * pairs.
 */
function sixBitSuperBlock(block: usize, row: u32, output: usize): void {
  const d = loadHalf(block + 1664 + (row << 1));
  for (let i: u32 = 0; i < 256; i++) {
    const half = i >> 7;
    const run = (i >> 5) & 3;
    const step = block + half * 768 + ((i & 31) >> 2) * 96;
    const low = byteAt(step + ((run & 1) << 5), row, i & 3) >> ((run >> 1) << 2);
    const high = byteAt(step + 64, row, i & 3) >> (run << 1);
    const q = <i32>((low & 15) | ((high & 3) << 4)) - 32;
    const scale = <f32>(<i8>byteAt(block + 1536, row, i >> 4));
    store<f32>(output + (i << 2), d * scale * <f32>q);
  }
}

function floatElement(format: u32, panel: usize, row: u32, column: u32): f32 {
  const index = (column << 3) + row;
  if (format == f32Code) return load<f32>(panel + (index << 2));
  if (format == f16Code) return loadHalf(panel + (index << 1));
  return reinterpret<f32>(<u32>load<u16>(panel + (index << 1)) << 16);
}

/** Writes row `row` (0 to 7) of the panel at `panel` as `columns` f32. */
export function dequantiseRow(format: u32, panel: usize, row: u32, columns: u32, output: usize): void {
  if (isFloatFormat(format)) {
    for (let i: u32 = 0; i < columns; i++) store<f32>(output + (i << 2), floatElement(format, panel, row, i));
    return;
  }
  const elements = blockElements(format);
  const panelBlockBytes = blockBytes(format) << 3;
  for (let i: u32 = 0; i < columns; i += elements) {
    const block = panel + <usize>(i / elements) * panelBlockBytes;
    const target = output + (i << 2);
    if (format == q8_0Code || format == q4_0Code) simpleBlock(format, block, row, target);
    else if (readsSums(format)) sumsBlock(format, block, row, target);
    else if (format == q4_KCode || format == q5_KCode) nibbleSuperBlock(format, block, row, target);
    else sixBitSuperBlock(block, row, target);
  }
}
