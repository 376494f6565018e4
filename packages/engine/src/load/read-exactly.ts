/** Reads that must not come back short: the file ended before a tensor that its header promised. */
import { PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from '@plimsoll/model-files';

/** A run of bytes inside a tensor's data. */
export interface FileRun {
  /** Of the first byte in its file. */
  readonly offset: number;
  /** The tensor's, for the error. */
  readonly name: string;
}

export async function readExactly(source: ByteSource, length: number, run: FileRun): Promise<Uint8Array> {
  const bytes = await source.read(run.offset, length);
  if (bytes.byteLength < length) throw truncated(source, run, { found: bytes.byteLength, length });
  return bytes;
}

/** The same into memory that is there already. */
export async function fillExactly(source: ByteSource, target: Uint8Array, run: FileRun): Promise<void> {
  const length = target.byteLength;
  if (source.readInto === undefined) return target.set(await readExactly(source, length, run));
  const found = await source.readInto(target, run.offset);
  if (found < length) throw truncated(source, run, { found, length });
}

function truncated(
  source: ByteSource,
  { offset, name }: FileRun,
  { found, length }: { readonly found: number; readonly length: number },
): PlimsollError {
  return new PlimsollError({
    code: 'tensor-truncated',
    message: `${source.name} ends inside tensor ${name}: ${found} of ${length} bytes at ${offset}`,
    value: found,
    limit: length,
    hint: 'the download is incomplete: download the file again',
  });
}
