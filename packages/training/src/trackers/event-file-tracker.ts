/**
 * Event files of TensorBoard: records of TFRecord that hold `Event` messages of protocol buffers. Each run, and each resumption,
 * has a file of its own in the folder; an event of a session's start tells TensorBoard to drop the steps that are repeated.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from './crc32c.ts';
import type { RunRecord, Tracker } from './tracker.ts';

export interface EventFileOptions {
  readonly folder: string;
  /** Step of the loaded checkpoint, 0 for a new run. */
  readonly fromStep: number;
  /** Seconds since 1970. */
  readonly nowSeconds: () => number;
}

export class EventFileTracker implements Tracker {
  readonly #file: FileHandle;
  readonly #nowSeconds: () => number;

  private constructor(file: FileHandle, nowSeconds: () => number) {
    this.#file = file;
    this.#nowSeconds = nowSeconds;
  }

  /** Creates the folder if it is missing. */
  static async open({ folder, fromStep, nowSeconds }: EventFileOptions): Promise<EventFileTracker> {
    await mkdir(folder, { recursive: true });
    // TensorBoard reads the files of a folder in the order of their names.
    const seconds = String(Math.floor(nowSeconds())).padStart(10, '0');
    const name = `events.out.tfevents.${seconds}.${String(fromStep).padStart(10, '0')}.plimsoll`;
    const tracker = new EventFileTracker(await open(join(folder, name), 'a'), nowSeconds);
    await tracker.#append(0, textField(3, 'brain.Event:2'));
    const sessionStart = bytesField(7, varintField(1, 1));
    await tracker.#append(fromStep + 1, sessionStart);
    return tracker;
  }

  async record({ step, values }: RunRecord): Promise<void> {
    const scalars = Object.entries(values).flatMap(([tag, value]) =>
      value === null ? [] : [bytesField(1, Buffer.concat([textField(1, tag), floatField(2, value)]))],
    );
    await this.#append(step, bytesField(5, Buffer.concat(scalars)));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(step: number, content: Uint8Array): Promise<void> {
    const event = Buffer.concat([doubleField(1, this.#nowSeconds()), varintField(2, step), content]);
    await this.#file.appendFile(tfRecord(event));
  }
}

/** Length, its checksum, data, its checksum. */
function tfRecord(data: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, checksum(length), data, checksum(data)]);
}

/** A rotated sum, because a sum over data that holds its own sum would say nothing. */
function checksum(data: Uint8Array): Uint8Array {
  const sum = crc32c(data);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0);
  return bytes;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.of(...bytes, rest);
}

function varintField(field: number, value: number): Uint8Array {
  return Buffer.concat([varint(8 * field), varint(value)]);
}

function doubleField(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(8 * field + 1), bytes]);
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([varint(8 * field + 5), bytes]);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([varint(8 * field + 2), varint(bytes.length), bytes]);
}

function textField(field: number, text: string): Uint8Array {
  return bytesField(field, Buffer.from(text));
}
