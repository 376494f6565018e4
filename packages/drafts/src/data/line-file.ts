/**
 * Random access to the lines of a file: one pass notes where lines start (8 bytes per line) and hashes the file, so that a
 * shuffled plan of any data set needs no more memory than its longest line.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PlimsollError } from '@plimsoll/foundation';

/** Bytes of one line: a conversation of a million tokens fits. */
const lineBytesMax = 32 * 1024 ** 2;
const chunkBytes = 256 * 1024;
const newline = 0x0a;

export class LineFile {
  readonly path: string;
  /** SHA-256 of the whole file, in hexadecimal. */
  readonly sha256: string;
  readonly #file: FileHandle;
  /** Start of each line, and the end of the last one. */
  readonly #offsets: Float64Array;
  /** Number of each non-empty line in the file, from 1. */
  readonly #numbers: Uint32Array;

  private constructor(path: string, file: FileHandle, index: LineIndex) {
    this.path = path;
    this.sha256 = index.sha256;
    this.#file = file;
    this.#offsets = index.offsets;
    this.#numbers = index.numbers;
  }

  /** Throws `data-file-unreadable` or `data-line-too-long`. */
  static async open(path: string): Promise<LineFile> {
    const file = await open(path, 'r').catch((error: unknown) => {
      throw unreadable(path, error);
    });
    try {
      return new LineFile(path, file, await indexOf(path, file));
    } catch (error) {
      await file.close();
      throw error instanceof PlimsollError ? error : unreadable(path, error);
    }
  }

  /** Number of lines that are not empty. */
  get lineCount(): number {
    return this.#numbers.length;
  }

  /** Number in the file of the non-empty line `index`. */
  lineNumber(index: number): number {
    return this.#numbers[index] ?? 0;
  }

  async read(index: number): Promise<string> {
    const start = this.#offsets[2 * index] ?? 0;
    const end = this.#offsets[2 * index + 1] ?? 0;
    const bytes = Buffer.allocUnsafe(end - start);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) throw unreadable(this.path, new Error('the file has become shorter'));
      done += bytesRead;
    }
    return bytes.toString('utf8');
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

interface LineIndex {
  /** Start and end of each non-empty line. */
  readonly offsets: Float64Array;
  readonly numbers: Uint32Array;
  readonly sha256: string;
}

async function indexOf(path: string, file: FileHandle): Promise<LineIndex> {
  const hash = createHash('sha256');
  const offsets = new GrowingList(Float64Array);
  const numbers = new GrowingList(Uint32Array);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let [start, position, line, isBlank] = [0, 0, 1, true];
  const endLine = (end: number): void => {
    if (end - start > lineBytesMax) throw tooLong(path, line, end - start);
    if (!isBlank) {
      offsets.push(start);
      offsets.push(end);
      numbers.push(line);
    }
    [start, line, isBlank] = [end + 1, line + 1, true];
  };
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    for (let index = 0; index < bytesRead; index++) {
      const byte = chunk[index] ?? 0;
      if (byte === newline) endLine(position + index);
      else if (byte > 0x20) isBlank = false;
    }
    position += bytesRead;
  }
  endLine(position);
  return { offsets: offsets.values(), numbers: numbers.values(), sha256: hash.digest('hex') };
}

type NumberArray = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

class GrowingList<Values extends NumberArray> {
  #values: Values;
  #length = 0;
  readonly #create: new (
    length: number,
  ) => Values;

  constructor(create: new (length: number) => Values) {
    this.#create = create;
    this.#values = new create(1024);
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new this.#create(2 * this.#length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  values(): Values {
    const result = new this.#create(this.#length);
    result.set(this.#values.subarray(0, this.#length));
    return result;
  }
}

function unreadable(path: string, cause: unknown): PlimsollError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new PlimsollError(
    {
      code: 'data-file-unreadable',
      message: `${path} cannot be read: ${problem}`,
      value: path,
      hint: 'name a file of JSON lines',
    },
    { cause },
  );
}

function tooLong(path: string, line: number, bytes: number): PlimsollError {
  return new PlimsollError({
    code: 'data-line-too-long',
    message: `${path}, line ${line} has ${bytes} bytes`,
    value: bytes,
    limit: lineBytesMax,
    hint: 'write one JSON object per line; `jq -c ".[]"` turns a JSON array into such lines',
  });
}
