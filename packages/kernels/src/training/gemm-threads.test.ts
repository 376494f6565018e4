/** Products have the same bits for any number of threads, also when threads claim different pieces. */
import { describe, expect, test } from 'vitest';
import { TestArena } from '../conformance/test-arena.ts';
import { buildNames } from '../wasm/builds.ts';
import { createNodeKernels } from '../wasm/node-platform.ts';
import { controlBytes } from '../wasm/wasm-kernels.ts';
import { gemmScratchBytes, panelBytes, productOperations, transposed } from './gemm-layout.ts';

const pages = 96;
const [rows, columns, depth] = [397, 1100, 300];
const runsMax = 100;

describe.each(buildNames)('wasm %s', (build) => {
  test('one, two and three threads', async () => {
    const arena = new TestArena(3, pages * 65536);
    const place = (matrixRows: number, matrixColumns: number) => ({
      pointer: arena.floats(matrixRows * matrixColumns),
      rows: matrixRows,
      columns: matrixColumns,
      rowStrideBytes: 4 * matrixColumns,
      columnStrideBytes: 4,
    });
    const [left, right] = [place(rows, depth), transposed(place(columns, depth))];
    const output = arena.place(4 * rows * columns);
    const operations = productOperations(left, right, {
      left: arena.place(panelBytes('left', rows, depth)),
      right: arena.place(panelBytes('right', columns, depth)),
      output,
      outputStrideBytes: 4 * columns,
      accumulate: false,
      scratch: arena.place(gemmScratchBytes),
    });
    const results: Uint8Array[] = [];
    const outputOf = (memory: WebAssembly.Memory): Uint8Array =>
      new Uint8Array(memory.buffer).slice(output, output + 4 * rows * columns);
    for (const threads of [1, 2, 3]) {
      const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
      const arenas = [{ memory, controlPointer: 0 }];
      const kernels = await createNodeKernels({ arenas, threads, build, partElementsMin: 1 });
      new Uint8Array(memory.buffer).set(arena.bytes.subarray(controlBytes), controlBytes);
      // On a busy machine a thread may be late for a whole run.
      do {
        kernels.run(0, operations);
        results.push(outputOf(memory));
      } while (kernels.commandsTaken(0).includes(0) && threads > 1 && results.length < runsMax);
      if (threads > 1) expect(kernels.commandsTaken(0), 'every thread worked').not.toContain(0);
      await kernels.close();
    }
    for (const result of results) expect(Buffer.compare(result, results[0] ?? new Uint8Array())).toBe(0);
    expect(results[0]?.some((byte) => byte !== 0)).toBe(true);
  });
});
