/** Conformance cases: the paged cache, attention over it, and selection among scores. */
import type { KernelKvFormat } from '../formats.ts';
import { attentionScratchBytes, kvBlockBytes } from '../kv-layout.ts';
import type { KernelOperation } from '../operations.ts';
import type { ConformanceCase, TestArena } from './test-arena.ts';

export interface AttentionShape {
  readonly kvFormat: KernelKvFormat;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockTokens: number;
  /** Per sequence: cached tokens, then tokens of this step. */
  readonly sequences: readonly (readonly [cached: number, step: number])[];
  readonly window: number | null;
  readonly softCap: number | null;
}

/** Fills the cache with kv-store: all tokens of all sequences, through block tables in a shuffled order. */
export function prepareCache(arena: TestArena, shape: AttentionShape) {
  const { kvFormat, kvHeads, headDim, blockTokens, sequences } = shape;
  const lengths = sequences.map(([cached, step]) => cached + step);
  const blocksPerSequence = Math.ceil(Math.max(...lengths) / blockTokens);
  const blockCount = blocksPerSequence * sequences.length;
  const blockStrideBytes = kvBlockBytes(shape);
  const pools = {
    keyPool: arena.place(blockCount * blockStrideBytes),
    valuePool: arena.place(blockCount * blockStrideBytes),
  };
  const pool = { kvFormat, ...pools, blockStrideBytes, blockTokens, kvHeads, headDim };
  // Multiplying by a number coprime to the count visits every block once.
  const stride = [7, 5, 3, 1].find((candidate) => blockCount % candidate !== 0) ?? 1;
  const tables = sequences.map((_, sequence) =>
    Array.from(
      { length: blocksPerSequence },
      (_, i) => ((sequence * blocksPerSequence + i) * stride) % blockCount,
    ),
  );
  const slots = lengths.flatMap((length, sequence) =>
    Array.from({ length }, (_, position) => {
      const block = tables[sequence]?.[Math.floor(position / blockTokens)] ?? 0;
      return block * blockTokens + (position % blockTokens);
    }),
  );
  const width = kvHeads * headDim;
  const store: KernelOperation = {
    op: 'kv-store',
    ...pool,
    keys: arena.floats(slots.length * width, 2),
    values: arena.floats(slots.length * width, 2),
    strideBytes: 4 * width,
    slots: arena.words(slots),
    tokens: slots.length,
  };
  return {
    pool,
    store,
    tablePointers: tables.map((table) => arena.words(table)),
    poolWords: (blockCount * blockStrideBytes) / 4,
  };
}

function attentionCase(shape: AttentionShape): ConformanceCase {
  const { kvFormat, heads, kvHeads, headDim, blockTokens, sequences, window, softCap } = shape;
  const rules = `${window === null ? '' : `, window ${window}`}${softCap === null ? '' : `, cap ${softCap}`}`;
  const steps = sequences.map(([cached, step]) => `${cached}+${step}`).join(' ');
  return {
    name: `attention ${kvFormat} ${heads}/${kvHeads} heads of ${headDim}, blocks of ${blockTokens}, ${steps}${rules}`,
    build(arena) {
      const { pool, store, tablePointers, poolWords } = prepareCache(arena, shape);
      const positions = sequences.flatMap(([cached, step]) =>
        Array.from({ length: step }, (_, i) => cached + i),
      );
      const tables = sequences.flatMap(([, step], index) =>
        new Array<number>(step).fill(tablePointers[index] ?? 0),
      );
      const [tokens, width] = [positions.length, heads * headDim];
      const output = arena.place(4 * tokens * width);
      const attention: KernelOperation = {
        op: 'attention',
        ...pool,
        queries: arena.floats(tokens * width, 3),
        queryStrideBytes: 4 * width,
        output,
        outputStrideBytes: 4 * width,
        tables: arena.words(tables),
        positions: arena.words(positions),
        tokens,
        heads,
        scale: 1 / Math.sqrt(headDim),
        window,
        softCap,
        scratch: arena.scratch(attentionScratchBytes(shape, 4)),
      };
      return {
        operations: [store, attention],
        expected: [
          { pointer: pool.keyPool, count: poolWords, tolerance: 'exact' },
          { pointer: pool.valuePool, count: poolWords, tolerance: 'exact' },
          { pointer: output, count: tokens * width, tolerance: 3e-6 },
        ],
      };
    },
  };
}

const plain = {
  kvFormat: 'f16',
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  blockTokens: 16,
  window: null,
  softCap: null,
} as const;

const attentionCases = [
  attentionCase({ ...plain, sequences: [[0, 1]] }),
  attentionCase({ ...plain, sequences: [[40, 1]] }),
  attentionCase({ ...plain, sequences: [[5, 21]] }),
  attentionCase({
    ...plain,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    sequences: [
      [0, 19],
      [33, 1],
      [7, 2],
    ],
  }),
  attentionCase({ ...plain, heads: 5, kvHeads: 1, headDim: 40, blockTokens: 8, sequences: [[17, 9]] }),
  attentionCase({
    ...plain,
    kvHeads: 4,
    window: 7,
    sequences: [
      [30, 5],
      [0, 12],
    ],
  }),
  attentionCase({ ...plain, softCap: 0.75, window: 20, sequences: [[50, 3]] }),
  attentionCase({
    ...plain,
    kvFormat: 'f32',
    headDim: 40,
    window: 30,
    sequences: [
      [40, 1],
      [3, 9],
    ],
  }),
  attentionCase({
    ...plain,
    kvFormat: 'q8_0',
    sequences: [
      [40, 1],
      [3, 9],
    ],
  }),
  attentionCase({
    ...plain,
    kvFormat: 'q8_0',
    headDim: 64,
    blockTokens: 32,
    window: 9,
    softCap: 5,
    sequences: [[70, 6]],
  }),
  // One token, whose context several threads share in parts.
  attentionCase({ ...plain, heads: 9, kvHeads: 3, headDim: 64, sequences: [[300, 1]] }),
  attentionCase({ ...plain, heads: 8, kvHeads: 1, window: 290, softCap: 5, sequences: [[420, 1]] }),
  attentionCase({ ...plain, kvFormat: 'q8_0', heads: 14, blockTokens: 32, sequences: [[640, 1]] }),
];

function selectCase(
  name: string,
  columns: number,
  k: number,
  prepare: (values: Float32Array) => void,
): ConformanceCase {
  return {
    name: `top-${k} and argmax of ${columns}, ${name}`,
    build(arena) {
      const rows = 3;
      const values = arena.floats(rows * columns, 9);
      prepare(new Float32Array(arena.bytes.buffer, values, rows * columns));
      const [indices, scores, output] = [
        arena.place(4 * rows * k),
        arena.place(4 * rows * k),
        arena.place(8 * rows),
      ];
      return {
        operations: [
          { op: 'top-k', values, rows, columns, k, indices, scores },
          { op: 'argmax', values, rows, columns, output },
        ],
        expected: [
          { pointer: indices, count: rows * k, tolerance: 'exact' },
          { pointer: scores, count: rows * k, tolerance: 'exact' },
          { pointer: output, count: 2 * rows, tolerance: 'exact' },
        ],
      };
    },
  };
}

const selectCases = [
  selectCase('random values', 1000, 40, () => {}),
  selectCase('few distinct values', 203, 50, (values) => {
    for (const [i, value] of values.entries()) values[i] = Math.round(value / 4);
  }),
  selectCase('with NaN', 101, 100, (values) => {
    for (let i = 0; i < values.length; i += 3) values[i] = Number.NaN;
  }),
  selectCase('all', 7, 7, () => {}),
];

const readCase: ConformanceCase = {
  name: 'read-sum',
  build(arena) {
    const [input, output] = [arena.floats(16 * 33), arena.words([12345])];
    return {
      operations: [{ op: 'read-sum', input, sizeBytes: 64 * 33, output }],
      expected: [{ pointer: output, count: 1, tolerance: 'exact' }],
    };
  },
};

export const cacheCases: readonly ConformanceCase[] = [...attentionCases, ...selectCases, readCase];
