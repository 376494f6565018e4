/** Writes safetensors files from values: tensors in the given order, the header padded so that the data is aligned. */
import { PlimsollError } from '@plimsoll/foundation';
import { safetensorsBytes } from './header.ts';

export interface SafetensorsPlan {
  readonly name: string;
  /** Name of the element type in the format: `BF16`, `F32`, ... */
  readonly type: string;
  readonly shape: readonly number[];
}

export interface SafetensorsData extends SafetensorsPlan {
  readonly data: Uint8Array;
}

export interface SafetensorsLayout {
  /** The file up to its data section: length and JSON. */
  readonly header: Uint8Array;
  /** First byte of each tensor's data, from the start of the file, in the order of the plan. */
  readonly offsets: readonly number[];
  readonly fileBytes: number;
}

/** The reference implementation pads to 8 bytes, so that mapped tensors of any type are aligned. */
const alignment = 8;

/**
 * Computes the header of a file and the offset of each tensor's data, in bytes. Throws `safetensors-bad-entry` for a
 * type or shape that the format cannot store.
 */
export function layOutSafetensors(
  tensors: readonly SafetensorsPlan[],
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push(['__metadata__', metadata]);
  const relative: number[] = [];
  let dataBytes = 0;
  for (const { name, type, shape } of tensors) {
    const end = dataBytes + bytesOf({ name, type, shape });
    entries.push([name, { dtype: type, shape, data_offsets: [dataBytes, end] }]);
    relative.push(dataBytes);
    dataBytes = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(json.byteLength / alignment) * alignment;
  const header = new Uint8Array(8 + headerBytes).fill(0x20);
  header.set(json, 8);
  new DataView(header.buffer).setBigUint64(0, BigInt(headerBytes), true);
  return {
    header,
    offsets: relative.map((offset) => header.byteLength + offset),
    fileBytes: header.byteLength + dataBytes,
  };
}

/** Encodes a whole file. Throws `safetensors-data-size` if the data of a tensor does not fit its type and shape. */
export function encodeSafetensors(
  tensors: readonly SafetensorsData[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const layout = layOutSafetensors(tensors, metadata);
  const file = new Uint8Array(layout.fileBytes);
  file.set(layout.header);
  for (const [index, tensor] of tensors.entries()) {
    const bytes = bytesOf(tensor);
    if (tensor.data.byteLength !== bytes) {
      throw new PlimsollError({
        code: 'safetensors-data-size',
        message: `tensor "${tensor.name}" of ${tensor.type} [${tensor.shape.join(', ')}] got ${tensor.data.byteLength} bytes of data`,
        value: tensor.data.byteLength,
        limit: bytes,
      });
    }
    file.set(tensor.data, layout.offsets[index]);
  }
  return file;
}

function bytesOf({ name, type, shape }: SafetensorsPlan): number {
  const bytes = safetensorsBytes(type, shape);
  if (bytes !== undefined) return bytes;
  throw new PlimsollError({
    code: 'safetensors-bad-entry',
    message: `tensor "${name}" cannot be stored as ${type} [${shape.join(', ')}]`,
    value: type,
    hint: 'use a type of the format, and a shape that fills whole bytes',
  });
}
