/**
 * Random access to the bytes of a model file, local, remote or in memory. Readers of file formats see only a length,
 * which may be unknown, and a read that returns fewer bytes only at the end of the file.
 */
import { PlimsollError } from '@plimsoll/foundation';

export interface ByteSource {
  /** The name of the file in errors: a path or an address. */
  readonly name: string;
  /** Size in bytes; null if the server does not give it. */
  readonly size: number | null;
  /** Reads the bytes [offset, offset + length), fewer only at the end of the file. The caller owns the array. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Closes the file handle, if there is one. */
  close(): Promise<void>;
}

/** Wraps a file that is already in memory. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    read: async (offset, length) => bytes.slice(offset, offset + length),
    close: async () => undefined,
  };
}

/**
 * Reads a whole source, for files that must be in memory: an index, a config. Throws `file-too-large` above `bytesMax`.
 */
export async function readWhole(source: ByteSource, bytesMax: number): Promise<Uint8Array> {
  const length = source.size ?? bytesMax + 1;
  if (length <= bytesMax) return source.read(0, length);
  // The source is too large or has no known size. If the size is unknown, one byte more than allowed shows whether it
  // fits.
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
