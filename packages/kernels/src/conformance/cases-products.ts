/**
 * Conformance cases: weights and products. Tolerances are relative to the largest output, per weight format: both sides
 * multiply the same 8-bit integers, so they differ only in the order and precision of f32 sums.
 */
import { randomInteger } from '@plimsoll/foundation/random';
import { activationBytes, type KernelWeightFormat, repackedBytes, weightFormats } from '../formats.ts';
import type { MatMul } from '../operations.ts';
import type { ConformanceCase } from './test-arena.ts';

export const formatNames: readonly KernelWeightFormat[] = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q4_0',
  'q4_1',
  'q5_0',
  'q5_1',
  'q4_K',
  'q5_K',
  'q6_K',
];

/** Float weights: f32 sums of f32 products. Other formats: one or two roundings per block of 32 or 256. */
const productTolerance: Readonly<Record<KernelWeightFormat, number>> = {
  f32: 2e-6,
  f16: 2e-6,
  bf16: 2e-6,
  q8_0: 1e-6,
  q4_0: 1e-6,
  q4_1: 1e-6,
  q5_0: 1e-6,
  q5_1: 1e-6,
  q4_K: 1e-6,
  q5_K: 1e-6,
  q6_K: 1e-6,
};

/**
 * Rows that fill panels and rows that do not; one token, a whole tile, and tiles with a remainder of one to three
 * tokens.
 */
const shapes = [
  { rows: 8, blocks: 1, tokens: 1 },
  { rows: 13, blocks: 3, tokens: 4 },
  { rows: 24, blocks: 2, tokens: 5 },
  { rows: 3, blocks: 5, tokens: 6 },
  { rows: 33, blocks: 1, tokens: 11 },
];

function columnsOf(format: KernelWeightFormat, blocks: number): number {
  const { blockElements } = weightFormats[format];
  return blockElements === 1 ? blocks * 37 + 6 : blocks * blockElements;
}

function repackCase(format: KernelWeightFormat, rows: number, blocks: number): ConformanceCase {
  return {
    name: `repack ${format}, ${rows} rows of ${blocks} blocks`,
    build(arena) {
      const columns = columnsOf(format, blocks);
      const { weights, repack } = arena.weights(format, rows, columns);
      const words = repackedBytes(format, rows, columns) / 4;
      return { operations: [repack], expected: [{ pointer: weights, count: words, tolerance: 'exact' }] };
    },
  };
}

function embedCase(format: KernelWeightFormat): ConformanceCase {
  return {
    name: `embed ${format}`,
    build(arena) {
      const [rows, columns, tokens] = [21, columnsOf(format, 2), 7];
      const { weights, repack } = arena.weights(format, rows, columns);
      const tokenIds = arena.words(
        Array.from({ length: tokens }, () => randomInteger(arena.random, 0, rows)),
      );
      const output = arena.place(4 * tokens * columns);
      const embed = { op: 'embed', format, weights, tokenIds, output, tokens, rows, columns } as const;
      return {
        operations: [repack, embed],
        expected: [{ pointer: output, count: tokens * columns, tolerance: 'exact' }],
      };
    },
  };
}

function productCase(
  format: KernelWeightFormat,
  shape: (typeof shapes)[number],
  { accumulate, path }: Pick<MatMul, 'accumulate' | 'path'>,
): ConformanceCase {
  const { rows, blocks, tokens } = shape;
  return {
    name: `mat-mul ${format} [${rows}, ${blocks} blocks] x ${tokens} tokens${accumulate ? ', added' : ''}${path === 'auto' ? '' : `, ${path}`}`,
    build(arena) {
      const columns = columnsOf(format, blocks);
      const { weights, repack } = arena.weights(format, rows, columns);
      const input = arena.floats(tokens * columns, 3);
      const isFloat = weightFormats[format].activations === 'f32';
      const activations = isFloat ? input : arena.scratch(activationBytes(format, tokens, columns));
      // Output rows have a gap between them, whose bytes must stay.
      const outputStrideBytes = 4 * (rows + 3);
      const output = arena.floats(tokens * (rows + 3));
      const product = { op: 'mat-mul', format, weights, activations, output, rows, columns, tokens } as const;
      return {
        operations: [
          repack,
          { op: 'quantise', format, input, output: activations, tokens, columns },
          { ...product, outputStrideBytes, accumulate, path },
        ],
        expected: [{ pointer: output, count: tokens * (rows + 3), tolerance: productTolerance[format] }],
      };
    },
  };
}

export const productCases: readonly ConformanceCase[] = formatNames.flatMap((format) => [
  repackCase(format, 16, 2),
  repackCase(format, 11, 3),
  embedCase(format),
  ...shapes.map((shape, index) => productCase(format, shape, { accumulate: index % 2 === 1, path: 'auto' })),
  productCase(format, { rows: 13, blocks: 2, tokens: 6 }, { accumulate: true, path: 'mat-vec' }),
]);
