/**
 * Downloads one file into its blob. A download continues where it stopped: in this process after a lost connection, and in
 * a later process from the bytes of `<hash>.incomplete`. The hash covers every byte, read again from the disk on resume, so
 * that a partial file of another program or of another server cannot become a model.
 */

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import { Attempts, lostConnection, requestHub, Silence, TransientFailure } from './hub-request.ts';
import type { HubSettings } from './hub-settings.ts';
import type { RepositoryFile } from './repository-files.ts';

export interface BlobDownload {
  readonly url: string;
  readonly file: RepositoryFile;
  /** Path of the blob. */
  readonly path: string;
  /** Called with the bytes of this file that are on the disk. */
  readonly onBytes: (count: number) => void;
  readonly attempts?: Attempts;
}

/** Downloads the file, or the rest of it. The caller holds the lock of the blob. */
export async function downloadBlob(settings: HubSettings, download: BlobDownload): Promise<void> {
  const partial = new PartialBlob(download.file, `${download.path}.incomplete`);
  await partial.open();
  const resumedBytes = partial.size;
  try {
    try {
      await fetchRest(settings, download, partial);
    } catch (error) {
      if (!(error instanceof PlimsollError) || error.code !== 'hub-wrong-hash' || resumedBytes === 0)
        throw error;
      // The bytes of an earlier run may come from another file. A whole download settles it.
      await partial.restart();
      await fetchRest(settings, download, partial);
    }
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'hub-wrong-hash')
      await rm(partial.path, { force: true });
    throw diskError(error, partial.path);
  } finally {
    await partial.close();
  }
  await rename(partial.path, download.path);
}

async function fetchRest(settings: HubSettings, download: BlobDownload, partial: PartialBlob): Promise<void> {
  const attempts = download.attempts ?? new Attempts();
  while (partial.size < download.file.sizeBytes) {
    const before = partial.size;
    try {
      await fetchOnce(settings, download, partial);
    } catch (error) {
      if (partial.size > before) attempts.succeeded();
      await attempts.failed(error);
    }
  }
  download.onBytes(partial.size);
  partial.checkHash();
}

/** Sends one request for the missing bytes and writes what arrives. */
async function fetchOnce(
  settings: HubSettings,
  { url, file, onBytes }: BlobDownload,
  partial: PartialBlob,
): Promise<void> {
  const silence = new Silence(settings.silenceSeconds);
  try {
    const { size: from, tag } = partial;
    const headers = from === 0 ? {} : { range: `bytes=${from}-`, ...(tag !== null && { 'if-range': tag }) };
    const response = await requestHub(settings, { url, headers, silence });
    try {
      await place(response, { url, file, partial, from });
      partial.tag = strongTag(response);
      for await (const chunk of response.body ?? []) {
        silence.broken();
        if (partial.size + chunk.byteLength > file.sizeBytes)
          throw wrongSize(url, file, partial.size + chunk.byteLength);
        await partial.append(chunk);
        onBytes(partial.size);
      }
    } catch (error) {
      await response.body?.cancel().catch(() => undefined);
      if (error instanceof PlimsollError || error instanceof TransientFailure || isDiskError(error))
        throw error;
      throw lostConnection(settings, { url, silence, error });
    }
    if (partial.size < file.sizeBytes) throw new TransientFailure(wrongSize(url, file, partial.size), null);
  } finally {
    silence.end();
  }
}

/** Checks where the bytes of a response belong. A server that sends the whole file starts it again. */
async function place(
  response: Response,
  {
    url,
    file,
    partial,
    from,
  }: {
    readonly url: string;
    readonly file: RepositoryFile;
    readonly partial: PartialBlob;
    readonly from: number;
  },
): Promise<void> {
  const encoding = response.headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') {
    throw new PlimsollError({
      code: 'hub-encoded',
      message: `${url} is sent compressed (${encoding})`,
      value: encoding,
      limit: 'identity',
    });
  }
  if (response.status === 416) {
    // The server's file ends before the bytes that are here, so they belong to another file.
    await partial.restart();
    throw new TransientFailure(wrongSize(url, file, from), 0);
  }
  if (response.status === 206) {
    const header = response.headers.get('content-range') ?? '';
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header) ?? [];
    if (Number(first) === from && (total === '*' || Number(total) === file.sizeBytes)) return;
    throw new PlimsollError({
      code: 'hub-bad-range',
      message: `${url} sends the range "${header}"`,
      value: header,
      limit: `bytes ${from}-${file.sizeBytes - 1}/${file.sizeBytes}`,
      hint: 'try again; if it happens again, HF_ENDPOINT is no Hub',
    });
  }
  if (from > 0) await partial.restart();
}

/** If-Range takes strong tags alone. */
function strongTag(response: Response): string | null {
  const tag = response.headers.get('etag');
  return tag?.startsWith('"') === true ? tag : null;
}

function wrongSize(url: string, { path, sizeBytes }: RepositoryFile, seen: number): PlimsollError {
  return new PlimsollError({
    code: 'hub-wrong-size',
    message: `${url} sends ${seen > sizeBytes ? 'more' : 'fewer'} bytes of ${path} than the listing states`,
    value: seen,
    limit: sizeBytes,
    hint: 'run the command again; the repository may have changed',
  });
}

/** The bytes that have arrived, and their hash. */
class PartialBlob {
  readonly path: string;
  /** Entity tag of the server's file, for the requests of this process; the hash judges bytes of earlier ones. */
  tag: string | null = null;
  readonly #file: RepositoryFile;
  #handle: FileHandle | null = null;
  #hash: Hash;
  #size = 0;

  constructor(file: RepositoryFile, path: string) {
    this.path = path;
    this.#file = file;
    this.#hash = startHash(file);
  }

  get size(): number {
    return this.#size;
  }

  async open(): Promise<void> {
    this.#handle = await open(this.path, 'a+');
    const { size } = await this.#handle.stat();
    if (size === 0) return;
    if (size > this.#file.sizeBytes) return this.restart();
    for await (const chunk of createReadStream(this.path, { end: size - 1 }))
      this.#count(chunk as Uint8Array);
  }

  async append(chunk: Uint8Array): Promise<void> {
    let written = 0;
    while (written < chunk.byteLength) {
      const { bytesWritten } = await this.#opened().write(chunk, written);
      written += bytesWritten;
    }
    this.#count(chunk);
  }

  /** Discards the bytes. */
  async restart(): Promise<void> {
    await this.#opened().truncate(0);
    this.#hash = startHash(this.#file);
    this.#size = 0;
  }

  checkHash(): void {
    const seen = this.#hash.copy().digest('hex');
    if (seen === this.#file.hash) return;
    throw new PlimsollError({
      code: 'hub-wrong-hash',
      message: `the bytes of ${this.#file.path} do not have the hash that the Hub states`,
      value: seen,
      limit: this.#file.hash,
      hint: 'run the command again; if it happens again, the network or HF_ENDPOINT changes the file',
    });
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  #opened(): FileHandle {
    return defined(this.#handle, 'the partial file is open');
  }

  #count(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.byteLength;
  }
}

/** SHA-256 of a large file; of a small file the hash that git gives to its content. */
function startHash({ hash, sizeBytes }: RepositoryFile): Hash {
  if (hash.length === 64) return createHash('sha256');
  return createHash('sha1').update(`blob ${sizeBytes}\0`);
}

const diskCodes: ReadonlySet<string | undefined> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EACCES',
  'EIO',
]);

function isDiskError(error: unknown): boolean {
  return diskCodes.has(systemErrorCode(error));
}

/** Turns an error of the file system into an error with a way out. The partial file stays. */
export function diskError(error: unknown, path: string): unknown {
  if (!isDiskError(error)) return error;
  const reason = systemErrorCode(error);
  const isFull = reason === 'ENOSPC' || reason === 'EDQUOT';
  return new PlimsollError(
    {
      code: isFull ? 'disk-full' : 'cache-not-writable',
      message: isFull ? `the disk of ${path} is full` : `${path} cannot be written (${reason})`,
      value: path,
      hint: isFull
        ? 'free some space and run the command again, which continues the download; HF_HUB_CACHE moves the cache'
        : 'check the permissions, or move the cache with HF_HUB_CACHE',
    },
    { cause: error },
  );
}
