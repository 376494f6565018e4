/**
 * Weight and cache formats: block sizes, and the exact bytes of everything that a kernel reads or writes. A storage
 * plan adds them up before any allocation, so each figure here is exact, not an estimate. Block layouts are those of
 * ggml (https://github.com/ggml-org/ggml, ggml-common.h).
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import {
  bf16Code,
  f16Code,
  f32Code,
  panelRows,
  q4_0Code,
  q4_1Code,
  q4_KCode,
  q5_0Code,
  q5_1Code,
  q5_KCode,
  q6_KCode,
  q8_0Code,
} from '../assembly/opcodes.ts';

/** Formats of weights in memory, named as in ggml. */
export type KernelWeightFormat =
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'q8_0'
  | 'q4_0'
  | 'q4_1'
  | 'q5_0'
  | 'q5_1'
  | 'q4_K'
  | 'q5_K'
  | 'q6_K';
/** f32 is exact and twice as large as f16: for comparison with other implementations, and for finding faults. */
export type KernelKvFormat = 'f32' | 'f16' | 'q8_0';

/** A run of bytes inside a source block, and the unit in which a panel interleaves eight rows of it. */
export interface BlockField {
  readonly offsetBytes: number;
  /** Offset of the field for eight rows in a panel block, divided by eight; equal to `offsetBytes` in most fields. */
  readonly placeBytes: number;
  readonly sizeBytes: number;
  readonly unitBytes: 2 | 4;
  /**
   * True if the 32 bits of each unit are one per column; in a panel, bit 4i + j is bit i of byte j
   * (assembly/repack.ts).
   */
  readonly bitPerColumn?: true;
}

export interface WeightFormatInfo {
  readonly code: number;
  readonly blockElements: number;
  readonly blockBytes: number;
  readonly fields: readonly BlockField[];
  /**
   * Activations that a product with this format reads: plain f32, or 8-bit blocks of 32 or 256 columns, with the sums
   * that the product multiplies by minima and offsets of weight blocks.
   */
  readonly activations: 'f32' | 'q8-wide-32' | 'q8-32' | 'q8-32-sums' | 'q8-256';
}

function fields(
  ...list: readonly [offsetBytes: number, sizeBytes: number, unitBytes: 2 | 4][]
): BlockField[] {
  return list.map(([offsetBytes, sizeBytes, unitBytes]) => {
    return { offsetBytes, placeBytes: offsetBytes, sizeBytes, unitBytes };
  });
}

/** A word with the fifth bits of 32 columns. */
function bitPerColumn(offsetBytes: number): BlockField {
  return { offsetBytes, placeBytes: offsetBytes, sizeBytes: 4, unitBytes: 4, bitPerColumn: true };
}

/**
 * In q6_K, words of nibbles (two runs in each half of 128 columns) and of bit pairs move together, in steps of three
 * words for the same columns: a kernel then reads memory in one stream (assembly/tile-q6-k.ts).
 */
function steps6(): BlockField[] {
  return Array.from({ length: 48 }, (_, word) => {
    const half = Math.floor(word / 24);
    const step = Math.floor((word % 24) / 3);
    const part = word % 3;
    const source = part === 2 ? 32 + 8 * half + step : 16 * half + 8 * part + step;
    return { offsetBytes: 4 * source, placeBytes: 4 * word, sizeBytes: 4, unitBytes: 4 };
  });
}

/** Block sizes and fields of every weight format, in the byte order of a file. */
export const weightFormats: Readonly<Record<KernelWeightFormat, WeightFormatInfo>> = {
  f32: { code: f32Code, blockElements: 1, blockBytes: 4, fields: fields([0, 4, 4]), activations: 'f32' },
  f16: { code: f16Code, blockElements: 1, blockBytes: 2, fields: fields([0, 2, 2]), activations: 'f32' },
  bf16: { code: bf16Code, blockElements: 1, blockBytes: 2, fields: fields([0, 2, 2]), activations: 'f32' },
  q8_0: {
    code: q8_0Code,
    blockElements: 32,
    blockBytes: 34,
    fields: fields([0, 2, 2], [2, 32, 4]),
    activations: 'q8-wide-32',
  },
  q4_0: {
    code: q4_0Code,
    blockElements: 32,
    blockBytes: 18,
    fields: fields([0, 2, 2], [2, 16, 4]),
    activations: 'q8-32',
  },
  q4_1: {
    code: q4_1Code,
    blockElements: 32,
    blockBytes: 20,
    fields: fields([0, 4, 2], [4, 16, 4]),
    activations: 'q8-32-sums',
  },
  q5_0: {
    code: q5_0Code,
    blockElements: 32,
    blockBytes: 22,
    fields: [...fields([0, 2, 2]), bitPerColumn(2), ...fields([6, 16, 4])],
    activations: 'q8-32-sums',
  },
  q5_1: {
    code: q5_1Code,
    blockElements: 32,
    blockBytes: 24,
    fields: [...fields([0, 4, 2]), bitPerColumn(4), ...fields([8, 16, 4])],
    activations: 'q8-32-sums',
  },
  q4_K: {
    code: q4_KCode,
    blockElements: 256,
    blockBytes: 144,
    fields: fields([0, 4, 2], [4, 140, 4]),
    activations: 'q8-256',
  },
  q5_K: {
    code: q5_KCode,
    blockElements: 256,
    blockBytes: 176,
    fields: fields([0, 4, 2], [4, 172, 4]),
    activations: 'q8-256',
  },
  q6_K: {
    code: q6_KCode,
    blockElements: 256,
    blockBytes: 210,
    fields: [...steps6(), ...fields([192, 16, 4], [208, 2, 2])],
    activations: 'q8-256',
  },
};

/**
 * Bytes of one row of `columns` weights in a file. Throws `columns-not-in-blocks` if the columns do not fill blocks.
 */
export function rowBytes(format: KernelWeightFormat, columns: number): number {
  const { blockElements, blockBytes } = weightFormats[format];
  if (!Number.isSafeInteger(columns) || columns <= 0 || columns % blockElements !== 0) {
    throw new PlimsollError({
      code: 'columns-not-in-blocks',
      message: `${format} cannot store rows of ${columns} columns`,
      value: columns,
      limit: `a multiple of ${blockElements}`,
      hint: 'store this tensor as q8_0, f16 or f32',
    });
  }
  return (columns / blockElements) * blockBytes;
}

/** Bytes of a [rows, columns] weight in a file. */
export function sourceBytes(format: KernelWeightFormat, rows: number, columns: number): number {
  return rows * rowBytes(format, columns);
}

/** Bytes of the same weight in panels of eight rows: the rows are padded to a multiple of 8; nothing else is added. */
export function repackedBytes(format: KernelWeightFormat, rows: number, columns: number): number {
  assert(Number.isSafeInteger(rows) && rows > 0, `a weight with ${rows} rows`);
  return Math.ceil(rows / panelRows) * panelRows * rowBytes(format, columns);
}

function roundUp16(value: number): number {
  return Math.ceil(value / 16) * 16;
}

/**
 * Bytes of the quantised activations of `tokens` tokens for a product with `format`. It is the larger size of the two
 * kinds of builds (the baseline stores quants in 16 bits), so that a plan does not depend on the processor. 0 for float
 * weights, whose products read the f32 activations directly.
 */
export function activationBytes(format: KernelWeightFormat, tokens: number, columns: number): number {
  const { activations, blockElements } = weightFormats[format];
  if (activations === 'f32') return 0;
  if (activations === 'q8-32-sums') return tokens * (2 * columns + roundUp16((columns / 32) * 12));
  const sums = blockElements === 32 ? (columns / 32) * 4 : (columns / 256) * 80;
  return tokens * (2 * columns + roundUp16((columns / blockElements) * 4) + roundUp16(sums));
}
