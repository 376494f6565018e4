/**
 * A disk that forgets what was not synced. A crash ends the process before a chosen file operation; the restart sees every
 * synced byte and name, a prefix of the later changes of names, and of unsynced files any prefix of their bytes. Real file
 * systems lose less.
 */
import { basename } from 'node:path';
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import type { FileSystem, FolderEntry } from './file-system.ts';

/** The end of the process. Nothing catches it but the test. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

interface StoredFile {
  content: Uint8Array<ArrayBuffer>;
  isSynced: boolean;
}

type Names = Map<string, StoredFile>;

/** A process on the disk, until its crash or the next boot. */
export interface SimulatedProcess {
  readonly fileSystem: FileSystem;
  /** Counts an operation of another part of the process, so that a crash can hit between a file and a ledger. */
  readonly step: () => void;
  readonly hasCrashed: () => boolean;
}

export class SimulatedDisk {
  readonly #random: Random;
  #names: Names = new Map();
  #durableNames: Names = new Map();
  #changes: ((names: Names) => void)[] = [];
  #boots = 0;
  /** Bytes that fit; a write beyond them fails as on a full disk. */
  bytesMax = Infinity;

  constructor(random: Random) {
    this.#random = random;
  }

  get fileNames(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** Ends the running process, loses what it did not sync, and starts one that crashes after `operations`. */
  boot(operations = Infinity): SimulatedProcess {
    this.#loseUnsynced();
    const boot = ++this.#boots;
    let left = operations;
    const step = (): void => {
      left--;
      if (left < 0 || boot !== this.#boots) throw new Crash('the process has ended');
    };
    return { fileSystem: this.#fileSystem(step), step, hasCrashed: () => left < 0 };
  }

  #loseUnsynced(): void {
    const survivors = randomInteger(this.#random, 0, this.#changes.length + 1);
    for (const change of this.#changes.slice(0, survivors)) change(this.#durableNames);
    for (const file of this.#durableNames.values()) {
      if (file.isSynced) continue;
      file.content = file.content.slice(0, randomInteger(this.#random, 0, file.content.byteLength + 1));
      file.isSynced = true;
    }
    this.#names = new Map(this.#durableNames);
    this.#changes = [];
  }

  #fileSystem(step: () => void): FileSystem {
    return {
      makeFolder: async () => step(),
      writeNew: async (path, chunks) => {
        step();
        this.#write(basename(path), new Uint8Array(Buffer.concat(chunks)));
      },
      syncFile: async (path) => {
        step();
        this.#need(path).isSynced = true;
      },
      syncFolder: async () => {
        step();
        this.#durableNames = new Map(this.#names);
        this.#changes = [];
      },
      rename: async (from, to) => {
        step();
        const file = this.#need(from);
        this.#change((names) => {
          names.delete(basename(from));
          names.set(basename(to), file);
        });
      },
      remove: async (path) => {
        step();
        this.#change((names) => names.delete(basename(path)));
      },
      read: async (path) => {
        step();
        return this.#need(path).content.slice();
      },
      entry: async (path) => {
        step();
        const file = this.#names.get(basename(path));
        return file === undefined ? null : entryOf([basename(path), file]);
      },
      list: async () => {
        step();
        return [...this.#names].map(entryOf);
      },
    };
  }

  #write(name: string, content: Uint8Array<ArrayBuffer>): void {
    if (this.#names.has(name)) throw systemError('EEXIST');
    const held = [...this.#names.values()].reduce((sum, other) => sum + other.content.byteLength, 0);
    const room = Math.max(0, this.bytesMax - held);
    const file = { content: content.slice(0, room), isSynced: false };
    this.#change((names) => names.set(name, file));
    if (content.byteLength > room) throw systemError('ENOSPC');
  }

  #change(change: (names: Names) => void): void {
    change(this.#names);
    this.#changes.push(change);
  }

  #need(path: string): StoredFile {
    const file = this.#names.get(basename(path));
    if (file === undefined) throw systemError('ENOENT');
    return file;
  }
}

function entryOf([name, { content }]: readonly [string, StoredFile]): FolderEntry {
  return { name, bytes: content.byteLength, modifiedSeconds: 0 };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
