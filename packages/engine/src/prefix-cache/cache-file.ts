/**
 * The prefix cache on disk: the content of cached blocks, and the scheduler's index of them.
 *
 *   offset  0   8   magic "PLIMSPC1"
 *           8       blocks of group 0, blocks of group 1, ...; a block: its layers, then the draft's layers
 *                   index (packages/serving, prefix-cache-file.ts)
 *                   layout: JSON, where groups and index begin
 *      end -36   4  length of the layout in bytes, little-endian
 *      end -32  32  SHA-256 of all before
 *
 * A save writes a second file and renames it, so that a process that dies at any point leaves the old file or the new
 * one. A load checks the whole file before it changes anything.
 */
import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { replaceFile } from '@plimsoll/foundation/whole-file';

const magic = Buffer.from('PLIMSPC1');
const hashBytes = 32;
const tailBytes = 4 + hashBytes;
const partBytes: number = MiB;

export interface CacheLayout {
  /** One per cache group. */
  readonly groups: readonly { readonly offset: number; readonly blockBytes: number }[];
  readonly index: { readonly offset: number; readonly bytes: number };
}

/** Collects bytes, and writes and hashes them in large parts. */
export class CacheWriter {
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #part: Buffer;
  #held = 0;
  #written = 0;

  private constructor(file: FileHandle, blockBytesMax: number) {
    this.#file = file;
    this.#part = Buffer.alloc(Math.max(partBytes, blockBytesMax));
  }

  /** Writes a file beside `path` and moves it there when `write` has ended. Nothing changes if an error occurs. */
  static async replace(
    path: string,
    blockBytesMax: number,
    write: (writer: CacheWriter) => Promise<CacheLayout>,
  ): Promise<number> {
    const fill = async (file: FileHandle): Promise<number> => {
      const writer = new CacheWriter(file, blockBytesMax);
      await writer.add(magic);
      return writer.#finish(await write(writer));
    };
    try {
      // The content of prompts is in the file: other users of the machine may not read it.
      return await replaceFile(path, fill, 0o600);
    } catch (cause) {
      throw new PlimsollError(
        {
          code: 'prefix-cache-unsaved',
          message: `the prefix cache was not saved to ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
          value: path,
          hint: 'name a file on a disk with room, in a directory that exists',
        },
        { cause },
      );
    }
  }

  get offset(): number {
    return this.#written + this.#held;
  }

  async add(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; ) {
      await this.reserve(1);
      const some = bytes.subarray(start, start + this.#part.length - this.#held);
      this.place(some.length).set(some);
      start += some.length;
    }
  }

  /** Makes room for `count` bytes, so that the next `place` needs no turn of the event loop. */
  async reserve(count: number): Promise<void> {
    if (this.#held + count > this.#part.length) await this.#flush();
  }

  /** The place of the next `count` bytes, which the caller fills at once. */
  place(count: number): Buffer {
    this.#held += count;
    return this.#part.subarray(this.#held - count, this.#held);
  }

  async #finish(layout: CacheLayout): Promise<number> {
    const text = Buffer.from(JSON.stringify(layout));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    await this.add(text);
    await this.add(length);
    await this.#flush();
    const hash = this.#hash.digest();
    await this.#writeAll(hash);
    return this.#written;
  }

  async #flush(): Promise<void> {
    const part = this.#part.subarray(0, this.#held);
    this.#hash.update(part);
    this.#held = 0;
    await this.#writeAll(part);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, start, bytes.length - start, this.#written);
      start += bytesWritten;
      this.#written += bytesWritten;
    }
  }
}

export interface CheckedCache {
  readonly layout: CacheLayout;
  readonly index: Uint8Array;
}

/** Checks the whole file. Throws code `prefix-cache-torn` if any byte differs from the bytes that were written. */
export async function checkCacheFile(file: FileHandle): Promise<CheckedCache> {
  const { size } = await file.stat();
  if (size < magic.length + tailBytes) throw torn(`it has ${size} bytes`);
  const hash = createHash('sha256');
  const part = Buffer.alloc(partBytes);
  const end = size - hashBytes;
  for (let start = 0; start < end; ) {
    const { bytesRead } = await file.read(part, 0, Math.min(part.length, end - start), start);
    if (bytesRead === 0) throw torn(`it ends at byte ${start}`);
    hash.update(part.subarray(0, bytesRead));
    start += bytesRead;
  }
  const head = await readRange(file, 0, magic.length);
  if (!head.equals(magic)) throw torn(`it does not begin with ${magic.toString('latin1')}`);
  const tail = await readRange(file, size - tailBytes, tailBytes);
  if (!tail.subarray(4).equals(hash.digest())) throw torn('its checksum is wrong');
  const layoutBytes = tail.readUInt32LE();
  const layoutText = await readRange(file, size - tailBytes - layoutBytes, layoutBytes);
  // The checksum has covered these bytes, so that they are what a save wrote.
  const layout = JSON.parse(layoutText.toString()) as CacheLayout;
  return { layout, index: await readRange(file, layout.index.offset, layout.index.bytes) };
}

async function readRange(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let start = 0; start < length; ) {
    const { bytesRead } = await file.read(bytes, start, length - start, offset + start);
    if (bytesRead === 0) throw torn(`it ends at byte ${offset + start}`);
    start += bytesRead;
  }
  return bytes;
}

export function torn(how: string): PlimsollError {
  return new PlimsollError({
    code: 'prefix-cache-torn',
    message: `the saved prefix cache is damaged: ${how}`,
    hint: 'the cache starts empty, and the next save replaces the file',
  });
}
