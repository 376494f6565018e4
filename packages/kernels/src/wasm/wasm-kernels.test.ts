/** Properties of the pool beyond the results of single operations. */
import { monotonicClock } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNames } from '../conformance/cases-products.ts';
import { TestArena } from '../conformance/test-arena.ts';
import { activationBytes, weightFormats } from '../formats.ts';
import type { KernelOperation } from '../operations.ts';
import { fastestBuild } from './fastest-build.ts';
import { createNodeKernels, loadKernelModule } from './node-platform.ts';
import { arenaPagesMax, controlBytes } from './wasm-kernels.ts';

function sharedMemory(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

test('several arenas are independent, and a control region may be anywhere in an arena', async () => {
  const arenas = [
    { memory: sharedMemory(4), controlPointer: 0 },
    { memory: sharedMemory(4), controlPointer: 65536 },
  ];
  const kernels = await createNodeKernels({ arenas, threads: 2 });
  const values = arenas.map(({ memory }, index) => {
    const floats = new Float32Array(memory.buffer, 3 * 65536, 8);
    floats.fill(index + 1);
    return floats;
  });
  const double: KernelOperation = { op: 'scale', input: 3 * 65536, output: 3 * 65536, count: 8, factor: 2 };
  kernels.run(1, [double, double]);
  kernels.run(0, [double]);
  expect(values.map((floats) => floats[7])).toEqual([2, 8]);
  await kernels.close();
});

test('every thread works in every arena, although no thread waits for another to arrive', async () => {
  const threads = 3;
  const arenas = [0, 1].map(() => ({ memory: sharedMemory(4), controlPointer: 0 }));
  const kernels = await createNodeKernels({ arenas, threads, partElementsMin: 1 });
  const sum: KernelOperation = {
    ...{ op: 'read-sum', input: 65536, sizeBytes: 65536, output: controlBytes - 64 },
  };
  const program = kernels.prepare(new Array<KernelOperation>(200).fill(sum));
  const end = performance.now() + 20_000;
  const isIdle = (arena: number): boolean => kernels.commandsTaken(arena).includes(0);
  while ((isIdle(0) || isIdle(1)) && performance.now() < end) {
    kernels.run(0, program);
    kernels.run(1, program);
  }
  expect([isIdle(0), isIdle(1)]).toEqual([false, false]);
  await kernels.close();
});

test('chains of shared and unshared operations give the same result on any number of threads', async () => {
  const memory = sharedMemory(8);
  const arenas = [1, 2, 3].map((index) => ({ memory, controlPointer: 65536 * (index + 3) }));
  const pools = await Promise.all(
    arenas.map((arena, index) =>
      createNodeKernels({ arenas: [arena], threads: index + 1, partElementsMin: 16 }),
    ),
  );
  const [left, right, size] = [65536, 2 * 65536, 4096];
  const step = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: size }), factor: fc.constantFrom(0.5, 0.75) }),
    fc.record({ count: fc.constantFrom(1, 3, 15), factor: fc.constantFrom(0.5, -0.25) }),
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), (steps) => {
      // Each step reads the output of the previous step, so a thread out of order would change the result.
      const operations = steps.map(({ count, factor }, index): KernelOperation => {
        const [from, to] = index % 2 === 0 ? [left, right] : [right, left];
        return { op: 'add', left: from, right: to, output: to, count, period: count, factor };
      });
      const results = pools.map((kernels) => {
        const values = new Float32Array(memory.buffer, left, (2 * 65536) / 4);
        for (let index = 0; index < values.length; index++) values[index] = Math.sin(index);
        kernels.run(0, operations);
        return values.slice();
      });
      for (const result of results) expect(result).toEqual(results[0]);
    }),
    { numRuns: 20 },
  );
  await Promise.all(pools.map((kernels) => kernels.close()));
});

test('pointers above 2 GiB, up to the last byte of the largest arena', async () => {
  const memory = sharedMemory(arenaPagesMax);
  const end = 65536 * arenaPagesMax;
  const kernels = await createNodeKernels({
    arenas: [{ memory, controlPointer: end - 3 * 65536 }],
    threads: 2,
  });
  const [rows, columns] = [16, 64];
  const [source, output] = [3 * 2 ** 30, end - 4 * rows];
  const weights = output - 4 * rows * columns;
  new Float32Array(memory.buffer, source, rows * columns).forEach((_, i, all) => {
    all[i] = i % columns === 1 ? Math.floor(i / columns) : 0;
  });
  const activations = 2 ** 31 + 64;
  new Float32Array(memory.buffer, activations, columns)[1] = 3;
  kernels.run(0, [
    { op: 'repack', format: 'f32', source, output: weights, rows, columns, nonFinite: source - 64 },
    {
      ...{ op: 'mat-mul', format: 'f32', weights, activations, output, rows, columns, tokens: 1 },
      ...{ outputStrideBytes: 4 * rows, accumulate: false, path: 'auto' },
    },
  ]);
  const products = new Float32Array(memory.buffer, output, rows);
  expect([...products]).toEqual(Array.from({ length: rows }, (_, row) => 3 * row));
  await kernels.close();
});

test('operations beyond the size of the control region run in batches', async () => {
  const memory = sharedMemory(2);
  const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads: 2 });
  const values = new Float32Array(memory.buffer, controlBytes, 4);
  const addOne: KernelOperation = {
    ...{ op: 'add', left: controlBytes, right: controlBytes + 64, output: controlBytes, count: 4 },
    ...{ period: 4, factor: 1 },
  };
  new Float32Array(memory.buffer, controlBytes + 64, 4).fill(1);
  kernels.run(0, new Array<KernelOperation>(1300).fill(addOne));
  expect([...values]).toEqual([1300, 1300, 1300, 1300]);
  await kernels.close();
});

test('a trap frees every thread, and the kernels refuse further work', async () => {
  const memory = sharedMemory(2);
  const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads: 3 });
  new Uint32Array(memory.buffer, controlBytes, 1)[0] = 99;
  const embed: KernelOperation = {
    ...{ op: 'embed', format: 'f32', weights: controlBytes + 64, tokenIds: controlBytes, tokens: 1 },
    ...{ output: controlBytes + 1024, rows: 8, columns: 4 },
  };
  expect(() => kernels.run(0, [embed])).toThrow(WebAssembly.RuntimeError);
  expect(() => kernels.run(0, [embed])).toThrow('after a trap');
  await kernels.close();
});

test('the fastest build is one of the two relaxed builds', async () => {
  const build = await fastestBuild(loadKernelModule, monotonicClock);
  expect(['relaxed', 'relaxed-dot32']).toContain(build);
});

test('infinite and NaN weights are counted while repacking', async () => {
  const memory = sharedMemory(4);
  const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads: 2 });
  const view = new DataView(memory.buffer);
  for (const format of formatNames) {
    const { blockElements, blockBytes, fields } = weightFormats[format];
    new Uint8Array(memory.buffer, controlBytes).fill(0);
    const scale = fields.find(({ unitBytes }) => unitBytes === 2)?.offsetBytes ?? 0;
    const at = controlBytes + 64 + blockBytes + scale;
    if (format === 'f32') view.setFloat32(at, Number.NaN, true);
    else view.setUint16(at, format === 'bf16' ? 0x7f80 : 0xfc00, true);
    const place = { source: controlBytes + 64, output: 2 * 65536, nonFinite: controlBytes };
    kernels.run(0, [{ op: 'repack', format, rows: 3, columns: blockElements, ...place }]);
    expect(view.getUint32(controlBytes, true), format).toBe(1);
  }
  await kernels.close();
});

test('a NaN among the activations reaches the outputs of its token and no others', async () => {
  const memory = sharedMemory(16);
  const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads: 2 });
  for (const format of formatNames) {
    const arena = new TestArena(7, memory.buffer.byteLength);
    const [rows, tokens, columns] = [9, 5, 256];
    const { weights, repack } = arena.weights(format, rows, columns);
    const input = arena.floats(tokens * columns);
    new Float32Array(arena.bytes.buffer, input, tokens * columns)[2 * columns + 31] = Number.NaN;
    const isFloat = weightFormats[format].activations === 'f32';
    const activations = isFloat ? input : arena.scratch(activationBytes(format, tokens, columns));
    const output = arena.place(4 * rows * tokens);
    new Uint8Array(memory.buffer).set(arena.bytes.subarray(controlBytes), controlBytes);
    const product = { op: 'mat-mul', format, weights, activations, output, rows, columns, tokens } as const;
    const quantise = { op: 'quantise', format, input, output: activations, tokens, columns } as const;
    kernels.run(0, [
      repack,
      quantise,
      { ...product, outputStrideBytes: 4 * rows, accumulate: false, path: 'auto' },
    ]);
    const results = new Float32Array(memory.buffer, output, rows * tokens);
    const isNaNPerToken = Array.from({ length: tokens }, (_, token) =>
      results.subarray(token * rows, (token + 1) * rows).every((value) => Number.isNaN(value)),
    );
    expect(isNaNPerToken, format).toEqual([false, false, true, false, false]);
    expect(results.filter((value) => Number.isNaN(value)).length, format).toBe(rows);
  }
  await kernels.close();
});

test('attention of one token gives the same bits on any number of threads', async () => {
  const memory = sharedMemory(32);
  const [heads, kvHeads, headDim, blockTokens] = [9, 3, 64, 16];
  const pool = { kvFormat: 'f16', kvHeads, headDim, blockTokens, blockStrideBytes: 6144 } as const;
  const [positions, tables, table, queries] = [1024, 1028, 1088, 8192];
  const [output, scratch, keyPool, valuePool] = [16384, 65536, 8 * 65536, 16 * 65536];
  const words = new Uint32Array(memory.buffer);
  words[tables / 4] = table;
  for (let block = 0; block < 64; block++) words[table / 4 + block] = block;
  const floats = new Float32Array(memory.buffer, queries, heads * headDim);
  for (let index = 0; index < floats.length; index++) floats[index] = Math.sin(index);
  const halves = new Uint16Array(memory.buffer, keyPool, (16 * 65536) / 2);
  // Random signs and mantissas of halves between 0.5 and 2.
  for (let index = 0; index < halves.length; index++) halves[index] = ((index * 40503) & 0x87ff) | 0x3800;
  const results: Float32Array[][] = [];
  for (const threads of [1, 2, 4]) {
    const arenas = [{ memory, controlPointer: (24 + threads) * 65536 }];
    const kernels = await createNodeKernels({ arenas, threads });
    results.push(
      [0, 127, 128, 300, 701, 1023].map((position) => {
        words[positions / 4] = position;
        kernels.run(0, [
          {
            ...{ op: 'attention', ...pool, keyPool, valuePool, tokens: 1, heads, scale: 0.125 },
            ...{ window: null, softCap: null, queries, output, scratch, tables, positions },
            ...{ queryStrideBytes: 4 * heads * headDim, outputStrideBytes: 4 * heads * headDim },
          },
        ]);
        return new Float32Array(memory.buffer.slice(output, output + 4 * heads * headDim));
      }),
    );
    await kernels.close();
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test('a product gives the same bits on any number of threads and in both relaxed builds', async () => {
  // The tensors are in the first pages; each pool has its own control region after them.
  const memory = sharedMemory(20);
  const place = (index: number) => ({ arenas: [{ memory, controlPointer: 65536 * (16 + index) }] });
  const pools = await Promise.all([
    ...[1, 2, 4].map((threads, index) => createNodeKernels({ ...place(index), threads })),
    createNodeKernels({ ...place(3), threads: 2, build: 'relaxed-dot32' }),
  ]);
  const shapes = fc.record({
    format: fc.constantFrom(...formatNames),
    rows: fc.integer({ min: 1, max: 70 }),
    tokens: fc.integer({ min: 1, max: 9 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });
  fc.assert(
    fc.property(shapes, ({ format, rows, tokens, seed }) => {
      const arena = new TestArena(seed, 16 * 65536);
      const columns = 256;
      const { weights, repack } = arena.weights(format, rows, columns);
      const input = arena.floats(tokens * columns);
      const isFloat = weightFormats[format].activations === 'f32';
      const activations = isFloat ? input : arena.scratch(activationBytes(format, tokens, columns));
      const output = arena.place(4 * rows * tokens);
      const product = { op: 'mat-mul', format, weights, activations, output, rows, columns, tokens } as const;
      const quantise = { op: 'quantise', format, input, output: activations, tokens, columns } as const;
      const results = pools.map((kernels) => {
        new Uint8Array(memory.buffer).set(arena.bytes.subarray(controlBytes), controlBytes);
        kernels.run(0, [
          repack,
          quantise,
          { ...product, outputStrideBytes: 4 * rows, accumulate: false, path: 'auto' },
        ]);
        return new Float32Array(memory.buffer.slice(output, output + 4 * rows * tokens));
      });
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
      expect(results[3]).toEqual(results[0]);
    }),
    { numRuns: 40 },
  );
  await Promise.all(pools.map((kernels) => kernels.close()));
});
