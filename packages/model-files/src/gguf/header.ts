/**
 * What a GGUF header says, as values. Numbers are numbers; 64-bit integers that a number cannot hold are bigints. Shapes
 * are row-major like everywhere in this project: GGUF stores the row length first, so they are reversed on the way in.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { GgmlType } from './ggml-types.ts';
import type { TextTable } from './text-table.ts';

/** Metadata value types; the position is the number a file stores. */
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
  /** Null when the array was longer than the reader was asked to keep: then only its type and length are known. */
  readonly values: readonly (GgufScalar | GgufArrayValue)[] | null;
  /** The same of a long array of texts that was kept, not decoded yet. */
  readonly table?: TextTable;
}

/** A long array of texts: its values are decoded when somebody asks for all of them. */
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
  /** Tensor data starts at multiples of this. */
  readonly alignment: number;
  /** Bytes up to the end of the tensor table. */
  readonly headerBytes: number;
  /** `headerBytes` rounded up to the alignment: where the data section starts. */
  readonly dataOffset: number;
}

/** What a spec is made from: one header, or a model of several files. */
export type GgufContents = Pick<GgufHeader, 'metadata' | 'tensors'>;

/** Where in the file something was wrong. */
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

/** An error of a GGUF file that names the byte and the field. */
export function ggufError(place: GgufPlace, fault: GgufFault): PlimsollError {
  const { problem, ...details } = fault;
  return new PlimsollError({
    ...details,
    message: `GGUF: ${place.field} at byte ${place.offset}: ${problem}`,
  });
}
