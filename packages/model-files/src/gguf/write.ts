/**
 * Writes GGUF files from values: metadata and tensors in the given order, each tensor aligned. `layOutGguf` returns the
 * header and the offset of every tensor, for writers that stream the data; `encodeGguf` returns a whole small file.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { type GgmlType, ggmlTensorBytes } from './ggml-types.ts';
import {
  type GgufArrayValue,
  type GgufScalar,
  type GgufScalarType,
  type GgufValue,
  type GgufValueType,
  ggufValueTypes,
} from './header.ts';

export interface GgufTensorPlan {
  readonly name: string;
  readonly type: GgmlType;
  /** Row-major dimensions. */
  readonly shape: readonly number[];
}

export interface GgufTensorData extends GgufTensorPlan {
  readonly data: Uint8Array;
}

export interface GgufLayoutOptions {
  readonly version?: 2 | 3;
  readonly littleEndian?: boolean;
  readonly metadata: Iterable<readonly [string, GgufValue]>;
}

export interface GgufLayout {
  /** The file up to its data section, including padding. */
  readonly header: Uint8Array;
  /** First byte of each tensor's data, from the start of the file, in the order of the plan. */
  readonly offsets: readonly number[];
  readonly fileBytes: number;
}

export function ggufScalar(type: GgufScalarType, value: GgufScalar): GgufValue {
  return { type, value };
}

export function ggufString(value: string): GgufValue {
  return { type: 'string', value };
}

export function ggufUint32(value: number): GgufValue {
  return { type: 'uint32', value };
}

/** Makes an array value; all elements must have the element type. */
export function ggufArray(
  elementType: GgufValueType,
  values: readonly (GgufScalar | GgufArrayValue)[],
): GgufArrayValue {
  return { type: 'array', elementType, length: values.length, values };
}

/** Computes the header of a file and the offset of each tensor's data, in bytes. */
export function layOutGguf(tensors: readonly GgufTensorPlan[], options: GgufLayoutOptions): GgufLayout {
  const metadata = [...options.metadata];
  const alignment = alignmentOf(metadata);
  const aligned = (value: number): number => Math.ceil(value / alignment) * alignment;
  const writer = new ByteWriter(options.littleEndian ?? true);
  writer.magic();
  writer.uint32(options.version ?? 3);
  writer.uint64(tensors.length);
  writer.uint64(metadata.length);
  for (const [key, value] of metadata) {
    writer.text(key);
    writer.value(value);
  }
  const offsets: number[] = [];
  let dataBytes = 0;
  for (const { name, type, shape } of tensors) {
    writer.text(name);
    writer.uint32(shape.length);
    for (const size of shape.toReversed()) writer.uint64(size);
    writer.uint32(type.id);
    writer.uint64(dataBytes);
    offsets.push(dataBytes);
    dataBytes += aligned(ggmlTensorBytes(type, shape));
  }
  const dataOffset = aligned(writer.length);
  return {
    header: writer.finish(dataOffset),
    offsets: offsets.map((offset) => dataOffset + offset),
    fileBytes: dataOffset + dataBytes,
  };
}

/** Encodes a whole file. Throws `gguf-data-size` if the data of a tensor does not fit its type and shape. */
export function encodeGguf(tensors: readonly GgufTensorData[], options: GgufLayoutOptions): Uint8Array {
  const layout = layOutGguf(tensors, options);
  const file = new Uint8Array(layout.fileBytes);
  file.set(layout.header);
  for (const [index, tensor] of tensors.entries()) {
    const bytes = ggmlTensorBytes(tensor.type, tensor.shape);
    if (tensor.data.byteLength !== bytes) {
      throw new PlimsollError({
        code: 'gguf-data-size',
        message: `tensor "${tensor.name}" of ${tensor.type.name} [${tensor.shape.join(', ')}] got ${tensor.data.byteLength} bytes of data`,
        value: tensor.data.byteLength,
        limit: bytes,
      });
    }
    file.set(tensor.data, layout.offsets[index]);
  }
  return file;
}

function alignmentOf(metadata: readonly (readonly [string, GgufValue])[]): number {
  const value = metadata.find(([key]) => key === 'general.alignment')?.[1];
  return value?.type === 'uint32' && typeof value.value === 'number' ? value.value : 32;
}

/** A buffer that grows by doubling; a header is small compared with the file that it describes. */
class ByteWriter {
  readonly #littleEndian: boolean;
  readonly #utf8 = new TextEncoder();
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  magic(): void {
    this.#append(new Uint8Array([0x47, 0x47, 0x55, 0x46]));
  }

  uint32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, this.#littleEndian);
  }

  uint64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `a count or offset is a whole number: ${value}`);
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), this.#littleEndian);
  }

  text(value: string): void {
    const encoded = this.#utf8.encode(value);
    this.uint64(encoded.byteLength);
    this.#append(encoded);
  }

  value(value: GgufValue): void {
    this.uint32(ggufValueTypes.indexOf(value.type));
    if (value.type === 'array') this.#array(value);
    else this.#scalar(value.type, value.value);
  }

  finish(length: number): Uint8Array {
    const file = new Uint8Array(length);
    file.set(this.#bytes.subarray(0, this.length));
    return file;
  }

  #array(array: GgufArrayValue): void {
    assert(array.values !== null, 'an array that was read without its values cannot be written');
    this.uint32(ggufValueTypes.indexOf(array.elementType));
    this.uint64(array.values.length);
    for (const element of array.values) {
      if (array.elementType === 'array') {
        assert(typeof element === 'object', 'an array of arrays has arrays as elements');
        this.#array(element);
      } else {
        assert(typeof element !== 'object', `an array of ${array.elementType} has no arrays as elements`);
        this.#scalar(array.elementType, element);
      }
    }
  }

  #scalar(type: GgufScalarType, value: GgufScalar): void {
    if (type === 'string') {
      this.text(String(value));
      return;
    }
    const write = scalarWriters[type];
    const at = this.#grow(write.bytes);
    write.set(this.#view, at, { value, littleEndian: this.#littleEndian });
  }

  #append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.byteLength);
    this.#bytes.set(bytes, at);
  }

  /** Makes room and returns its first index. */
  #grow(byteCount: number): number {
    const at = this.length;
    this.length += byteCount;
    if (this.length > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(this.length, 2 * this.#bytes.byteLength));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

interface ScalarWriter {
  readonly bytes: number;
  readonly set: (view: DataView, at: number, what: { value: GgufScalar; littleEndian: boolean }) => void;
}

const scalarWriters: Readonly<Record<Exclude<GgufScalarType, 'string'>, ScalarWriter>> = {
  uint8: { bytes: 1, set: (view, at, { value }) => view.setUint8(at, Number(value)) },
  int8: { bytes: 1, set: (view, at, { value }) => view.setInt8(at, Number(value)) },
  bool: { bytes: 1, set: (view, at, { value }) => view.setUint8(at, value ? 1 : 0) },
  uint16: {
    bytes: 2,
    set: (view, at, { value, littleEndian }) => view.setUint16(at, Number(value), littleEndian),
  },
  int16: {
    bytes: 2,
    set: (view, at, { value, littleEndian }) => view.setInt16(at, Number(value), littleEndian),
  },
  uint32: {
    bytes: 4,
    set: (view, at, { value, littleEndian }) => view.setUint32(at, Number(value), littleEndian),
  },
  int32: {
    bytes: 4,
    set: (view, at, { value, littleEndian }) => view.setInt32(at, Number(value), littleEndian),
  },
  float32: {
    bytes: 4,
    set: (view, at, { value, littleEndian }) => view.setFloat32(at, Number(value), littleEndian),
  },
  float64: {
    bytes: 8,
    set: (view, at, { value, littleEndian }) => view.setFloat64(at, Number(value), littleEndian),
  },
  uint64: {
    bytes: 8,
    set: (view, at, { value, littleEndian }) => view.setBigUint64(at, BigInt(value), littleEndian),
  },
  int64: {
    bytes: 8,
    set: (view, at, { value, littleEndian }) => view.setBigInt64(at, BigInt(value), littleEndian),
  },
};
