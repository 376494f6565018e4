/** Local files as a ByteSource. Each read fetches only the requested bytes; nothing is mapped or cached. */

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PlimsollError } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import type { ByteSource } from './byte-source.ts';

/** A local file. Every thread of the process may read it by its descriptor until the file is closed. */
export interface FileSource extends ByteSource {
  readonly descriptor: number;
}

/** Opens a regular file. Throws `file-not-found`, `file-unreadable` or `not-a-file`. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await openOrFail(path);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw notAFile(path, status);
    return fileSource(path, handle, status.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function notAFile(path: string, status: Stats): PlimsollError {
  const isDirectory = status.isDirectory();
  return new PlimsollError({
    code: 'not-a-file',
    message: `${path} is ${isDirectory ? 'a directory' : 'a pipe, a socket or a device'}; a regular file was expected`,
    value: path,
    limit: 'a regular file, whose size is known before reading',
    hint: isDirectory ? 'name the file inside it' : 'write its content to a file and name that file',
  });
}

/** Opens a file that may be absent. Returns null instead of throwing `file-not-found`. */
export async function openFileSourceIfPresent(path: string): Promise<ByteSource | null> {
  try {
    return await openFileSource(path);
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'file-not-found') return null;
    throw error;
  }
}

/** Non-blocking: otherwise opening a pipe without a writer would wait for ever. Windows has no such flag. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

async function openOrFail(path: string): Promise<FileHandle> {
  try {
    return await open(path, openFlags);
  } catch (cause) {
    const reason = systemErrorCode(cause) ?? 'unknown';
    const missing = reason === 'ENOENT' || reason === 'ENOTDIR';
    throw new PlimsollError(
      {
        code: missing ? 'file-not-found' : 'file-unreadable',
        message: missing ? `there is no file ${path}` : `${path} cannot be opened (${reason})`,
        value: path,
        hint: missing ? 'check the path' : 'check the permissions',
      },
      { cause },
    );
  }
}

function fileSource(path: string, handle: FileHandle, size: number): FileSource {
  return {
    descriptor: handle.fd,
    name: path,
    size,
    async read(offset, length) {
      // The file bounds the allocation, so a false length in a header cannot allocate more than the file has.
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      return bytes.subarray(0, await fill(handle, bytes, offset));
    },
    close: () => handle.close(),
  };
}

/**
 * Fills `target` and returns the number of bytes read: fewer than `target` holds only if the file ends, or has shrunk
 * since it was opened.
 */
async function fill(handle: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < target.byteLength) {
    const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
