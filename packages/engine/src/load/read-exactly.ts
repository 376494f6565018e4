/** Reads that fail if the file ends inside a tensor, with code `tensor-truncated`. */
import { readSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from '@plimsoll/model-files/sources';
import type { WeightFile } from './weight-source.ts';

/** A run of bytes inside a tensor's data. */
export interface FileRun {
  /** Offset of the first byte in its file. */
  readonly offset: number;
  /** Name of the tensor, for the error. */
  readonly name: string;
}

export async function readExactly(source: ByteSource, length: number, run: FileRun): Promise<Uint8Array> {
  const bytes = await source.read(run.offset, length);
  if (bytes.byteLength < length) throw truncated(source.name, run, { found: bytes.byteLength, length });
  return bytes;
}

/** Reads into existing memory, shared or not; blocks the thread. */
export function fillExactly({ path, descriptor }: WeightFile, target: Uint8Array, run: FileRun): void {
  const length = target.byteLength;
  for (let found = 0; found < length; ) {
    const count = readSync(descriptor, target, found, length - found, run.offset + found);
    if (count === 0) throw truncated(path, run, { found, length });
    found += count;
  }
}

function truncated(
  path: string,
  { offset, name }: FileRun,
  { found, length }: { readonly found: number; readonly length: number },
): PlimsollError {
  return new PlimsollError({
    code: 'tensor-truncated',
    message: `${path} ends inside tensor ${name}: ${found} of ${length} bytes at ${offset}`,
    value: found,
    limit: length,
    hint: 'the download is incomplete: download the file again',
  });
}
