/** Block sizes of the weight formats, numbered as in opcodes.ts. Floats count as blocks of one element. */
import {
  bf16Code, f16Code, f32Code, panelRows as panelRowCount, q4_0Code, q4_1Code, q4_KCode, q5_0Code, q5_1Code, q5_KCode,
  q8_0Code,
} from './opcodes';

/** Rows of a panel, as an unsigned number. */
export const panelRows: u32 = panelRowCount;

/** True for f32, f16 and bf16, whose activations stay f32. */
export function isFloatFormat(format: u32): bool {
  return format == f32Code || format == f16Code || format == bf16Code;
}

/** True for q4_1, q5_1 and q5_0: blocks of 32 whose products need the sums of the activations (quantise.ts). */
export function readsSums(format: u32): bool {
  return format == q4_1Code || format == q5_1Code || format == q5_0Code;
}

export function blockElements(format: u32): u32 {
  if (isFloatFormat(format)) return 1;
  return format == q8_0Code || format == q4_0Code || readsSums(format) ? 32 : 256;
}

export function blockBytes(format: u32): u32 {
  if (format == f32Code) return 4;
  if (format == f16Code || format == bf16Code) return 2;
  if (format == q8_0Code) return 34;
  if (format == q4_0Code) return 18;
  if (format == q4_1Code) return 20;
  if (format == q5_1Code) return 24;
  if (format == q5_0Code) return 22;
  if (format == q4_KCode) return 144;
  return format == q5_KCode ? 176 : 210;
}

/** Bytes of one row of `columns` weights. */
export function rowBytes(format: u32, columns: u32): u32 {
  return (columns / blockElements(format)) * blockBytes(format);
}
