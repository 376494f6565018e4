import { readFileSync } from 'node:fs';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memorySource } from '../byte-source.ts';
import { scanJson } from '../json-scan.ts';
import {
  parseSafetensorsHeader,
  readSafetensorsHeader,
  safetensorsBytes,
  safetensorsTypeBits,
} from './header.ts';
import { encodeSafetensors, layOutSafetensors } from './write.ts';

const kinds = new Uint8Array(
  readFileSync(new URL('../../../../fixtures/safetensors/kinds.safetensors', import.meta.url)),
);

/** Builds a file with this JSON as its header, and `dataBytes` bytes of data. */
function fileOf(json: unknown, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json));
  const file = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  file.set(text, 8);
  return file;
}

describe('files written by the safetensors Python package', () => {
  test('every type that the package writes', async () => {
    const { tensors, metadata } = await readSafetensorsHeader(memorySource(kinds));
    const lines = tensors.map(
      ({ name, type, shape, offset, bytes }) => `${name} ${type} [${shape}] ${offset} ${bytes}`,
    );
    expect([JSON.stringify(metadata), ...lines].join('\n')).toMatchInlineSnapshot(`
      "{"format":"pt","note":"grüße"}
      kind.uint64 U64 [3,2] 1448 48
      kind.int64 I64 [3,2] 1496 48
      kind.float64 F64 [3,2] 1544 48
      kind.complex64 C64 [3,2] 1592 48
      empty F32 [0,4] 1640 0
      kind.float32 F32 [3,2] 1640 24
      scalar F32 [] 1664 4
      kind.uint32 U32 [3,2] 1668 24
      kind.int32 I32 [3,2] 1692 24
      kind.bfloat16 BF16 [3,2] 1716 12
      kind.float16 F16 [3,2] 1728 12
      kind.uint16 U16 [3,2] 1740 12
      kind.int16 I16 [3,2] 1752 12
      kind.float8_e8m0fnu F8_E8M0 [3,2] 1764 6
      kind.float8_e4m3fn F8_E4M3 [3,2] 1770 6
      kind.float8_e5m2 F8_E5M2 [3,2] 1776 6
      kind.int8 I8 [3,2] 1782 6
      kind.uint8 U8 [3,2] 1788 6
      packed F4 [3,8] 1794 12
      kind.bool BOOL [3,2] 1806 6"
    `);
  });

  test('reads only the header', async () => {
    const reads: [number, number][] = [];
    const source = memorySource(kinds);
    await readSafetensorsHeader({
      ...source,
      read: (offset, length) => {
        reads.push([offset, length]);
        return source.read(offset, length);
      },
    });
    const { dataOffset } = await readSafetensorsHeader(source);
    expect(reads).toEqual([
      [0, 8],
      [8, dataOffset - 8],
    ]);
  });
});

const tensor = (dtype: unknown, shape: unknown, offsets: unknown) => ({
  dtype,
  shape,
  data_offsets: offsets,
});

describe('damaged and false headers', () => {
  const cases: Record<string, Uint8Array> = {
    'empty file': new Uint8Array(0),
    'short file': new Uint8Array(7),
    'Git LFS pointer': new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'),
    'length beyond the file': fileOf({}).slice(0, 9),
    'length far beyond the file': new Uint8Array(100).fill(0xff),
    'not JSON': fileOf('{"a": '),
    'not UTF-8': fileOf({}).map((byte, index) => (index >= 8 ? 0xff : byte)),
    'a list': fileOf([]),
    'deep nesting': fileOf(`${'['.repeat(50_000)}${']'.repeat(50_000)}`),
    'a duplicate name': fileOf(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
    ),
    'metadata other than text': fileOf({ __metadata__: { a: 1 } }),
    'an entry that is null': fileOf({ a: null }),
    'unknown type': fileOf({ a: tensor('F128', [1], [0, 16]) }, 16),
    'negative size': fileOf({ a: tensor('U8', [-1], [0, 1]) }, 1),
    'fractional size': fileOf({ a: tensor('U8', [1.5], [0, 1]) }, 1),
    'too many dimensions': fileOf({ a: tensor('U8', new Array(20).fill(1), [0, 1]) }, 1),
    'a partial byte': fileOf({ a: tensor('F4', [3], [0, 1]) }, 1),
    'bytes that contradict shape and type': fileOf({ a: tensor('F32', [2], [0, 4]) }, 4),
    'offsets backwards': fileOf({ a: tensor('F32', [0], [4, 0]) }),
    'one offset': fileOf({ a: tensor('U8', [1], [0]) }, 1),
    overlap: fileOf({ a: tensor('U8', [4], [0, 4]), b: tensor('U8', [4], [2, 6]) }, 6),
    'a gap': fileOf({ a: tensor('U8', [4], [0, 4]), b: tensor('U8', [4], [6, 10]) }, 10),
    'data cut off': fileOf({ a: tensor('U8', [4], [0, 4]) }, 3),
    'extra data': fileOf({ a: tensor('U8', [4], [0, 4]) }, 5),
    'too many elements to count': fileOf({ a: tensor('U8', [2 ** 40, 2 ** 40], [0, 1]) }, 1),
  };

  test('each error names the fault', async () => {
    const lines: string[] = [];
    for (const [name, bytes] of Object.entries(cases)) {
      const error = await readSafetensorsHeader(memorySource(bytes)).then(
        () => ({ code: 'no error', message: '' }),
        (reason: { code: string; message: string }) => reason,
      );
      lines.push(`${name}: ${error.code} | ${error.message}`);
    }
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "empty file: safetensors-truncated | safetensors: at byte 0: the file is shorter than the length of its header
      short file: safetensors-truncated | safetensors: at byte 0: the file is shorter than the length of its header
      Git LFS pointer: git-lfs-pointer | safetensors: at byte 0: the file is a Git LFS pointer, the weights themselves were not downloaded
      length beyond the file: safetensors-truncated | safetensors: at byte 9: the header has 2 bytes, but the file ends before its end
      length far beyond the file: safetensors-header-too-large | safetensors: at byte 0: no model has a header of 18446744073709552000 bytes
      not JSON: safetensors-bad-header | safetensors: at byte 8: the header is not JSON (Unexpected end of JSON input)
      not UTF-8: safetensors-bad-header | safetensors: at byte 8: the header is not UTF-8
      a list: safetensors-bad-header | safetensors: at byte 8: the header is not a JSON object
      deep nesting: safetensors-bad-header | safetensors: at byte 8: the JSON is nested too deep
      a duplicate name: safetensors-duplicate-tensor | safetensors: at byte 8: a name is listed twice
      metadata other than text: safetensors-bad-entry | safetensors: at byte 8: "__metadata__" is not a map from text to text
      an entry that is null: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has an element type that is not known
      unknown type: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has an element type that is not known
      negative size: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has no shape
      fractional size: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has no shape
      too many dimensions: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has no shape
      a partial byte: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has a shape whose F4 elements do not fill whole bytes
      bytes that contradict shape and type: safetensors-bad-entry | safetensors: at byte 8: tensor "a" of F32 [2] has 4 bytes
      offsets backwards: safetensors-bad-entry | safetensors: at byte 8: tensor "a" of F32 [0] has -4 bytes
      one offset: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has no data_offsets
      overlap: safetensors-overlap | safetensors: at byte 115: tensor "b" begins 2 bytes before the end of the previous tensor
      a gap: safetensors-gap | safetensors: at byte 120: tensor "b" begins 2 bytes after the end of the previous tensor
      data cut off: safetensors-truncated | safetensors: at byte 64: the tensors end at byte 65 of a file of 64
      extra data: safetensors-gap | safetensors: at byte 65: the tensors end at byte 65 of a file of 66
      too many elements to count: safetensors-bad-entry | safetensors: at byte 8: tensor "a" has a shape whose U8 elements do not fill whole bytes"
    `);
  });

  test('the end of the data is not checked if the size of the file is unknown', () => {
    const file = cases['data cut off'] ?? new Uint8Array();
    expect(parseSafetensorsHeader(file.slice(8, -3), null).tensors).toHaveLength(1);
  });

  test('tensors may have names that every object has', () => {
    const json =
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}';
    const { tensors } = parseSafetensorsHeader(new TextEncoder().encode(json), null);
    expect(tensors.map((entry) => entry.name)).toEqual(['__proto__', 'constructor']);
  });
});

describe('a written file reads back', () => {
  const types = [...safetensorsTypeBits.keys()];
  const tensors = fc
    .uniqueArray(
      fc.string({ unit: 'grapheme' }).map((name) => name.toWellFormed()),
      { maxLength: 8 },
    )
    .chain((names) =>
      fc.tuple(
        ...names
          .filter((name) => name !== '__metadata__')
          .map((name) =>
            fc
              .tuple(fc.constantFrom(...types), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }))
              .map(([type, sizes]) => {
                const shape = [...sizes, 4];
                const data = Uint8Array.from(
                  { length: safetensorsBytes(type, shape) ?? 0 },
                  (_, index) => index % 256,
                );
                return { name, type, shape, data };
              }),
          ),
      ),
    );

  test('tensors, data and metadata', () => {
    const metadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });
    fc.assert(
      fc.property(tensors, metadata, (list, texts) => {
        const file = encodeSafetensors(list, texts);
        const { dataOffset } = parseSafetensorsHeader(
          file.slice(8, layOutSafetensors(list, texts).header.length),
          null,
        );
        const header = parseSafetensorsHeader(file.slice(8, dataOffset), file.byteLength);
        expect(dataOffset % 8).toBe(0);
        expect(header.metadata).toEqual(texts);
        const byName = new Map(header.tensors.map((entry) => [entry.name, entry]));
        for (const { name, type, shape, data } of list) {
          const entry = byName.get(name);
          expect({ ...entry, offset: 0 }).toEqual({ name, type, shape, bytes: data.byteLength, offset: 0 });
          const offset = entry?.offset ?? 0;
          expect(file.subarray(offset, offset + data.byteLength)).toEqual(data);
        }
      }),
    );
  });

  test('a tensor that the format cannot hold is refused', () => {
    const make = (type: string, shape: number[], bytes: number) => () =>
      encodeSafetensors([{ name: 'a', type, shape, data: new Uint8Array(bytes) }]);
    expect(make('F4', [3], 1)).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: tensor "a" cannot be stored as F4 [3]]`,
    );
    expect(make('Q4_0', [32], 18)).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: tensor "a" cannot be stored as Q4_0 [32]]`,
    );
    expect(make('BF16', [2], 3)).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: tensor "a" of BF16 [2] got 3 bytes of data]`,
    );
  });
});

test('the scan of a text counts what JSON.parse does not report', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const { depth, values, topKeys } = scanJson(new TextEncoder().encode(JSON.stringify(value)));
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      expect(topKeys).toBe(isObject ? Object.keys(value).length : 0);
      expect(depth).toBe(depthOf(value));
      expect(values).toBeGreaterThanOrEqual(valuesOf(value));
      expect(values).toBeLessThanOrEqual(2 * valuesOf(value));
    }),
  );
  expect(scanJson(new TextEncoder().encode('{"a\\\\\\"{[":1,"a":2}'))).toEqual({
    depth: 1,
    values: 3,
    topKeys: 2,
  });
});

function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + valuesOf(inner), 1);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** Seeds of damage that failed once. */
const savedSeeds: readonly number[] = [];

test('damaged files end in a value or an error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const damaged = damage(kinds, seed);
      let asked = 0;
      const source = memorySource(damaged);
      const outcome = await readSafetensorsHeader({
        ...source,
        read: (offset, length) => {
          asked += length;
          return source.read(offset, length);
        },
      }).catch((error: { name: string }) => error.name);
      expect(outcome === 'PlimsollError' || typeof outcome === 'object').toBe(true);
      expect(asked).toBeLessThanOrEqual(Math.max(8, damaged.byteLength));
    }),
    { numRuns: 1500, examples: savedSeeds.map((seed) => [seed]) },
  );
});

/** Changes a few bytes of the header, or cuts the file. */
function damage(original: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const length = random() < 0.25 ? randomInteger(random, 0, original.byteLength) : original.byteLength;
  const damaged = original.slice(0, length);
  for (let round = randomInteger(random, 0, 5); round >= 0; round--) {
    const at = randomInteger(random, 0, Math.max(1, Math.min(length, 1500)));
    damaged[at] = meaningful[randomInteger(random, 0, meaningful.length)] ?? 0;
  }
  return damaged;
}

/** Bytes with a meaning in JSON, and two that are invalid in it. */
const meaningful = [...new TextEncoder().encode('{}[]",:0123456789-.eE\\ '), 0, 0xff];
