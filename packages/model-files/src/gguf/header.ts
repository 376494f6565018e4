/**
 * The content of a GGUF header as values. Numbers are numbers; 64-bit integers that a number cannot hold are bigints.
 * Shapes are row-major everywhere in this project: GGUF stores the row length first, so the parser reverses them.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { GgmlType } from './ggml-types.ts';
import type { TextTable } from './text-table.ts';

/** Metadata value types; the index is the number in a file. */
export const ggufValueTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type GgufValueType = (typeof ggufValueTypes)[number];
export type GgufScalarType = Exclude<GgufValueType, 'array'>;
export type GgufScalar = number | bigint | boolean | string;

export interface GgufScalarValue {
  readonly type: GgufScalarType;
  readonly value: GgufScalar;
}

export interface GgufArrayValue {
  readonly type: 'array';
  readonly elementType: GgufValueType;
  readonly length: number;
  /** Null if the array exceeds the reader's limit: then only its type and length are known. */
  readonly values: readonly (GgufScalar | GgufArrayValue)[] | null;
  /** The values of a long array of texts, not yet decoded. */
  readonly table?: TextTable;
}

/** A long array of texts: it decodes its values on first use. */
export class GgufTextArray implements GgufArrayValue {
  readonly type = 'array';
  readonly elementType = 'string';
  readonly table: TextTable;
  #values: readonly string[] | null = null;

  constructor(table: TextTable) {
    this.table = table;
  }

  get length(): number {
    return this.table.length;
  }

  get values(): readonly string[] {
    this.#values ??= this.table.texts();
    return this.#values;
  }
}

export type GgufValue = GgufScalarValue | GgufArrayValue;

export interface GgufTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Row-major: the last size is the row length. */
  readonly shape: readonly number[];
  /** First byte of the data, from the start of its file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly version: 2 | 3;
  readonly littleEndian: boolean;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Tensor data starts at multiples of this number of bytes. */
  readonly alignment: number;
  /** Bytes up to the end of the tensor table. */
  readonly headerBytes: number;
  /** First byte of the data section: `headerBytes` rounded up to the alignment. */
  readonly dataOffset: number;
}

/** The source of a spec: one header, or a model of several files. */
export type GgufContents = Pick<GgufHeader, 'metadata' | 'tensors'>;

/** The position of a fault in the file. */
export interface GgufPlace {
  /** Byte offset from the start of the file. */
  readonly offset: number;
  /** `metadata "general.alignment"`, `tensor "blk.0.attn_q.weight"`. */
  readonly field: string;
}

export interface GgufFault {
  readonly code: string;
  readonly problem: string;
  readonly value?: string | number | undefined;
  readonly limit?: string | number | undefined;
  readonly hint?: string | undefined;
}

/** Makes an error of a GGUF file that names the byte and the field. */
export function ggufError(place: GgufPlace, fault: GgufFault): PlimsollError {
  const { problem, ...details } = fault;
  return new PlimsollError({
    ...details,
    message: `GGUF: ${place.field} at byte ${place.offset}: ${problem}`,
  });
}
