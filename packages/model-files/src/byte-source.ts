/**
 * Random access to the bytes of a model file, wherever it lies. Readers of file formats see only this: a length that
 * may be unknown, and a read that may come back short at the end of the file and nowhere else.
 */
import { PlimsollError } from '@plimsoll/foundation';

export interface ByteSource {
  /** What to call it in an error: a path or an address. */
  readonly name: string;
  /** Bytes in the file; null when a server does not tell. */
  readonly size: number | null;
  /** The bytes [offset, offset + length), fewer only where the file ends. The array is the caller's to keep. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Gives back the file handle, if there is one. */
  close(): Promise<void>;
}

/** A file that is already in memory. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (offset, length) => bytes.slice(offset, offset + length),
    close: async () => undefined,
  };
}

/** Reads a source to its end, for files that must be whole in memory: an index, a config. */
export async function readWhole(source: ByteSource, bytesMax: number): Promise<Uint8Array> {
  const length = source.size ?? bytesMax + 1;
  if (length <= bytesMax) return source.read(0, length);
  // The size is unknown or above the limit: one byte more than allowed tells the two apart.
  const bytes = source.size === null ? await source.read(0, bytesMax + 1) : null;
  if (bytes !== null && bytes.byteLength <= bytesMax) return bytes;
  throw new PlimsollError({
    code: 'file-too-large',
    message: `${source.name} has ${source.size ?? `more than ${bytesMax}`} bytes, too many for a file of its kind`,
    value: source.size ?? bytesMax + 1,
    limit: bytesMax,
    hint: 'check that this is the file you meant',
  });
}
