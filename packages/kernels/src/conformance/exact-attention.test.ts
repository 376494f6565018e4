/**
 * A token has the same attention output, bit for bit, alone, as one of several drafts, in a chunk of a prompt, and beside
 * tokens of other sequences: the order of its sums depends on its position and on the shape alone.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { attentionScratchBytes } from '../kv-layout.ts';
import type { KernelOperation } from '../operations.ts';
import { createReferenceKernels } from '../reference/reference-kernels.ts';
import { buildNames } from '../wasm/builds.ts';
import { createNodeKernels } from '../wasm/node-platform.ts';
import { controlBytes, type WasmKernels } from '../wasm/wasm-kernels.ts';
import { type AttentionShape, prepareCache } from './cases-attention.ts';
import { TestArena } from './test-arena.ts';

type Shape = Omit<AttentionShape, 'sequences'>;
const plain = { kvFormat: 'f16', blockTokens: 16, window: null, softCap: null } as const;

/** Groups of 1, 3, 4, 7 and 8 query heads per kv head, so that one token is a tile of each kind. */
const shapes: readonly Shape[] = [
  { ...plain, heads: 9, kvHeads: 3, headDim: 64 },
  { ...plain, heads: 4, kvHeads: 4, headDim: 40 },
  { ...plain, kvFormat: 'f32', heads: 2, kvHeads: 2, headDim: 40 },
  { ...plain, kvFormat: 'q8_0', heads: 2, kvHeads: 2, headDim: 96 },
  { ...plain, kvFormat: 'q8_0', heads: 14, kvHeads: 2, headDim: 64, blockTokens: 32 },
  { ...plain, heads: 8, kvHeads: 1, headDim: 64, blockTokens: 8, softCap: 5 },
  { ...plain, heads: 4, kvHeads: 1, headDim: 128, window: 300 },
  { ...plain, kvFormat: 'f32', heads: 6, kvHeads: 2, headDim: 32, blockTokens: 24, window: 1024 },
];
const contexts = [16, 65, 128, 129, 301, 512, 513, 777, 2049, 4096];

interface Run {
  readonly context: number;
  readonly operations: readonly KernelOperation[];
  /** Names of the ways to compute, and for each the pointers to the outputs of the same tokens. */
  readonly ways: readonly { readonly name: string; readonly outputs: readonly number[] }[];
  /** Floats of one token's output. */
  readonly width: number;
}

/** The last `count` tokens of a sequence of `context` tokens, computed in every way. */
function runOf(arena: TestArena, shape: Shape, context: number, count: number): Run {
  const other = Math.max(1, context - 37);
  const sequences = [
    [0, context],
    [0, other],
  ] as const;
  const { pool, store, tablePointers } = prepareCache(arena, { ...shape, sequences });
  const width = shape.heads * shape.headDim;
  const queries = arena.floats(count * width, 3);
  const scratch = arena.scratch(attentionScratchBytes(shape, 4));
  const first = context - count;
  const operations: KernelOperation[] = [store];

  /** Computes rows, each the index of a query; `others` puts a token of the other sequence after each. */
  const attend = (rows: readonly number[], others = false): number[] => {
    const pairs = others ? 2 : 1;
    const tokens = rows.length * pairs;
    const input = arena.place(4 * tokens * width);
    const floats = new Float32Array(arena.bytes.buffer);
    rows.forEach((row, index) => {
      const from = queries / 4 + row * width;
      for (let pair = 0; pair < pairs; pair++) {
        floats.copyWithin(input / 4 + (pairs * index + pair) * width, from, from + width);
      }
    });
    const output = arena.place(4 * tokens * width);
    const tables = rows.flatMap(() => tablePointers.slice(0, pairs));
    const positions = rows.flatMap((row) => [first + row, other - 1].slice(0, pairs));
    operations.push({
      op: 'attention',
      ...pool,
      queries: input,
      queryStrideBytes: 4 * width,
      output,
      outputStrideBytes: 4 * width,
      tables: arena.words(tables),
      positions: arena.words(positions),
      tokens,
      heads: shape.heads,
      scale: 1 / Math.sqrt(shape.headDim),
      window: shape.window,
      softCap: shape.softCap,
      scratch,
    });
    return rows.map((_, index) => output + 4 * width * pairs * index);
  };

  const all = Array.from({ length: count }, (_, row) => row);
  const drafts = [0, 3, 6, 9].map((start) => all.slice(start, start + 3));
  const ways = [
    { name: 'alone', outputs: all.flatMap((row) => attend([row])) },
    { name: 'in a chunk of a prompt', outputs: attend(all) },
    { name: 'as drafts', outputs: drafts.flatMap((rows) => (rows.length > 0 ? attend(rows) : [])) },
    { name: 'beside another sequence', outputs: attend(all, true) },
  ];
  return { operations, ways, width, context };
}

function expectEqualBits(buffer: ArrayBufferLike, { ways, width, context }: Run): void {
  const [alone] = ways;
  for (const { name, outputs } of ways) {
    for (const [row, output] of outputs.entries()) {
      const bytes = (pointer: number): Uint8Array => new Uint8Array(buffer, pointer, 4 * width);
      const expected = bytes(alone?.outputs[row] ?? 0);
      expect(Buffer.compare(bytes(output), expected), `row ${row} of ${context} ${name}`).toBe(0);
      expect(expected.some((byte) => byte !== 0)).toBe(true);
    }
  }
}

const pages = 768;
interface Started {
  readonly kernels: WasmKernels;
  readonly memory: WebAssembly.Memory;
}

const started = new Map<string, Started>();

/** Starts the kernels of a build once. Threads of two builds must not share a control region. */
async function wasmKernels(build: (typeof buildNames)[number], threads: number): Promise<Started> {
  const known = started.get(`${build} ${threads}`);
  if (known !== undefined) return known;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const arenas = [{ memory, controlPointer: 0 }];
  const kernels = await createNodeKernels({ arenas, threads, build, partElementsMin: 1 });
  started.set(`${build} ${threads}`, { kernels, memory });
  return { kernels, memory };
}

afterAll(async () => {
  for (const { kernels } of started.values()) await kernels.close();
});

describe.each(shapes)('$kvFormat, $heads/$kvHeads heads of $headDim, window $window', (shape) => {
  test('wasm', async () => {
    for (const context of contexts) {
      const arena = new TestArena(context, pages * 65_536);
      const run = runOf(arena, shape, context, Math.min(12, context));
      const end = arena.place(0);
      for (const build of buildNames) {
        for (const threads of [1, 3]) {
          const { kernels, memory } = await wasmKernels(build, threads);
          const bytes = new Uint8Array(memory.buffer);
          bytes.set(arena.bytes.subarray(controlBytes, end), controlBytes);
          for (const operation of run.operations) kernels.run(0, [operation]);
          expectEqualBits(memory.buffer, run);
        }
      }
    }
  });

  test('reference', () => {
    for (const context of [16, 129]) {
      const arena = new TestArena(context, pages * 65_536);
      const run = runOf(arena, shape, context, 4);
      createReferenceKernels([arena.bytes]).run(0, run.operations);
      expectEqualBits(arena.bytes.buffer, run);
    }
  });
});
