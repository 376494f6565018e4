import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ggmlTensorBytes, ggmlTypeNamed, ggmlTypes } from './ggml-types.ts';
import type { GgufScalar, GgufScalarType, GgufValue } from './header.ts';
import { parseGguf } from './read-header.ts';
import { encodeGguf, ggufArray, ggufUint32, layOutGguf } from './write.ts';

const scalars: Record<GgufScalarType, fc.Arbitrary<GgufScalar>> = {
  uint8: fc.integer({ min: 0, max: 255 }),
  int8: fc.integer({ min: -128, max: 127 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int32: fc.integer(),
  float32: fc.float({ noNaN: true }),
  float64: fc.double({ noNaN: true }),
  bool: fc.boolean(),
  string: fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed()),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(narrowed),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(narrowed),
};

function narrowed(value: bigint): GgufScalar {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const scalarTypes = Object.keys(scalars) as GgufScalarType[];
const scalarValue = fc
  .constantFrom(...scalarTypes)
  .chain((type) => scalars[type].map((value): GgufValue => ({ type, value })));
const arrayValue = fc
  .constantFrom(...scalarTypes)
  .chain((type) => fc.array(scalars[type], { maxLength: 20 }).map((values) => ggufArray(type, values)));
const nestedValue = fc.array(arrayValue, { maxLength: 3 }).map((arrays) => ggufArray('array', arrays));
const metadata = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.oneof(scalarValue, arrayValue, nestedValue),
  { maxKeys: 12, noNullPrototype: true },
);

const tensors = fc.uniqueArray(fc.string({ maxLength: 12 }), { maxLength: 6 }).chain((names) =>
  fc.tuple(
    ...names.map((name) =>
      fc
        .tuple(fc.constantFrom(...ggmlTypes), fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }))
        .map(([type, sizes]) => {
          const shape = [...sizes, 2 * type.blockElements];
          const data = Uint8Array.from(
            { length: ggmlTensorBytes(type, shape) },
            (_, index) => (index * 31) % 256,
          );
          return { name, type, shape, data };
        }),
    ),
  ),
);

describe('a written file reads back', () => {
  test('metadata, tensors and data, in both byte orders and versions', () => {
    const options = fc.record({
      littleEndian: fc.boolean(),
      version: fc.constantFrom(2 as const, 3 as const),
    });
    fc.assert(
      fc.property(
        metadata,
        tensors,
        options,
        fc.constantFrom(32, 64, 4096),
        (entries, list, option, alignment) => {
          const all: [string, GgufValue][] = [
            ['general.alignment', ggufUint32(alignment)],
            ...Object.entries(entries),
          ];
          const file = encodeGguf(list, { ...option, metadata: all });
          const header = parseGguf(file, { arrays: 'all' });
          expect([...header.metadata]).toEqual(all);
          expect({ version: header.version, littleEndian: header.littleEndian }).toEqual(option);
          expect(header.dataOffset % alignment).toBe(0);
          expect(header.tensors.map(({ name, type, shape }) => ({ name, type, shape }))).toEqual(
            list.map(({ name, type, shape }) => ({ name, type, shape })),
          );
          for (const [index, { offset, bytes }] of header.tensors.entries()) {
            expect(offset % alignment).toBe(0);
            expect(file.subarray(offset, offset + bytes)).toEqual(list[index]?.data);
          }
          expect(layOutGguf(list, { ...option, metadata: all })).toMatchObject({
            fileBytes: file.byteLength,
            offsets: header.tensors.map((tensor) => tensor.offset),
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('data of the wrong size is refused', () => {
    const tensor = { name: 'a', type: ggmlTypeNamed('Q8_0'), shape: [2, 32], data: new Uint8Array(64) };
    expect(() => encodeGguf([tensor], { metadata: [] })).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: tensor "a" of Q8_0 [2, 32] got 64 bytes of data]`,
    );
  });

  test('an array that was not kept cannot be written', () => {
    const skipped: GgufValue = { type: 'array', elementType: 'string', length: 9, values: null };
    expect(() => encodeGguf([], { metadata: [['a', skipped]] })).toThrow(/without its values/);
  });
});
