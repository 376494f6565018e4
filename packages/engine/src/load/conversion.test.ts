/** Tensors that are converted while loading equal the `gguf` Python package's values, bit for bit. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '@plimsoll/foundation';
import type { KernelWeightFormat } from '@plimsoll/kernels';
import { expect, test } from 'vitest';
import { fixturesDirectory } from '../loop/fixture-engine.test-data.ts';
import { quantiseRows } from './quantise-rows.ts';
import { wideningOf } from './widen-blocks.ts';

interface Fixture {
  readonly formats: Readonly<Record<string, { readonly blocks: string; readonly values: string }>>;
  readonly quantised: { readonly values: string; readonly blocks: Readonly<Record<string, string>> };
}

const fixture: Fixture = JSON.parse(
  await readFile(join(fixturesDirectory, '../kernels/convert.json'), 'utf8'),
);

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

function floatsOf(text: string): Float32Array {
  return new Float32Array(bytesOf(text).buffer);
}

function blocksOf(format: string): { readonly bytes: Uint8Array; readonly values: Float32Array } {
  const { blocks, values } = defined(fixture.formats[format], `the fixture has ${format}`);
  return { bytes: bytesOf(blocks), values: floatsOf(values) };
}

/** Dequantises Q8_0 by its definition: scale x quant, in f32. */
function readQ8(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: (bytes.byteLength / 34) * 32 }, (_, index) => {
    const block = Math.floor(index / 32) * 34;
    return view.getFloat16(block, true) * view.getInt8(block + 2 + (index % 32));
  });
}

/** Dequantises Q6_K: scale x (signed scale of 16) x (quant - 32), multiplied in this order. */
function readQ6(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: (bytes.byteLength / 210) * 256 }, (_, place) => {
    const [block, index] = [Math.floor(place / 256) * 210, place % 256];
    const [half, run, column] = [index >> 7, (index >> 5) & 3, index & 31];
    const low = (view.getUint8(block + 64 * half + 32 * (run & 1) + column) >> (run < 2 ? 0 : 4)) & 15;
    const high = (view.getUint8(block + 128 + 32 * half + column) >> (2 * run)) & 3;
    const scale = Math.fround(view.getFloat16(block + 208, true) * view.getInt8(block + 192 + (index >> 4)));
    return scale * (low + 16 * high - 32);
  });
}

test.each([
  ['iq4_nl', readQ8, 18, 34],
  ['q3_K', readQ6, 110, 210],
] as const)('%s is widened without loss', (format, read, blockBytes, wideBytes) => {
  const { bytes, values } = blocksOf(format);
  const widened = new Uint8Array((bytes.length / blockBytes) * wideBytes);
  defined(wideningOf(format), 'the format is widened')(bytes, widened);
  expect(read(widened)).toEqual(values);
});

test.each(['f16', 'bf16', 'q8_0', 'q4_0'] satisfies KernelWeightFormat[])(
  'rows are quantised to %s',
  (format) => {
    const values = floatsOf(fixture.quantised.values);
    const expected = bytesOf(defined(fixture.quantised.blocks[format], `the fixture has ${format}`));
    expect(quantiseRows(values, format)).toEqual(expected);
  },
);

test('types that kernels read are not widened', () => {
  expect(wideningOf('Q8_0')).toBe(null);
  expect(wideningOf('Q5_0')).toBe(null);
});
