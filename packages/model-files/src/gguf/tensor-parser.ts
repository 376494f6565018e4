/**
 * Parses the tensor table of a GGUF header and checks it against itself and against the file: known types, whole
 * blocks, unique names, aligned offsets, no overlaps, no data beyond the end of the file.
 */
import type { ByteCursor, Parsing } from './byte-cursor.ts';
import { type GgmlType, ggmlTensorBytes, ggmlTypeOfId } from './ggml-types.ts';
import { type GgufPlace, type GgufTensor, ggufError } from './header.ts';
import type { GgufLimits } from './limits.ts';
import { parseText } from './metadata-parser.ts';

/** A row of the table; its offset counts from the start of the data section. */
export interface TensorRow extends GgufTensor {
  /** The position of its offset in the file, for errors that need all rows. */
  readonly place: GgufPlace;
}

export function* parseTensorTable(
  cursor: ByteCursor,
  count: number,
  limits: GgufLimits,
): Parsing<TensorRow[]> {
  const rows: TensorRow[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    cursor.field = `tensor ${index}`;
    const place = cursor.place;
    const name = yield* parseText(cursor, limits.tensorNameBytesMax);
    if (names.has(name)) {
      throw ggufError(place, {
        code: 'gguf-duplicate-tensor',
        problem: `"${name}" occurs twice`,
        value: name,
        hint: 'the file is damaged: download it again',
      });
    }
    names.add(name);
    cursor.field = `tensor "${name}"`;
    rows.push(yield* parseTensorRow(cursor, name, limits));
  }
  return rows;
}

function* parseTensorRow(cursor: ByteCursor, name: string, limits: GgufLimits): Parsing<TensorRow> {
  if (!cursor.has(4)) yield* cursor.need(4);
  const dimensionsPlace = cursor.place;
  const dimensions = cursor.uint32();
  if (dimensions > limits.dimensionsMax) {
    throw ggufError(dimensionsPlace, {
      code: 'gguf-too-many-dimensions',
      problem: `a tensor cannot have ${dimensions} dimensions`,
      value: dimensions,
      limit: limits.dimensionsMax,
    });
  }
  const rest = dimensions * 8 + 4 + 8;
  if (!cursor.has(rest)) yield* cursor.need(rest);
  const shapePlace = cursor.place;
  const shape: number[] = [];
  for (let axis = 0; axis < dimensions; axis++) shape.unshift(cursor.uint64());
  const typePlace = cursor.place;
  const typeId = cursor.uint32();
  const type = ggmlTypeOfId(typeId);
  if (type === undefined) {
    throw ggufError(typePlace, {
      code: 'gguf-unknown-tensor-type',
      problem: `${typeId} is not a tensor type that this reader knows`,
      value: typeId,
      hint: 'the file was made by a newer or different ggml: its bytes cannot be counted',
    });
  }
  const bytes = tensorBytes(type, shape, shapePlace);
  const place = cursor.place;
  return { name, type, shape, bytes, offset: cursor.uint64(), place };
}

/** Computes the bytes that type and shape imply. Errors name the position of the shape in the file. */
function tensorBytes(type: GgmlType, shape: readonly number[], place: GgufPlace): number {
  const rowElements = shape.at(-1) ?? 1;
  if (rowElements % type.blockElements !== 0) {
    throw ggufError(place, {
      code: 'gguf-partial-block',
      problem: `a row of ${rowElements} elements is not a whole number of ${type.name} blocks`,
      value: rowElements,
      limit: `a multiple of ${type.blockElements}`,
      hint: 'the file is damaged',
    });
  }
  let elements = 1;
  for (const size of shape) elements *= size;
  // One element takes at most eight bytes, so every count below this limit has an exact number of bytes.
  const elementsMax = Math.floor(Number.MAX_SAFE_INTEGER / 8);
  if (elements > elementsMax || shape.some((size) => size > elementsMax)) {
    throw ggufError(place, {
      code: 'gguf-tensor-too-large',
      problem: `a tensor of shape [${shape.join(', ')}] cannot exist`,
      value: elements,
      limit: elementsMax,
      hint: 'the file is damaged',
    });
  }
  return ggmlTensorBytes(type, shape);
}

export interface DataSection {
  readonly offset: number;
  readonly alignment: number;
  /** Size of the file in bytes; null if unknown. */
  readonly fileBytes: number | null;
}

/** Checks that the data of all rows fits the file, then converts their offsets to offsets in the file. */
export function placeTensors(rows: readonly TensorRow[], section: DataSection): GgufTensor[] {
  const { alignment, fileBytes } = section;
  const available = fileBytes === null ? Number.POSITIVE_INFINITY : fileBytes - section.offset;
  let previous: TensorRow | undefined;
  for (const row of rows.toSorted((left, right) => left.offset - right.offset || left.bytes - right.bytes)) {
    if (row.offset % alignment !== 0) {
      throw ggufError(row.place, {
        code: 'gguf-misaligned',
        problem: `the data offset ${row.offset} is not a multiple of the alignment`,
        value: row.offset,
        limit: alignment,
        hint: 'the file is damaged',
      });
    }
    if (row.offset + row.bytes > available) {
      throw ggufError(row.place, {
        code: 'gguf-data-beyond-end',
        problem: `its data ends at byte ${section.offset + row.offset + row.bytes} of a file of ${fileBytes}`,
        value: section.offset + row.offset + row.bytes,
        limit: fileBytes ?? undefined,
        hint: 'the file is incomplete: download it again',
      });
    }
    if (previous !== undefined && previous.bytes > 0 && row.offset < previous.offset + previous.bytes) {
      throw ggufError(row.place, {
        code: 'gguf-overlap',
        problem: `its data overlaps that of "${previous.name}"`,
        value: row.offset,
        limit: previous.offset + previous.bytes,
        hint: 'the file is damaged',
      });
    }
    previous = row;
  }
  return rows.map(({ place: _place, ...tensor }) => ({ ...tensor, offset: section.offset + tensor.offset }));
}
