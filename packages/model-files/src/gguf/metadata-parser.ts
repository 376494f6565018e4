/**
 * Parses the metadata of a GGUF header: keys and typed values. Long arrays are skipped unless the caller asks for them.
 */
import type { ByteCursor, Parsing } from './byte-cursor.ts';
import {
  type GgufArrayValue,
  type GgufPlace,
  type GgufScalar,
  type GgufScalarType,
  GgufTextArray,
  type GgufValue,
  type GgufValueType,
  ggufError,
  ggufValueTypes,
} from './header.ts';
import type { GgufLimits } from './limits.ts';
import { type TextTable, TextTableBuilder, textLengthBytes } from './text-table.ts';

/** The only key that the format itself defines. */
export const alignmentKey = 'general.alignment';

export interface MetadataRules {
  readonly limits: GgufLimits;
  /** Longer arrays keep only their type and length. */
  readonly arrayElementsKept: number;
}

/** Bytes of one value of a fixed-size type; 0 for strings and arrays, whose size is in the file. */
const scalarBytes: Readonly<Record<GgufValueType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 0,
  array: 0,
  uint64: 8,
  int64: 8,
  float64: 8,
};

/** Minimum bytes of one element, which bounds the number of elements in a file of known size. */
function elementBytesMin(type: GgufValueType): number {
  if (type === 'string') return 8;
  return type === 'array' ? 12 : scalarBytes[type];
}

export function* parseMetadata(
  cursor: ByteCursor,
  count: number,
  rules: MetadataRules,
): Parsing<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  const kept = { elements: 0 };
  for (let index = 0; index < count; index++) {
    cursor.field = `metadata key ${index}`;
    const place = cursor.place;
    const key = yield* parseText(cursor, rules.limits.keyBytesMax);
    if (metadata.has(key)) {
      throw ggufError(place, {
        code: 'gguf-duplicate-key',
        problem: `"${key}" occurs twice, so its value is ambiguous`,
        value: key,
        hint: 'rewrite the metadata with the gguf tools',
      });
    }
    cursor.field = `metadata "${key}"`;
    const valuePlace = cursor.place;
    const value = yield* parseValue(cursor, { ...rules, kept });
    if (key === alignmentKey) checkAlignment(value, rules.limits.alignmentMax, valuePlace);
    metadata.set(key, value);
  }
  return metadata;
}

function checkAlignment(entry: GgufValue, alignmentMax: number, place: GgufPlace): void {
  const value = entry.type === 'uint32' ? entry.value : Number.NaN;
  const isPower = typeof value === 'number' && value > 0 && (value & (value - 1)) === 0;
  if (isPower && value <= alignmentMax) return;
  throw ggufError(place, {
    code: 'gguf-bad-alignment',
    problem: 'the alignment is not a uint32 that is a power of two',
    value: entry.type === 'array' ? 'array' : `${entry.type} ${String(entry.value).slice(0, 80)}`,
    limit: alignmentMax,
    hint: 'the file is damaged',
  });
}

interface ValueRules extends MetadataRules {
  /** Array elements kept so far, over all keys. */
  readonly kept: { elements: number };
}

function* parseValue(cursor: ByteCursor, rules: ValueRules): Parsing<GgufValue> {
  const type = yield* parseType(cursor);
  if (type === 'array') return yield* parseArray(cursor, rules, 1);
  if (type === 'string') return { type, value: yield* parseText(cursor, rules.limits.stringBytesMax) };
  if (!cursor.has(scalarBytes[type])) yield* cursor.need(scalarBytes[type]);
  return { type, value: takeScalar(cursor, type) };
}

function* parseType(cursor: ByteCursor): Parsing<GgufValueType> {
  if (!cursor.has(4)) yield* cursor.need(4);
  const place = cursor.place;
  const id = cursor.uint32();
  const type = ggufValueTypes[id];
  if (type !== undefined) return type;
  throw ggufError(place, {
    code: 'gguf-unknown-value-type',
    problem: `${id} is not a metadata value type`,
    value: id,
    limit: `0 to ${ggufValueTypes.length - 1}`,
    hint: 'the file is damaged, or of a GGUF version that this reader does not know',
  });
}

function* parseArray(cursor: ByteCursor, rules: ValueRules, depth: number): Parsing<GgufArrayValue> {
  const { limits } = rules;
  const elementType = yield* parseType(cursor);
  if (!cursor.has(8)) yield* cursor.need(8);
  const place = cursor.place;
  const length = cursor.uint64();
  const lengthMax = Math.min(
    limits.arrayLengthMax,
    Math.floor(cursor.remaining / elementBytesMin(elementType)),
  );
  if (length > lengthMax) {
    throw ggufError(place, {
      code: 'gguf-array-too-long',
      problem: `an array of ${length} ${elementType} elements does not fit`,
      value: length,
      limit: lengthMax,
      hint: 'the file is damaged or incomplete',
    });
  }
  if (depth > limits.arrayDepthMax) {
    throw ggufError(place, {
      code: 'gguf-array-too-deep',
      problem: 'arrays are nested too deep',
      value: depth,
      limit: limits.arrayDepthMax,
    });
  }
  if (length > rules.arrayElementsKept) {
    yield* skipElements(cursor, elementType, { length, depth, rules });
    return { type: 'array', elementType, length, values: null };
  }
  rules.kept.elements += length;
  if (rules.kept.elements > limits.keptElementsMax) {
    throw ggufError(place, {
      code: 'gguf-arrays-too-large',
      problem: 'the arrays of this file have too many elements to keep in memory',
      value: rules.kept.elements,
      limit: limits.keptElementsMax,
    });
  }
  return yield* keepElements(cursor, elementType, { length, depth, rules });
}

/** Longer arrays of texts are vocabularies and merges; most readers never use their texts. */
const decodedTextsMax = 4096;

function* keepElements(
  cursor: ByteCursor,
  elementType: GgufValueType,
  { length, depth, rules }: ArrayContents,
): Parsing<GgufArrayValue> {
  const { limits } = rules;
  if (elementType === 'string' && length > decodedTextsMax) {
    return new GgufTextArray(yield* parseTexts(cursor, length, limits.stringBytesMax));
  }
  const values: (GgufScalar | GgufArrayValue)[] = [];
  for (let index = 0; index < length; ) {
    if (elementType === 'array') {
      values.push(yield* parseArray(cursor, rules, depth + 1));
      index++;
    } else if (elementType === 'string') {
      values.push(yield* parseText(cursor, limits.stringBytesMax));
      index++;
    } else {
      const bytes = scalarBytes[elementType];
      if (!cursor.has(bytes)) yield* cursor.need(bytes);
      // Reading without a yield per element: the generator would take most of the time.
      for (; index < length && cursor.has(bytes); index++) values.push(takeScalar(cursor, elementType));
    }
  }
  return { type: 'array', elementType, length, values };
}

function* parseTexts(cursor: ByteCursor, length: number, bytesMax: number): Parsing<TextTable> {
  const builder = new TextTableBuilder(length);
  while (builder.missing > 0) {
    cursor.takeTexts(builder, bytesMax);
    if (builder.missing === 0) break;
    // The next text goes beyond the window, or is too long.
    if (!cursor.has(textLengthBytes)) yield* cursor.need(textLengthBytes);
    const bytes = checkedTextBytes(cursor, cursor.peekUint64(), { bytesMax, offset: cursor.position });
    const whole = textLengthBytes + bytes;
    if (!cursor.has(whole)) yield* cursor.need(whole);
  }
  return builder.finish();
}

interface ArrayContents {
  readonly length: number;
  readonly depth: number;
  readonly rules: ValueRules;
}

/** Skips elements of a fixed size at once; of strings and arrays it reads the lengths, one by one. */
function* skipElements(cursor: ByteCursor, type: GgufValueType, skipped: ArrayContents): Parsing<void> {
  if (type !== 'string' && type !== 'array') {
    cursor.skip(skipped.length * scalarBytes[type]);
    return;
  }
  for (let index = 0; index < skipped.length; index++) {
    if (type === 'array') {
      yield* parseArray(cursor, skipped.rules, skipped.depth + 1);
    } else {
      if (!cursor.has(8)) yield* cursor.need(8);
      cursor.skip(takeTextBytes(cursor, skipped.rules.limits.stringBytesMax));
    }
  }
}

/**
 * Reads a length and that many bytes of UTF-8. Invalid bytes become U+FFFD; a byte order mark is kept, because
 * vocabularies contain one.
 */
export function* parseText(cursor: ByteCursor, bytesMax: number): Parsing<string> {
  if (!cursor.has(8)) yield* cursor.need(8);
  const length = takeTextBytes(cursor, bytesMax);
  if (!cursor.has(length)) yield* cursor.need(length);
  return cursor.text(length);
}

/** Reads the length of a text; its eight bytes must be in the window. */
function takeTextBytes(cursor: ByteCursor, bytesMax: number): number {
  const offset = cursor.position;
  return checkedTextBytes(cursor, cursor.uint64(), { bytesMax, offset });
}

function checkedTextBytes(
  cursor: ByteCursor,
  length: number,
  { bytesMax, offset }: { readonly bytesMax: number; readonly offset: number },
): number {
  const left = cursor.remaining - (offset + textLengthBytes - cursor.position);
  const lengthMax = Math.min(bytesMax, left);
  if (length <= lengthMax) return length;
  throw ggufError(
    { offset, field: cursor.field },
    {
      code: 'gguf-string-too-long',
      problem: `a string of ${length} bytes does not fit`,
      value: length,
      limit: lengthMax,
      hint: 'the file is damaged or incomplete',
    },
  );
}

/** Reads one value whose bytes are in the window. */
function takeScalar(cursor: ByteCursor, type: Exclude<GgufScalarType, 'string'>): GgufScalar {
  const little = cursor.littleEndian;
  const { view, at } = cursor.take(scalarBytes[type]);
  switch (type) {
    case 'uint8':
      return view.getUint8(at);
    case 'int8':
      return view.getInt8(at);
    case 'uint16':
      return view.getUint16(at, little);
    case 'int16':
      return view.getInt16(at, little);
    case 'uint32':
      return view.getUint32(at, little);
    case 'int32':
      return view.getInt32(at, little);
    case 'float32':
      return view.getFloat32(at, little);
    case 'float64':
      return view.getFloat64(at, little);
    case 'bool':
      return view.getUint8(at) !== 0;
    case 'uint64':
      return narrowed(view.getBigUint64(at, little));
    case 'int64':
      return narrowed(view.getBigInt64(at, little));
  }
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
