/** Local files as a ByteSource. Only the bytes that are asked for are read; nothing is mapped or kept. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from './byte-source.ts';

/** A local file. Threads may read it by its descriptor, which is the whole process's, until it is closed. */
export interface FileSource extends ByteSource {
  readonly descriptor: number;
}

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
    message: `${path} is ${isDirectory ? 'a directory' : 'a pipe, a socket or a device'}, a file was expected`,
    value: path,
    limit: 'a regular file, whose size is known before it is read',
    hint: isDirectory ? 'name the file inside it' : 'write its content to a file and name that',
  });
}

/** Like `openFileSource`, but null where there is no such file: for files that may be absent. */
export async function openFileSourceIfPresent(path: string): Promise<ByteSource | null> {
  try {
    return await openFileSource(path);
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'file-not-found') return null;
    throw error;
  }
}

/** Without waiting: a pipe that nobody writes to would otherwise keep the opening for ever. Windows has no such flag. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

async function openOrFail(path: string): Promise<FileHandle> {
  try {
    return await open(path, openFlags);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
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
      // Allocation follows the file, not the request: a lying header cannot ask for more than there is.
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      return bytes.subarray(0, await fill(handle, bytes, offset));
    },
    close: () => handle.close(),
  };
}

/** Bytes that were there: fewer than the target holds only where the file ends, or shrank since it was opened. */
async function fill(handle: FileHandle, target: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < target.byteLength) {
    const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
