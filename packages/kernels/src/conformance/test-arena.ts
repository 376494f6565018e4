/**
 * A small memory that a conformance case fills with seeded inputs; every implementation receives the same bytes.
 * Regions are at least 64 bytes apart, and the suite also compares the bytes between them, which detects a kernel that
 * writes outside its output.
 */
import { assert } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { type KernelWeightFormat, repackedBytes, rowBytes, sourceBytes, weightFormats } from '../formats.ts';
import type { KernelOperation } from '../operations.ts';
import { controlBytes } from '../wasm/wasm-kernels.ts';

/** Values on which an implementation must agree: exactly, or within `tolerance` x the largest reference value. */
export interface ExpectedRegion {
  readonly pointer: number;
  readonly count: number;
  readonly tolerance: number | 'exact';
}

export interface ConformanceCase {
  readonly name: string;
  /** Places inputs and outputs, and returns the operations to run and the regions to compare. */
  build(arena: TestArena): { operations: KernelOperation[]; expected: ExpectedRegion[] };
}

export class TestArena {
  readonly random: Random;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Regions whose content is private to an implementation; the suite does not compare them. */
  readonly privateRegions: { pointer: number; size: number }[] = [];
  #end = controlBytes;

  constructor(seed: number, sizeBytes: number) {
    this.random = seededRandom(seed);
    this.bytes = new Uint8Array(sizeBytes);
  }

  /** Reserves `size` bytes that the suite does not compare. */
  scratch(size: number): number {
    const pointer = this.place(size);
    this.privateRegions.push({ pointer, size });
    return pointer;
  }

  place(size: number): number {
    const pointer = Math.ceil(this.#end / 64) * 64 + 64;
    this.#end = pointer + size;
    assert(this.#end <= this.bytes.length, `a conformance case needs more than ${this.bytes.length} bytes`);
    return pointer;
  }

  /** Places f32 in [-1, 1) x scale: sums of three uniform numbers, so that blocks have a realistic spread. */
  floats(count: number, scale = 1): number {
    const pointer = this.place(4 * count);
    const values = new Float32Array(this.bytes.buffer, pointer, count);
    const { random } = this;
    for (let i = 0; i < count; i++) values[i] = ((random() + random() + random()) / 1.5 - 1) * scale;
    return pointer;
  }

  words(list: readonly number[]): number {
    const pointer = this.place(4 * list.length);
    new Uint32Array(this.bytes.buffer, pointer, list.length).set(list);
    return pointer;
  }

  /** Places source blocks with random quants and realistic scales of either sign. */
  sourceWeights(format: KernelWeightFormat, rows: number, columns: number): number {
    const { blockBytes, fields } = weightFormats[format];
    const size = sourceBytes(format, rows, columns);
    const pointer = this.place(size);
    const view = new DataView(this.bytes.buffer, pointer, size);
    for (let i = 0; i < size; i++) view.setUint8(i, randomInteger(this.random, 0, 256));
    for (let block = 0; block < size; block += blockBytes) {
      for (const { offsetBytes, sizeBytes, unitBytes } of fields) {
        const value = (): number => (this.random() - 0.5) * 0.05;
        if (format === 'f32') view.setFloat32(block, value(), true);
        else if (format === 'bf16') view.setUint8(block + 1, 0xbc + randomInteger(this.random, 0, 2) * -0x80);
        else if (unitBytes === 2) {
          for (let i = 0; i < sizeBytes; i += 2) view.setFloat16(block + offsetBytes + i, value(), true);
        }
      }
    }
    return pointer;
  }

  /** Places a repacked weight. Returns its panels and the operation that fills them. */
  weights(
    format: KernelWeightFormat,
    rows: number,
    columns: number,
  ): { weights: number; repack: KernelOperation } {
    const source = this.sourceWeights(format, rows, columns);
    assert(rowBytes(format, columns) > 0, 'a weight has columns');
    const output = this.place(repackedBytes(format, rows, columns));
    const nonFinite = this.place(4);
    return { weights: output, repack: { op: 'repack', format, source, output, rows, columns, nonFinite } };
  }
}
