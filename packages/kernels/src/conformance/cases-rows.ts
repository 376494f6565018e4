/** Conformance cases: operations on rows of f32. Lengths that are not multiples of four exercise every tail loop. */
import type { KernelOperation } from '../operations.ts';
import type { ConformanceCase, TestArena } from './test-arena.ts';

/** Both sides may differ by two roundings, or by an exponential with a relative error of 2e-7. */
const tolerance = 2e-6;

type Rows = { readonly rows: number; readonly columns: number };

/** Makes a case with one operation whose output is [rows, columns] f32. */
function rowCase(
  name: string,
  { rows, columns }: Rows,
  operation: (arena: TestArena, output: number) => KernelOperation,
): ConformanceCase {
  return {
    name: `${name} [${rows}, ${columns}]`,
    build(arena) {
      const output = arena.floats(rows * columns, 4);
      return {
        operations: [operation(arena, output)],
        expected: [{ pointer: output, count: rows * columns, tolerance }],
      };
    },
  };
}

const shapes: readonly Rows[] = [
  { rows: 1, columns: 64 },
  { rows: 5, columns: 33 },
  { rows: 3, columns: 130 },
];

const normCases = shapes.flatMap((shape) => {
  const { rows, columns } = shape;
  const common = (arena: TestArena, output: number) => ({
    input: arena.floats(rows * columns, 5),
    weight: arena.floats(columns, 2),
    output,
    rows,
    columns,
    epsilon: 1e-5,
  });
  return [
    rowCase('rms-norm', shape, (arena, output) => ({
      op: 'rms-norm',
      ...common(arena, output),
      weightOffset: 0,
    })),
    rowCase('rms-norm 1 + w', shape, (arena, output) => ({
      op: 'rms-norm',
      ...common(arena, output),
      weightOffset: 1,
    })),
    rowCase('rms-norm without weight', shape, (arena, output) => ({
      op: 'rms-norm',
      ...common(arena, output),
      weight: null,
      weightOffset: 0,
    })),
    rowCase('layer-norm', shape, (arena, output) => ({
      op: 'layer-norm',
      ...common(arena, output),
      bias: arena.floats(columns),
    })),
    rowCase('layer-norm without bias', shape, (arena, output) => ({
      op: 'layer-norm',
      ...common(arena, output),
      bias: null,
    })),
  ];
});

const elementCases = shapes.flatMap((shape) => {
  const { rows, columns } = shape;
  const count = rows * columns;
  return [
    rowCase('softmax', shape, (_arena, values) => ({ op: 'softmax', values, rows, columns })),
    ...(['silu', 'gelu'] as const).map((activation) =>
      rowCase(`gated ${activation}`, shape, (arena, output) => {
        // Gate and up are adjacent, as in a matrix that holds both.
        const gate = arena.floats(2 * count, 6);
        const up = gate + 4 * columns;
        const strides = { gateStrideBytes: 8 * columns, upStrideBytes: 8 * columns };
        return { op: 'gated', activation, gate, up, output, rows, columns, ...strides };
      }),
    ),
    rowCase('gated, up among other columns', shape, (arena, output) => {
      const gate = arena.floats(count, 6);
      const up = arena.floats(3 * count) + 4 * columns;
      const strides = { gateStrideBytes: 4 * columns, upStrideBytes: 12 * columns };
      return { op: 'gated', activation: 'gelu', gate, up, output, rows, columns, ...strides };
    }),
    rowCase('add', shape, (arena, output) => {
      return {
        op: 'add',
        left: arena.floats(count),
        right: arena.floats(count),
        output,
        count,
        period: count,
        factor: 1,
      };
    }),
    rowCase('add bias', shape, (arena, output) => {
      const right = arena.floats(columns);
      return { op: 'add', left: output, right, output, count, period: columns, factor: -0.25 };
    }),
    rowCase('scale', shape, (arena, output) => ({
      op: 'scale',
      input: arena.floats(count),
      output,
      count,
      factor: 1.7,
    })),
    rowCase('soft-cap', shape, (_arena, values) => ({ op: 'soft-cap', values, count, cap: 2.5 })),
    rowCase('gather-rows', shape, (arena, output) => {
      const indices = arena.words(Array.from({ length: rows }, (_, row) => (row * 7) % 4));
      return { op: 'gather-rows', input: arena.floats(4 * columns), indices, output, rows, columns };
    }),
  ];
});

const ropeCases = (['interleaved', 'half'] as const).flatMap((pairs) =>
  [
    { headDim: 64, rotaryDim: 64 },
    { headDim: 40, rotaryDim: 20 },
  ].map(({ headDim, rotaryDim }) =>
    rowCase(
      `rope ${pairs}, ${rotaryDim} of ${headDim}`,
      { rows: 3, columns: 4 * headDim },
      (arena, values) => {
        const table = arena.floats(3 * rotaryDim);
        const shape = { tokens: 3, heads: 3, headDim, rotaryDim };
        return { op: 'rope', values, table, ...shape, pairs, strideBytes: 16 * headDim };
      },
    ),
  ),
);

export const rowCases: readonly ConformanceCase[] = [...normCases, ...elementCases, ...ropeCases];
