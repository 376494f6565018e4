import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFeatures, encodeFeatures } from './feature-file.ts';
import { quantizeFeature, restoreFeature } from './q8.ts';
import { examplePut } from './samples.test-data.ts';

const finite = fc.float({
  noNaN: true,
  noDefaultInfinity: true,
  min: Math.fround(-1e30),
  max: Math.fround(1e30),
});

test('an element errs by half a step of its block at most', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 150 }),
      fc.array(finite, { minLength: 1, maxLength: 4 }),
      (width, seeds) => {
        const elements = Float32Array.from(
          { length: 3 * width },
          (_, index) => (seeds[index % seeds.length] ?? 0) / (1 + (index % 7)),
        );
        const tensor = {
          dtype: 'F32',
          shape: [3, width],
          data: new Uint8Array(elements.slice().buffer),
        } as const;
        const restored = new Float32Array(
          restoreFeature(quantizeFeature('hidden', tensor), 'F32', width).buffer,
        );
        for (let row = 0; row < 3; row++) {
          for (let start = 0; start < width; start += 64) {
            const from = row * width + start;
            const to = row * width + Math.min(start + 64, width);
            const largest = Math.max(...elements.subarray(from, to).map(Math.abs));
            for (let index = from; index < to; index++) {
              const error = Math.abs((restored[index] ?? 0) - (elements[index] ?? 0));
              expect(error).toBeLessThanOrEqual((largest / 254) * (1 + 1e-5) + 1e-43);
            }
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('a file in 8 bits is a quarter of F32 and gives tensors of the same type', async () => {
  const put = examplePut(1, 50);
  const hidden = put.features.hidden;
  if (hidden === undefined) throw new Error('the example has hidden states');
  const width = 768;
  const elements = Float32Array.from(
    { length: 50 * width },
    (_, index) => Math.sin(index) * (1 + (index % 13)),
  );
  for (const dtype of ['F32', 'BF16'] as const) {
    const data = dtype === 'F32' ? new Uint8Array(elements.slice().buffer) : bf16(elements);
    const feature = { ...hidden, dtype, shape: [50, width], data, encoding: 'q8' } as const;
    const encoded = await encodeFeatures({ ...put, features: { hidden: feature } }, 1);
    expect(encoded.bytes / data.byteLength).toBeLessThan(dtype === 'F32' ? 0.28 : 0.55);
    const ref = {
      ...encoded.sample,
      schemaVersion: 1 as const,
      features: encoded.features,
      file: { address: 'file:///x', generation: 1, bytes: encoded.bytes, headerSha256: encoded.headerSha256 },
    };
    const { hidden: restored } = await decodeFeatures(new Uint8Array(Buffer.concat(encoded.chunks)), ref);
    expect([restored?.dtype, restored?.shape]).toEqual([dtype, [50, width]]);
    expect(restored?.data.byteLength).toBe(data.byteLength);
    const found = floats(dtype, restored?.data ?? new Uint8Array());
    const worst = Math.max(...found.map((value, index) => Math.abs(value - (elements[index] ?? 0))));
    // Half a step of blocks up to 13, the cut bits of BF16 above, and its rounding.
    expect(worst).toBeLessThan(13 / 254 + (dtype === 'F32' ? 1e-4 : 0.095));
  }
});

test('types that 8 bits cannot hold are refused', async () => {
  const put = examplePut(1, 4);
  const ids = put.features['input-ids'];
  if (ids === undefined) throw new Error('the example has token ids');
  const features = { ...put.features, 'input-ids': { ...ids, encoding: 'q8' as const } };
  await expect(encodeFeatures({ ...put, features }, 1)).rejects.toMatchObject({
    code: 'bad-feature',
    value: 'I32',
  });
});

function bf16(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(values.slice().buffer);
  return new Uint8Array(Uint16Array.from(bits, (value) => value >>> 16).buffer);
}

function floats(dtype: 'F32' | 'BF16', data: Uint8Array): Float32Array {
  const own = new Uint8Array(data).buffer;
  if (dtype === 'F32') return new Float32Array(own);
  return new Float32Array(Uint32Array.from(new Uint16Array(own), (value) => value << 16).buffer);
}
