/**
 * Typed views over the memory of one arena for the reference kernels, addressed by byte offset. The code prefers
 * clarity to speed; the DataView checks the bounds of every access.
 */
import { assert } from '@plimsoll/foundation';

export class ArenaView {
  readonly data: DataView;
  readonly bytes: Uint8Array;

  constructor(buffer: ArrayBufferLike) {
    this.data = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** Returns `count` f32 from byte offset `pointer`, as a window into the arena. */
  floats(pointer: number, count: number): Float32Array {
    assert(pointer % 4 === 0, `pointer ${pointer} is not a multiple of 4`);
    return new Float32Array(this.data.buffer, pointer, count);
  }

  /** Returns `count` u32 from byte offset `pointer`. */
  words(pointer: number, count: number): Uint32Array {
    assert(pointer % 4 === 0, `pointer ${pointer} is not a multiple of 4`);
    return new Uint32Array(this.data.buffer, pointer, count);
  }

  half(pointer: number): number {
    return this.data.getFloat16(pointer, true);
  }

  byte(pointer: number): number {
    return this.data.getUint8(pointer);
  }

  signedByte(pointer: number): number {
    return this.data.getInt8(pointer);
  }
}
