/**
 * Features as files in one folder. A put writes an unfinished file, syncs it, renames it and syncs the folder, so that a
 * crash leaves a whole file or none. Any process that opens the folder may read and free its files:
 *
 *   one machine       one folder on a local disk
 *   several machines  one shared folder, which may be mounted at another path on each machine: names decide, not paths
 *
 * The folder is the only record of published files; this class remembers leases and unfinished work alone. So a process
 * that starts again after a crash needs no repair, and several processes agree.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assert, PlimsollError } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import type { FeatureHandle } from '../contracts/feature-tensor.ts';
import { type SampleRef, schemaVersion } from '../contracts/sample-ref.ts';
import { checkFileBytes, decodeFeatures, type EncodedFeatures, encodeFeatures } from './feature-file.ts';
import type {
  FeaturePut,
  FeatureStore,
  GarbageRule,
  LeasedFeatures,
  LeaseUse,
  Retention,
  StoreStatus,
} from './feature-store.ts';
import { fileNameOfRef, formatFileName, parseFileName, unfinishedEnding } from './file-name.ts';
import { type FileSystem, type FolderEntry, nodeFileSystem } from './file-system.ts';
import { LeaseTable } from './lease-table.ts';
import { featuresGone, storeFull, writeFailed } from './store-errors.ts';

export interface DirectoryStoreOptions {
  /** Absolute path; the store makes the folder. */
  readonly folder: string;
  readonly retention: Retention;
  /** Limit of all published files together. */
  readonly bytesMax: number;
  /** 16 hexadecimal digits that no other process on this folder uses. */
  readonly writer: string;
  /** Seconds since 1970. */
  readonly nowSeconds: () => number;
  readonly fileSystem?: FileSystem;
}

export class DirectoryStore implements FeatureStore {
  readonly #options: DirectoryStoreOptions;
  readonly #files: FileSystem;
  readonly #leases: LeaseTable;
  /** Names of files whose removal failed. */
  readonly #pendingRemovals = new Set<string>();
  /** Unfinished file -> its bytes; they count as published, so that concurrent puts keep the limit. */
  readonly #unfinished = new Map<string, number>();
  #generation = 0;

  private constructor(options: DirectoryStoreOptions) {
    assert(/^[0-9a-f]{16}$/.test(options.writer), 'a writer is 16 hexadecimal digits');
    this.#options = options;
    this.#files = options.fileSystem ?? nodeFileSystem;
    this.#leases = new LeaseTable(options.writer);
  }

  static async open(options: DirectoryStoreOptions): Promise<DirectoryStore> {
    const store = new DirectoryStore(options);
    await store.#files.makeFolder(options.folder);
    return store;
  }

  async put(request: FeaturePut): Promise<SampleRef> {
    // Above every generation in the folder, so that a repeated capture after a restart has a new one.
    for (const { name } of await this.#published()) {
      this.#generation = Math.max(this.#generation, parseFileName(name)?.generation ?? 0);
    }
    this.#generation++;
    const generation = this.#generation;
    const encoded = await encodeFeatures(request, generation);
    const { writer, folder } = this.#options;
    const name = formatFileName({ sampleId: encoded.sample.sampleId, generation, writer });
    await this.#publish(name, encoded);
    return {
      ...encoded.sample,
      schemaVersion,
      features: encoded.features,
      file: {
        address: pathToFileURL(join(folder, name)).href,
        generation,
        bytes: encoded.bytes,
        headerSha256: encoded.headerSha256,
      },
    };
  }

  async get(ref: SampleRef): Promise<LeasedFeatures> {
    const name = fileNameOfRef(ref);
    // The lease comes first, so that a concurrent release or gc cannot free the file between reading and leasing.
    const handle = this.#leases.take(name, ref);
    try {
      return { tensors: await decodeFeatures(await this.#read(name, ref), ref), handle };
    } catch (error) {
      this.#leases.cancel(handle);
      throw error;
    }
  }

  async release(handle: FeatureHandle, use: LeaseUse): Promise<void> {
    const name = this.#leases.end(handle, use);
    if (name !== null && this.#options.retention === 'release') await this.#free(name);
  }

  async abort(ref: SampleRef): Promise<void> {
    await this.removePublished(fileNameOfRef(ref));
  }

  async adopt(ref: SampleRef): Promise<void> {
    const bytes = await this.publishedBytes(fileNameOfRef(ref));
    if (bytes === null) throw featuresGone(ref);
    checkFileBytes(ref, bytes);
  }

  async gc({ ageSecondsMin, isNeeded }: GarbageRule): Promise<number> {
    const now = this.#options.nowSeconds();
    const entries = await this.#files.list(this.#options.folder);
    const garbage = entries.filter(({ name, modifiedSeconds }) => {
      if (this.#pendingRemovals.has(name)) return true;
      if (now - modifiedSeconds < ageSecondsMin || this.#leases.has(name)) return false;
      if (name.endsWith(unfinishedEnding)) return !this.#unfinished.has(name);
      const file = parseFileName(name);
      return file !== null && !isNeeded(file.sampleId, file.generation);
    });
    for (const { name } of garbage) await this.#free(name);
    return garbage.filter(({ name }) => !this.#pendingRemovals.has(name)).length;
  }

  async status(): Promise<StoreStatus> {
    const published = await this.#published();
    return {
      samples: published.length,
      residentBytes: published.reduce((sum, { bytes }) => sum + bytes, 0),
      leases: this.#leases.count,
      pendingRemovals: this.#pendingRemovals.size,
    };
  }

  /** Returns the bytes of a published file for a peer; null if it is gone. */
  async readPublished(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    if (parseFileName(name) === null || this.#pendingRemovals.has(name)) return null;
    try {
      return await this.#files.read(this.#pathOf(name));
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  /** Returns the size of a published file; null if it is gone. */
  async publishedBytes(name: string): Promise<number | null> {
    if (parseFileName(name) === null || this.#pendingRemovals.has(name)) return null;
    return (await this.#files.entry(this.#pathOf(name)))?.bytes ?? null;
  }

  /** Frees a published file, leased or not. */
  async removePublished(name: string): Promise<void> {
    if (parseFileName(name) === null) return;
    this.#leases.dropAll(name);
    await this.#free(name);
  }

  async #publish(name: string, { chunks, bytes }: EncodedFeatures): Promise<void> {
    const unfinished = name + unfinishedEnding;
    this.#unfinished.set(unfinished, bytes);
    try {
      const total = await this.#heldBytes();
      const { folder, bytesMax } = this.#options;
      if (total > bytesMax) throw storeFull(folder, { held: total - bytes, bytes, bytesMax });
      await this.#files.writeNew(this.#pathOf(unfinished), chunks);
      await this.#files.syncFile(this.#pathOf(unfinished));
      await this.#files.rename(this.#pathOf(unfinished), this.#pathOf(name));
      await this.#files.syncFolder(folder);
    } catch (error) {
      if (error instanceof PlimsollError) throw error;
      await this.#free(unfinished);
      await this.#free(name);
      throw writeFailed(this.#pathOf(name), bytes, error);
    } finally {
      this.#unfinished.delete(unfinished);
    }
  }

  /** Bytes of published and unfinished files. A file that is renamed and not yet synced is both, and counts once. */
  async #heldBytes(): Promise<number> {
    // The list comes last: a file that is renamed between the two is in both, and never in none.
    const held = new Map([...this.#unfinished].map(([name, size]) => [publishedName(name), size]));
    for (const { name, bytes } of await this.#published()) held.set(name, bytes);
    return [...held.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  async #read(name: string, ref: SampleRef): Promise<Uint8Array<ArrayBuffer>> {
    const file = await this.readPublished(name);
    if (file === null) throw featuresGone(ref);
    return file;
  }

  /** Removes a file, or remembers it for `gc`: a file that cannot be removed now must not stop training. */
  async #free(name: string): Promise<void> {
    try {
      await this.#files.remove(this.#pathOf(name));
      this.#pendingRemovals.delete(name);
    } catch {
      this.#pendingRemovals.add(name);
    }
  }

  async #published(): Promise<readonly FolderEntry[]> {
    const entries = await this.#files.list(this.#options.folder);
    return entries.filter(({ name }) => parseFileName(name) !== null && !this.#pendingRemovals.has(name));
  }

  #pathOf(name: string): string {
    return join(this.#options.folder, name);
  }
}

function publishedName(unfinished: string): string {
  return unfinished.slice(0, -unfinishedEnding.length);
}
