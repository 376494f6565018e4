/**
 * Conformance cases of the f32 product: its three uses in training (forward, gradient of the input, gradient of the weight),
 * columns of wider matrices, edges of tiles, more than one block of depth.
 */
import {
  gemmScratchBytes,
  type MatrixPlace,
  panelBytes,
  productOperations,
  transposed,
} from '../training/gemm-layout.ts';
import type { ConformanceCase, TestArena } from './test-arena.ts';

/** Sums of up to 600 products in f32 against double precision. */
const tolerance = 4e-6;

/** Places a random matrix in rows of `stride` floats, from column `first` on. */
function matrix(
  arena: TestArena,
  { rows, columns }: { rows: number; columns: number },
  { stride = columns, first = 0 } = {},
): MatrixPlace {
  const pointer = arena.floats(rows * stride) + 4 * first;
  return { pointer, rows, columns, rowStrideBytes: 4 * stride, columnStrideBytes: 4 };
}

interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly accumulate?: boolean;
  readonly outputStride?: number;
}

function productCase(
  name: string,
  shape: ProductShape,
  operands: (arena: TestArena) => readonly [left: MatrixPlace, right: MatrixPlace],
): ConformanceCase {
  const { rows, columns, depth, accumulate = false, outputStride = columns } = shape;
  return {
    name: `gemm ${name} [${rows}, ${columns}] over ${depth}`,
    build(arena) {
      const [left, right] = operands(arena);
      const output = arena.floats(rows * outputStride);
      const places = {
        left: arena.place(panelBytes('left', rows, depth)),
        right: arena.place(panelBytes('right', columns, depth)),
        output,
        outputStrideBytes: 4 * outputStride,
        accumulate,
        scratch: arena.scratch(gemmScratchBytes),
      };
      const panels = [
        { pointer: places.left, count: panelBytes('left', rows, depth) / 4, tolerance: 'exact' as const },
        {
          pointer: places.right,
          count: panelBytes('right', columns, depth) / 4,
          tolerance: 'exact' as const,
        },
      ];
      return {
        operations: [...productOperations(left, right, places)],
        expected: [...panels, { pointer: output, count: rows * outputStride, tolerance }],
      };
    },
  };
}

/** [rows, depth] x [depth, columns] in each orientation of the operands. */
function orientedCases(shape: ProductShape): readonly ConformanceCase[] {
  const { rows, columns, depth } = shape;
  return [
    productCase('x w', shape, (arena) => [
      matrix(arena, { rows, columns: depth }),
      matrix(arena, { rows: depth, columns }),
    ]),
    productCase('x w^T', shape, (arena) => [
      matrix(arena, { rows, columns: depth }),
      transposed(matrix(arena, { rows: columns, columns: depth })),
    ]),
    productCase('y^T x', shape, (arena) => [
      transposed(matrix(arena, { rows: depth, columns: rows })),
      matrix(arena, { rows: depth, columns }),
    ]),
  ];
}

const shapes: readonly ProductShape[] = [
  { rows: 1, columns: 1, depth: 1 },
  { rows: 6, columns: 16, depth: 4 },
  { rows: 13, columns: 35, depth: 7, accumulate: true },
  { rows: 23, columns: 70, depth: 301 },
  { rows: 200, columns: 40, depth: 9, accumulate: true },
  { rows: 7, columns: 530, depth: 5 },
];

export const gemmCases: readonly ConformanceCase[] = [
  ...shapes.flatMap(orientedCases),
  productCase(
    'of columns of wider matrices',
    { rows: 9, columns: 20, depth: 30, outputStride: 27 },
    (arena) => [
      matrix(arena, { rows: 9, columns: 30 }, { stride: 41, first: 5 }),
      transposed(matrix(arena, { rows: 20, columns: 30 }, { stride: 64, first: 34 })),
    ],
  ),
];
