/**
 * The file operations of a feature store on a NATS object store. An object appears with its last message, so `rename` is the
 * put: the unfinished file stays in memory until then. The parts of a put that has died are listed as unfinished files, which
 * a store's `gc` removes.
 */

import { basename } from 'node:path';
import { JetStreamApiError, StorageType } from '@nats-io/jetstream';
import { type ObjectInfo, type ObjectStore, Objm, setSha256Backend } from '@nats-io/obj';
import { unfinishedEnding } from '../store/file-name.ts';
import type { FileSystem, FolderEntry } from '../store/file-system.ts';
import { fullServerCodes, type NatsLink } from './nats-connection.ts';

/** Large messages are fast; the server's default limit of a message is 1 MiB. */
const chunkBytes = 512 * 1024;
/** Bytes of the largest element of a feature. */
const alignment = 8;

export async function openObjectFiles(link: NatsLink, bucket: string): Promise<FileSystem> {
  // The library's own SHA-256 in JavaScript is three to five times slower.
  setSha256Backend('native');
  const objects = await link.persist(() =>
    new Objm(link.streams).create(bucket, { storage: StorageType.File }),
  );
  return new ObjectFiles(link, bucket, objects);
}

class ObjectFiles implements FileSystem {
  readonly #link: NatsLink;
  readonly #bucket: string;
  readonly #objects: ObjectStore;
  /** Name -> content of a file that is not renamed yet. */
  readonly #unfinished = new Map<string, readonly Uint8Array[]>();

  constructor(link: NatsLink, bucket: string, objects: ObjectStore) {
    this.#link = link;
    this.#bucket = bucket;
    this.#objects = objects;
  }

  async makeFolder(): Promise<void> {
    // The bucket exists.
  }

  async writeNew(path: string, chunks: readonly Uint8Array[]): Promise<void> {
    this.#unfinished.set(basename(path), chunks);
  }

  async syncFile(): Promise<void> {
    // The server's sync_interval decides.
  }

  async syncFolder(): Promise<void> {
    // As above.
  }

  async rename(from: string, to: string): Promise<void> {
    const chunks = this.#unfinished.get(basename(from)) ?? [];
    this.#unfinished.delete(basename(from));
    try {
      await this.#link.persist(() =>
        this.#objects.put(
          { name: basename(to), options: { max_chunk_size: chunkBytes } },
          ReadableStream.from(chunks),
        ),
      );
    } catch (cause) {
      if (!(cause instanceof JetStreamApiError && fullServerCodes.has(cause.code))) throw cause;
      throw Object.assign(new Error(cause.message, { cause }), { code: 'ENOSPC' });
    }
  }

  async remove(path: string): Promise<void> {
    const name = basename(path);
    this.#unfinished.delete(name);
    const { manager } = this.#link;
    if (name.endsWith(unfinishedEnding)) {
      const filter = this.#partsSubject(name.slice(0, -unfinishedEnding.length));
      await this.#link.persist(() => manager.streams.purge(this.#stream, { filter }));
      return;
    }
    const { purged } = await this.#link.persist(() => this.#objects.delete(name));
    // A deleted object leaves a message that says so, and names of features are never used again.
    const filter = `$O.${this.#bucket}.M.${Buffer.from(name).toString('base64url')}`;
    if (purged > 0 || (await this.#link.persist(() => this.#objects.info(name))) !== null)
      await this.#link.persist(() => manager.streams.purge(this.#stream, { filter }));
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer>> {
    const content = await this.#link.persist(() => this.#objects.getBlob(basename(path)));
    if (content === null) throw Object.assign(new Error(`${path} is absent`), { code: 'ENOENT' });
    const { buffer, byteOffset, byteLength } = content;
    // A small object arrives inside a message, at any offset; consumers view tensors in place.
    return buffer instanceof ArrayBuffer && byteOffset % alignment === 0
      ? new Uint8Array(buffer, byteOffset, byteLength)
      : new Uint8Array(content);
  }

  async entry(path: string): Promise<FolderEntry | null> {
    const info = await this.#link.persist(() => this.#objects.info(basename(path)));
    return info === null || info.deleted ? null : entryOf(info);
  }

  async list(): Promise<readonly FolderEntry[]> {
    const objects = await this.#link.persist(() => this.#objects.list());
    const parts = await this.#abandonedParts(new Set(objects.map(({ nuid }) => nuid)));
    return [...objects.filter(({ deleted }) => !deleted).map(entryOf), ...parts];
  }

  /** Parts of puts that have no object: their process has died, or they are still on their way. */
  async #abandonedParts(known: ReadonlySet<string>): Promise<readonly FolderEntry[]> {
    const { manager } = this.#link;
    const filter = this.#partsSubject('>');
    const { state } = await this.#link.persist(() =>
      manager.streams.info(this.#stream, { subjects_filter: filter }),
    );
    const subjects = Object.keys(state.subjects ?? {});
    const ids = subjects.map((subject) => subject.split('.').at(-1) ?? '').filter((id) => !known.has(id));
    return Promise.all(
      ids.map(async (id) => {
        const last = await this.#link.persist(() =>
          manager.streams.getMessage(this.#stream, { last_by_subj: this.#partsSubject(id) }),
        );
        const modifiedSeconds = (last?.time.getTime() ?? 0) / 1000;
        return { name: id + unfinishedEnding, bytes: last?.data.byteLength ?? 0, modifiedSeconds };
      }),
    );
  }

  get #stream(): string {
    return `OBJ_${this.#bucket}`;
  }

  #partsSubject(id: string): string {
    return `$O.${this.#bucket}.C.${id}`;
  }
}

function entryOf({ name, size, mtime }: ObjectInfo): FolderEntry {
  return { name, bytes: size, modifiedSeconds: Date.parse(mtime) / 1000 };
}
