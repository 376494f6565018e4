/**
 * The `gguf` Python package defines the block formats: the reference and every Wasm build must reproduce its blocks and
 * values (tools/reference/dequantise.py) bit for bit.
 */
import { readFile } from 'node:fs/promises';
import { defined } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { type KernelWeightFormat, weightFormats } from '../formats.ts';
import type { KernelOperation } from '../operations.ts';
import { ArenaView } from '../reference/arena-view.ts';
import { dequantise } from '../reference/dequantise.ts';
import { buildNames } from '../wasm/builds.ts';
import { createNodeKernels } from '../wasm/node-platform.ts';
import { controlBytes } from '../wasm/wasm-kernels.ts';
import { formatNames } from './cases-products.ts';

interface Fixture {
  readonly formats: Readonly<Record<string, { readonly blocks: string; readonly values: string }>>;
}

const file = new URL('../../../../fixtures/kernels/dequantise.json', import.meta.url);
const fixture: Fixture = JSON.parse(await readFile(file, 'utf8'));

/** Source bytes of one row, and the bits of their f32 values. */
function rowOf(format: KernelWeightFormat): { blocks: Uint8Array; bits: Uint32Array; columns: number } {
  const { blocks, values } = defined(fixture.formats[format], `the fixture has no ${format}`);
  const bytes = Uint8Array.from(Buffer.from(blocks, 'base64'));
  const bits = new Uint32Array(Uint8Array.from(Buffer.from(values, 'base64')).buffer);
  const { blockBytes, blockElements } = weightFormats[format];
  expect((bytes.length / blockBytes) * blockElements).toBe(bits.length);
  return { blocks: bytes, bits, columns: bits.length };
}

describe('reference', () => {
  test.each(formatNames)('%s equals the gguf package', (format) => {
    const { blocks, bits, columns } = rowOf(format);
    const arena = new ArenaView(new Uint8Array(blocks).buffer);
    expect(new Uint32Array(dequantise(arena, format, 0, columns).buffer)).toEqual(bits);
  });
});

describe.each(buildNames)('wasm %s', (build) => {
  test.each(formatNames)('%s, repacked, equals the gguf package', async (format) => {
    const { blocks, bits, columns } = rowOf(format);
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
    const kernels = await createNodeKernels({ arenas: [{ memory, controlPointer: 0 }], threads: 1, build });
    const [source, weights, tokenIds, output] = [controlBytes, 2 * 65536, 3 * 65536, 3 * 65536 + 64];
    // The fixture's row is row 2 of 3, so that the panel has other rows and padding.
    for (let row = 0; row < 3; row++) new Uint8Array(memory.buffer).set(blocks, source + row * blocks.length);
    new Uint32Array(memory.buffer, tokenIds, 1)[0] = 2;
    const shape = { format, rows: 3, columns, weights };
    const operations: KernelOperation[] = [
      { op: 'repack', ...shape, source, output: weights, nonFinite: tokenIds + 32 },
      { op: 'embed', ...shape, tokenIds, output, tokens: 1 },
    ];
    kernels.run(0, operations);
    expect(new Uint32Array(memory.buffer.slice(output, output + 4 * columns))).toEqual(bits);
    expect(new Uint32Array(memory.buffer, tokenIds + 32, 1)[0], 'non-finite scales').toBe(0);
    await kernels.close();
  });
});
