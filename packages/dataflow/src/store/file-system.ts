/**
 * The file operations of a store, one by one. They are a parameter, because the tests end the process between any two of
 * them on a disk that forgets what was not synced.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import { syncFolder } from '@plimsoll/foundation/whole-file';

export interface FolderEntry {
  readonly name: string;
  readonly bytes: number;
  /** Seconds since 1970. */
  readonly modifiedSeconds: number;
}

export interface FileSystem {
  makeFolder(path: string): Promise<void>;
  /** Writes a new file; fails with EEXIST if it exists. */
  writeNew(path: string, chunks: readonly Uint8Array[]): Promise<void>;
  /** Makes the content of a file durable. */
  syncFile(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; does nothing if it is absent. */
  remove(path: string): Promise<void>;
  /** Reads a whole file into an array of the caller's own; fails with ENOENT if it is absent. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Returns size and time of a file; null if it is absent. */
  entry(path: string): Promise<FolderEntry | null>;
  list(folder: string): Promise<readonly FolderEntry[]>;
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function entryOf(folder: string, name: string): Promise<FolderEntry | null> {
  try {
    const { size, mtimeMs } = await stat(join(folder, name));
    return { name, bytes: size, modifiedSeconds: mtimeMs / 1000 };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

export const nodeFileSystem: FileSystem = {
  async makeFolder(path) {
    // Features are computed from prompts: other users of the machine may not read them.
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async writeNew(path, chunks) {
    const handle = await open(path, 'wx');
    try {
      for (const chunk of chunks) await handle.writeFile(chunk);
    } finally {
      await handle.close();
    }
  },
  syncFile,
  syncFolder,
  rename,
  remove: (path) => rm(path, { force: true }),
  async read(path) {
    const file = await readFile(path);
    return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  },
  entry: (path) => entryOf(dirname(path), basename(path)),
  async list(folder) {
    const names = await readdir(folder);
    const entries = await Promise.all(names.map((name) => entryOf(folder, name)));
    return entries.filter((entry) => entry !== null);
  },
};
