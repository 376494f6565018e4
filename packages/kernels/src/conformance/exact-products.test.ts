/**
 * A token has the same products, bit for bit, alone and beside other tokens. Products of float weights have this
 * property on the path `mat-vec` only.
 */
import { describe, expect, test } from 'vitest';
import { activationBytes, weightFormats } from '../formats.ts';
import type { KernelOperation } from '../operations.ts';
import { buildNames } from '../wasm/builds.ts';
import { createNodeKernels } from '../wasm/node-platform.ts';
import { controlBytes } from '../wasm/wasm-kernels.ts';
import { formatNames } from './cases-products.ts';
import { TestArena } from './test-arena.ts';

const pages = 64;
const rows = 45;
const tokensMax = 13;

describe.each(buildNames)('wasm %s', (build) => {
  test.each(formatNames)('%s', async (format) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const arenas = [{ memory, controlPointer: 0 }];
    const kernels = await createNodeKernels({ arenas, threads: 2, build, partElementsMin: 1 });
    const { blockElements, activations: kind } = weightFormats[format];
    const columns = blockElements === 1 ? 301 : 5 * blockElements;
    const arena = new TestArena(5, pages * 65_536);
    const { weights, repack } = arena.weights(format, rows, columns);
    const input = arena.floats(tokensMax * columns, 3);
    const operations: KernelOperation[] = [repack];
    const product = (first: number, tokens: number): number => {
      const from = input + 4 * first * columns;
      const activations = kind === 'f32' ? from : arena.place(activationBytes(format, tokens, columns));
      const output = arena.place(4 * tokens * rows);
      const sizes = { rows, columns, tokens, outputStrideBytes: 4 * rows };
      const path = kind === 'f32' ? 'mat-vec' : 'auto';
      operations.push(
        { op: 'quantise', format, input: from, output: activations, tokens, columns },
        { op: 'mat-mul', format, weights, activations, output, ...sizes, accumulate: false, path },
      );
      return output;
    };
    const alone = Array.from({ length: tokensMax }, (_, token) => product(token, 1));
    const together = [2, 3, 4, 5, 8, tokensMax].map((count) => ({ count, output: product(0, count) }));
    new Uint8Array(memory.buffer).set(arena.bytes.subarray(controlBytes), controlBytes);
    for (const operation of operations) kernels.run(0, [operation]);
    const bytes = (pointer: number): Uint8Array => new Uint8Array(memory.buffer, pointer, 4 * rows);
    for (const { count, output } of together) {
      for (const [token, pointer] of alone.slice(0, count).entries()) {
        const isEqual = Buffer.compare(bytes(output + 4 * rows * token), bytes(pointer)) === 0;
        expect(isEqual, `token ${token} of ${count}`).toBe(true);
      }
    }
    await kernels.close();
  });
});
