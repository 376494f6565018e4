/** The operation states the path of a product; the bits of the sums show which path ran. */
import { describe, expect, test } from 'vitest';
import { formatNames } from '../conformance/cases-products.ts';
import { TestArena } from '../conformance/test-arena.ts';
import { activationBytes, type KernelWeightFormat, weightFormats } from '../formats.ts';
import type { KernelOperation, ProductPath } from '../operations.ts';
import { buildNames } from './builds.ts';
import { createNodeKernels } from './node-platform.ts';
import { controlBytes } from './wasm-kernels.ts';

const [rows, columns, tokens] = [21, 512, 7];
const pages = 16;

/** Makes one weight and seven tokens. Returns a function that multiplies tokens [first, first + count) on a path. */
function productsOf(format: KernelWeightFormat) {
  const arena = new TestArena(11, pages * 65536);
  const { weights, repack } = arena.weights(format, rows, columns);
  const input = arena.floats(tokens * columns);
  const isFloat = weightFormats[format].activations === 'f32';
  const activations = isFloat ? input : arena.scratch(activationBytes(format, tokens, columns));
  const output = arena.place(4 * rows * tokens);
  const product = (first: number, count: number, path: ProductPath): KernelOperation[] => {
    const shape = { format, tokens: count, columns };
    const from = input + 4 * columns * first;
    const source = isFloat ? from : activations;
    const places = { weights, activations: source, output, outputStrideBytes: 4 * rows };
    return [
      repack,
      { op: 'quantise', ...shape, input: from, output: activations },
      { op: 'mat-mul', ...shape, rows, ...places, accumulate: false, path },
    ];
  };
  return { bytes: arena.bytes, output, product };
}

describe.each(buildNames)('wasm %s', (build) => {
  test.each(formatNames)('%s: mat-vec gives a token the same bits alone and in a group', async (format) => {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads: 2, build });
    const { bytes, output, product } = productsOf(format);
    const bitsOf = (first: number, count: number, path: ProductPath): Uint32Array => {
      new Uint8Array(memory.buffer).set(bytes.subarray(controlBytes), controlBytes);
      kernels.run(0, product(first, count, path));
      return new Uint32Array(memory.buffer.slice(output, output + 4 * rows * count));
    };
    const alone = Array.from({ length: tokens }, (_, token) => [...bitsOf(token, 1, 'auto')]).flat();
    expect([...bitsOf(0, tokens, 'mat-vec')]).toEqual(alone);
    const together = [...bitsOf(0, tokens, 'auto')];
    // If tokens are computed together, floats are summed in another order, so the bits show which path ran.
    const differs = together.some((bits, index) => bits !== alone[index]);
    expect(differs, 'auto computes tokens together').toBe(weightFormats[format].activations === 'f32');
    await kernels.close();
  });
});
