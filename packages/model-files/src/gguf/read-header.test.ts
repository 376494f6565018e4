import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ByteSource, memorySource } from '../byte-source.ts';
import { ggmlTypeNamed } from './ggml-types.ts';
import { type GgufHeader, type GgufValue, ggufValueTypes } from './header.ts';
import { parseGguf, readGgufHeader } from './read-header.ts';
import { encodeGguf, ggufArray, ggufString, ggufUint32 } from './write.ts';

const directory = new URL('../../../../fixtures/gguf/', import.meta.url);
const fixtures = readdirSync(directory).filter((name) => name.endsWith('.gguf'));

function fixture(name: string): Uint8Array {
  return readFileSync(new URL(name, directory));
}

interface Expected {
  readonly alignment: number;
  readonly dataOffset: number;
  readonly tensors: readonly unknown[];
}

const expected = (
  JSON.parse(readFileSync(new URL('expected.json', directory), 'utf8')) as {
    files: Record<string, Expected>;
  }
).files;

function describeHeader({ alignment, dataOffset, tensors }: GgufHeader): Expected {
  const rows = tensors.map(({ name, type, shape, offset, bytes }) => ({
    name,
    type: type.name,
    shape,
    offset,
    bytes,
  }));
  return { alignment, dataOffset, tensors: rows };
}

describe('files written by the gguf Python package', () => {
  test.each(fixtures)('%s reads as the gguf package reads it', (name) => {
    expect(describeHeader(parseGguf(fixture(name)))).toEqual(expected[name]);
  });

  test('every metadata type is read', () => {
    const header = parseGguf(fixture('value-types.gguf'));
    const values = [...header.metadata].map(([key, value]) => `${key} = ${render(value)}`);
    expect(values.join('\n')).toMatchInlineSnapshot(`
      "general.architecture = string kinds
      general.alignment = uint32 64
      kinds.uint8 = uint8 255
      kinds.int8 = int8 -128
      kinds.uint16 = uint16 65535
      kinds.int16 = int16 -32768
      kinds.uint32 = uint32 4294967295
      kinds.int32 = int32 -2147483648
      kinds.float32 = float32 0.5
      kinds.uint64 = uint64 18446744073709551615
      kinds.int64 = int64 -9007199254740992
      kinds.float64 = float64 1e+300
      kinds.bool = bool true
      kinds.string = string ﻿grüße 🚢
      kinds.integers = int32[3] 1, -2, 3
      kinds.floats = float32[2] 0.25, -0.5
      kinds.bools = bool[2] true, false
      kinds.strings = string[3] , a, ü
      kinds.bytes = uint8[3] 0, 127, 255
      kinds.nested = array[2] int32[2] 1, 2, int32[1] 3
      kinds.long = bool[5000] ..."
    `);
  });

  test('long arrays are kept if requested', () => {
    const header = parseGguf(fixture('value-types.gguf'), { arrays: 'all' });
    const long = header.metadata.get('kinds.long');
    expect(long?.type === 'array' && long.values?.length).toBe(5000);
  });

  test('big-endian files give the same metadata', () => {
    const big = parseGguf(fixture('tiny-llama-big-endian.gguf'));
    const little = parseGguf(fixture('tiny-llama.gguf'));
    const differing = [...big.metadata].filter(
      ([key, value]) => render(value) !== render(little.metadata.get(key)),
    );
    expect(big.littleEndian).toBe(false);
    expect(differing.map(([key]) => key)).toEqual(['llama.block_count']);
  });
});

function render(value: GgufValue | undefined): string {
  if (value?.type !== 'array') return `${value?.type} ${String(value?.value)}`;
  const show = (element: unknown): string =>
    typeof element === 'object' ? render(element as GgufValue) : String(element);
  return `${value.elementType}[${value.length}] ${value.values === null ? '...' : value.values.map(show).join(', ')}`;
}

/** Counts the reads, and can hide the size as some servers do. */
function watched(
  bytes: Uint8Array,
  size: number | null = bytes.byteLength,
): ByteSource & { reads: [number, number][] } {
  const reads: [number, number][] = [];
  const source = memorySource(bytes);
  return {
    ...source,
    size,
    reads,
    read: (offset, length) => {
      reads.push([offset, length]);
      return source.read(offset, length);
    },
  };
}

function largeVocabulary(tokens: number): Uint8Array {
  const list = Array.from({ length: tokens }, (_, index) => `token number ${index}`);
  return encodeGguf([], {
    metadata: [
      ['general.architecture', ggufString('llama')],
      ['tokenizer.ggml.tokens', ggufArray('string', list)],
      [
        'tokenizer.ggml.scores',
        ggufArray(
          'float32',
          list.map((_, index) => -index),
        ),
      ],
      ['general.alignment', ggufUint32(64)],
    ],
  });
}

describe('reading in chunks', () => {
  test.each(fixtures)('%s gives the same header from a source as from memory', async (name) => {
    const bytes = fixture(name);
    expect(await readGgufHeader(watched(bytes))).toEqual(parseGguf(bytes));
    expect(await readGgufHeader(watched(bytes, null))).toEqual(parseGguf(bytes));
  });

  test('a vocabulary is skipped in growing chunks, and no byte is read twice', async () => {
    const bytes = largeVocabulary(150_000);
    const source = watched(bytes);
    const header = await readGgufHeader(source);
    expect(header.metadata.get('tokenizer.ggml.tokens')).toMatchObject({ length: 150_000, values: null });
    expect(header.alignment).toBe(64);
    let end = 0;
    for (const [offset, length] of source.reads) {
      expect(offset).toBeGreaterThanOrEqual(end);
      end = offset + length;
    }
    expect(source.reads.map(([, length]) => length / 1024)).toMatchInlineSnapshot(`
      [
        256,
        512,
        1024,
        2048,
        4096,
      ]
    `);
    const texts = (header: GgufHeader): readonly unknown[] => {
      const entry = header.metadata.get('tokenizer.ggml.tokens');
      return (entry?.type === 'array' ? entry.values : null) ?? [];
    };
    const inChunks = texts(await readGgufHeader(watched(bytes, null), { arrays: 'all' }));
    expect(inChunks).toHaveLength(150_000);
    expect(inChunks).toEqual(texts(parseGguf(bytes, { arrays: 'all' })));
  });

  test('at most one chunk of data after the header is read', async () => {
    const tensor = { name: 'big', type: ggmlTypeNamed('F32'), shape: [1024, 4096] };
    const data = new Uint8Array(4096 * 4096);
    const source = watched(encodeGguf([{ ...tensor, data }], { metadata: [] }));
    await readGgufHeader(source);
    expect(source.reads).toEqual([[0, 256 * 1024]]);
  });
});

/** Builds header bytes, little-endian: numbers of four and eight bytes, and text with its length. */
function bytesOf(...parts: (string | { u32: number } | { u64: number | bigint })[]): Uint8Array {
  const pieces = parts.map((piece) => {
    if (typeof piece === 'string') {
      const text = new TextEncoder().encode(piece);
      return Buffer.concat([bytesOf({ u64: text.byteLength }), text]);
    }
    const view = new DataView(new ArrayBuffer('u32' in piece ? 4 : 8));
    if ('u32' in piece) view.setUint32(0, piece.u32, true);
    else view.setBigUint64(0, BigInt(piece.u64), true);
    return new Uint8Array(view.buffer);
  });
  return new Uint8Array(Buffer.concat(pieces));
}

const u32 = (value: number): { u32: number } => ({ u32: value });
const u64 = (value: number | bigint): { u64: number | bigint } => ({ u64: value });
const magic = u32(0x46554747);
const head = (tensors: number | bigint, keys: number | bigint, version = 3) =>
  [magic, u32(version), u64(tensors), u64(keys)] as const;
const type = (name: (typeof ggufValueTypes)[number]) => u32(ggufValueTypes.indexOf(name));
const row = (name: string, shape: number[], id: number, offset: number) =>
  [name, u32(shape.length), ...shape.map(u64), u32(id), u64(offset)] as const;

describe('damaged and false headers', () => {
  const cases: Record<string, Uint8Array> = {
    'empty file': new Uint8Array(0),
    'not GGUF': bytesOf(u32(0x67676d6c), u32(1), u64(0), u64(0)),
    'Git LFS pointer': new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'),
    'version 1': bytesOf(magic, u32(1), u32(0), u32(0), u64(0)),
    'version in the other byte order': bytesOf(magic, u32(0x07000000), u64(0), u64(0)),
    'more tensors than bytes': bytesOf(...head(1_000_000, 0)),
    'more keys than bytes': bytesOf(...head(0, 2n ** 63n)),
    'key beyond the end': bytesOf(...head(0, 1), u64(2n ** 40n), u64(0)),
    'cut inside a value': bytesOf(...head(0, 1), 'a', type('uint64'), u64(1)).slice(0, -2),
    'unknown value type': bytesOf(...head(0, 1), 'a', u32(13), u32(0)),
    'duplicate key': bytesOf(...head(0, 2), 'a', type('uint32'), u32(1), 'a', type('uint32'), u32(2)),
    'array of a false length': bytesOf(...head(0, 1), 'a', type('array'), type('uint32'), u64(2 ** 30)),
    'array of arrays of arrays': bytesOf(
      ...head(0, 1),
      'a',
      type('array'),
      ...Array.from({ length: 9 }, () => [type('array'), u64(1)]).flat(),
    ),
    'string of a false length': bytesOf(...head(0, 1), 'a', type('string'), u64(500)),
    'alignment of 3': bytesOf(...head(0, 1), 'general.alignment', type('uint32'), u32(3)),
    'alignment as text': bytesOf(...head(0, 1), 'general.alignment', type('string'), '32'),
    'duplicate tensor': bytesOf(...head(2, 0), ...row('a', [1], 0, 0), ...row('a', [1], 0, 32)),
    'five dimensions': bytesOf(...head(1, 0), ...row('a', [1, 1, 1, 1, 1], 0, 0)),
    'removed tensor type': bytesOf(...head(1, 0), ...row('a', [32], 4, 0)),
    'part of a block': bytesOf(...head(1, 0), ...row('a', [100], 12, 0)),
    'impossible shape': bytesOf(...head(1, 0), ...row('a', [2 ** 40, 2 ** 40], 0, 0)),
    'misaligned data': new Uint8Array([
      ...bytesOf(...head(1, 0), ...row('a', [4], 0, 8)),
      ...new Uint8Array(99),
    ]),
    'data beyond the end': bytesOf(...head(1, 0), ...row('a', [1024], 0, 0)),
    'data far beyond the end': bytesOf(...head(1, 0), ...row('a', [1], 0, 2 ** 52)),
    'overlapping data': new Uint8Array([
      ...bytesOf(...head(2, 0), ...row('a', [16], 0, 0), ...row('b', [16], 0, 32)),
      ...new Uint8Array(999),
    ]),
  };

  test('each error names byte, field and limit', () => {
    const lines = Object.entries(cases).map(([name, bytes]) => `${name}: ${failure(() => parseGguf(bytes))}`);
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "empty file: gguf-truncated | GGUF: file header at byte 0: 24 bytes are needed here and 0 are left | 0 | 24
      not GGUF: gguf-bad-magic | GGUF: magic at byte 0: the file does not begin with "GGUF" | 0x67676d6c | 0x46554747
      Git LFS pointer: gguf-bad-magic | GGUF: magic at byte 0: the file does not begin with "GGUF" | 0x73726576 | 0x46554747
      version 1: gguf-unsupported-version | GGUF: version at byte 4: version 1 is not supported | 1 | 2 or 3
      version in the other byte order: gguf-unsupported-version | GGUF: version at byte 4: version 7 is not supported | 7 | 2 or 3
      more tensors than bytes: gguf-count-too-large | GGUF: tensor count at byte 8: 1000000 entries do not fit | 1000000 | 0
      more keys than bytes: gguf-count-too-large | GGUF: metadata count at byte 16: 9223372036854776000 entries do not fit | 9223372036854776000 | 0
      key beyond the end: gguf-string-too-long | GGUF: metadata key 0 at byte 24: a string of 1099511627776 bytes does not fit | 1099511627776 | 8
      cut inside a value: gguf-truncated | GGUF: metadata "a" at byte 37: 8 bytes are needed here and 6 are left | 43 | 45
      unknown value type: gguf-unknown-value-type | GGUF: metadata "a" at byte 33: 13 is not a metadata value type | 13 | 0 to 12
      duplicate key: gguf-duplicate-key | GGUF: metadata key 1 at byte 41: "a" occurs twice, so its value is ambiguous | a | undefined
      array of a false length: gguf-array-too-long | GGUF: metadata "a" at byte 41: an array of 1073741824 uint32 elements does not fit | 1073741824 | 0
      array of arrays of arrays: gguf-array-too-deep | GGUF: metadata "a" at byte 89: arrays are nested too deep | 5 | 4
      string of a false length: gguf-string-too-long | GGUF: metadata "a" at byte 37: a string of 500 bytes does not fit | 500 | 0
      alignment of 3: gguf-bad-alignment | GGUF: metadata "general.alignment" at byte 49: the alignment is not a uint32 that is a power of two | uint32 3 | 65536
      alignment as text: gguf-bad-alignment | GGUF: metadata "general.alignment" at byte 49: the alignment is not a uint32 that is a power of two | string 32 | 65536
      duplicate tensor: gguf-duplicate-tensor | GGUF: tensor 1 at byte 57: "a" occurs twice | a | undefined
      five dimensions: gguf-too-many-dimensions | GGUF: tensor "a" at byte 33: a tensor cannot have 5 dimensions | 5 | 4
      removed tensor type: gguf-unknown-tensor-type | GGUF: tensor "a" at byte 45: 4 is not a tensor type that this reader knows | 4 | undefined
      part of a block: gguf-partial-block | GGUF: tensor "a" at byte 37: a row of 100 elements is not a whole number of Q4_K blocks | 100 | a multiple of 256
      impossible shape: gguf-tensor-too-large | GGUF: tensor "a" at byte 37: a tensor of shape [1099511627776, 1099511627776] cannot exist | 1.2089258196146292e+24 | 1125899906842623
      misaligned data: gguf-misaligned | GGUF: tensor "a" at byte 49: the data offset 8 is not a multiple of the alignment | 8 | 32
      data beyond the end: gguf-data-beyond-end | GGUF: tensor "a" at byte 49: its data ends at byte 4160 of a file of 57 | 4160 | 57
      data far beyond the end: gguf-data-beyond-end | GGUF: tensor "a" at byte 49: its data ends at byte 4503599627370564 of a file of 57 | 4503599627370564 | 57
      overlapping data: gguf-overlap | GGUF: tensor "b" at byte 82: its data overlaps that of "a" | 32 | 64"
    `);
  });

  test('the same headers are refused if the size is unknown', async () => {
    for (const [name, bytes] of Object.entries(cases)) {
      if (/data|overlap/.test(name)) continue; // The end of the file is unknown, and the data is not read.
      await expect(readGgufHeader(watched(bytes, null)), name).rejects.toHaveProperty('code');
    }
  });

  test('limits can be lowered', () => {
    const bytes = largeVocabulary(1000);
    const limited = (limits: object): string => failure(() => parseGguf(bytes, { arrays: 'all', limits }));
    expect(
      [
        limited({ headerBytesMax: 1000 }),
        limited({ keyCountMax: 2 }),
        limited({ keyBytesMax: 8 }),
        limited({ stringBytesMax: 4 }),
        limited({ arrayLengthMax: 999 }),
        limited({ keptElementsMax: 1500 }),
        limited({ alignmentMax: 32 }),
      ].join('\n'),
    ).toMatchInlineSnapshot(`
      "gguf-header-too-large | GGUF: metadata "tokenizer.ggml.tokens" at byte 986: the header goes beyond 1000 bytes | 1001 | 1000
      gguf-count-too-large | GGUF: metadata count at byte 16: 4 entries do not fit | 4 | 2
      gguf-string-too-long | GGUF: metadata key 0 at byte 24: a string of 20 bytes does not fit | 20 | 8
      gguf-string-too-long | GGUF: metadata "general.architecture" at byte 56: a string of 5 bytes does not fit | 5 | 4
      gguf-array-too-long | GGUF: metadata "tokenizer.ggml.tokens" at byte 106: an array of 1000 string elements does not fit | 1000 | 999
      gguf-arrays-too-large | GGUF: metadata "tokenizer.ggml.scores" at byte 24041: the arrays of this file have too many elements to keep in memory | 2000 | 1500
      gguf-bad-alignment | GGUF: metadata "general.alignment" at byte 28074: the alignment is not a uint32 that is a power of two | uint32 64 | 32"
    `);
  });
});

function failure(run: () => unknown): string {
  try {
    run();
    return 'no error';
  } catch (error) {
    const { code, message, value, limit } = error as Record<string, unknown>;
    return `${code} | ${message} | ${value} | ${limit}`;
  }
}
