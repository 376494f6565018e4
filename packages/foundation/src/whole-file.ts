/** Files that are whole or absent after a crash or a power failure. For Node alone. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The end of the name of a file that is being written. */
const unfinishedEnding = '.unfinished';

/**
 * Lets `write` fill a new file, makes its content durable and gives it the name `path`, in place of an earlier file. An error
 * leaves the earlier file as it was. `mode` are the permissions of the new file.
 */
export async function replaceFile<T>(
  path: string,
  write: (file: FileHandle) => Promise<T>,
  mode?: number,
): Promise<T> {
  const unfinished = path + unfinishedEnding;
  try {
    const result = await writeSynced(unfinished, write, mode);
    await rename(unfinished, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Replaces the file `path` by chunks; see `replaceFile`. One chunk at a time is asked for. */
export function writeWholeFile(path: string, chunks: Iterable<string | Uint8Array>): Promise<void> {
  return replaceFile(path, (file) => writeChunks(file, chunks));
}

/** Writes a file and makes its content durable. Its name is durable after `syncFolder`. */
export function writeSyncedFile(path: string, chunks: Iterable<string | Uint8Array>): Promise<void> {
  return writeSynced(path, (file) => writeChunks(file, chunks));
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder; its file systems journal names themselves.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeSynced<T>(
  path: string,
  write: (file: FileHandle) => Promise<T>,
  mode?: number,
): Promise<T> {
  const file = await open(path, 'w', mode);
  try {
    const result = await write(file);
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

async function writeChunks(file: FileHandle, chunks: Iterable<string | Uint8Array>): Promise<void> {
  for (const chunk of chunks) await file.writeFile(chunk);
}
