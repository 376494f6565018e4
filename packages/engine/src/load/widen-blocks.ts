/**
 * Rewrites blocks that no kernel reads as wider blocks with exactly the same values. The layouts are ggml's
 * (https://github.com/ggml-org/ggml, ggml-common.h).
 *
 *   IQ4_NL  16-bit scale, 32 nibbles: scale x table[q]                       -> Q8_0
 *   Q3_K    256 third bits, 256 pairs of bits, 16 6-bit scales, 16-bit scale -> Q6_K
 *
 * The code computes four quants at a time, in the bytes of a word: no step carries from one byte into the next.
 */
import { assert } from '@plimsoll/foundation';
import { nonLinear4Bit } from './quant-tables.data.ts';

/** Rewrites whole blocks. `target` must have the exact size of the result. */
export type Widening = (source: Uint8Array, target: Uint8Array) => void;

interface Places {
  readonly source: DataView;
  readonly target: DataView;
  /** Offsets of the block in `source` and in `target`. The same object serves every block. */
  from: number;
  to: number;
}

function inBlocks(
  sourceBytes: number,
  targetBytes: number,
  block: (places: Readonly<Places>) => void,
): Widening {
  return (source, target) => {
    const count = source.byteLength / sourceBytes;
    assert(
      Number.isInteger(count) && target.byteLength === count * targetBytes,
      `${source.byteLength} bytes are no whole blocks, or not ${target.byteLength} bytes of wider ones`,
    );
    const places: Places = {
      source: new DataView(source.buffer, source.byteOffset, source.byteLength),
      target: new DataView(target.buffer, target.byteOffset, target.byteLength),
      from: 0,
      to: 0,
    };
    for (let index = 0; index < count; index++) {
      block(places);
      places.from += sourceBytes;
      places.to += targetBytes;
    }
  };
}

const widenings: Readonly<Record<string, Widening>> = {
  IQ4_NL: inBlocks(18, 34, widenIq4),
  Q3_K: inBlocks(110, 210, widenQ3K),
};

/** Returns the function that rewrites blocks of a type; null if the type needs no rewriting. */
export function wideningOf(type: string): Widening | null {
  return widenings[type.toUpperCase()] ?? null;
}

const signedQ4 = Int8Array.from(nonLinear4Bit);

function widenIq4({ source, target, from, to }: Readonly<Places>): void {
  target.setUint16(to, source.getUint16(from));
  for (let index = 0; index < 16; index++) {
    const packed = source.getUint8(from + 2 + index);
    target.setInt8(to + 2 + index, signedQ4[packed & 15] ?? 0);
    target.setInt8(to + 18 + index, signedQ4[packed >> 4] ?? 0);
  }
}

/** Reads scale `index` of a Q3_K block: four low bits in the first eight bytes, two high bits in the last four. */
function scaleQ3K(source: DataView, from: number, index: number): number {
  const low = source.getUint8(from + 96 + (index % 8));
  const high = source.getUint8(from + 104 + (index % 4));
  return ((index < 8 ? low & 15 : low >> 4) | (((high >> (2 * (index >> 2))) & 3) << 4)) - 32;
}

/**
 * Computes four quants of one of the four runs that share bytes: Q3_K's pair + 4 x third - 4 is Q6_K's quant - 32.
 */
function quantQ3K(pairs: number, thirds: number, run: number): number {
  return ((pairs >>> (2 * run)) & 0x03030303) + (((thirds >>> run) & 0x01010101) << 2) + 0x1c1c1c1c;
}

function highBits(quants: number): number {
  return (quants >>> 4) & 0x03030303;
}

function widenQ3K({ source, target, from, to }: Readonly<Places>): void {
  for (let half = 0; half < 2; half++) {
    for (let place = 0; place < 32; place += 4) {
      const thirds = source.getUint32(from + place, true) >>> (4 * half);
      const pairs = source.getUint32(from + 32 + 32 * half + place, true);
      const a = quantQ3K(pairs, thirds, 0);
      const b = quantQ3K(pairs, thirds, 1);
      const c = quantQ3K(pairs, thirds, 2);
      const d = quantQ3K(pairs, thirds, 3);
      const low = to + 64 * half + place;
      target.setInt32(low, (a & 0x0f0f0f0f) | ((c & 0x0f0f0f0f) << 4), true);
      target.setInt32(low + 32, (b & 0x0f0f0f0f) | ((d & 0x0f0f0f0f) << 4), true);
      const highs = highBits(a) | (highBits(b) << 2) | (highBits(c) << 4) | (highBits(d) << 6);
      target.setInt32(to + 128 + 32 * half + place, highs, true);
    }
  }
  for (let index = 0; index < 16; index++) target.setInt8(to + 192 + index, scaleQ3K(source, from, index));
  target.setUint16(to + 208, source.getUint16(from + 108));
}
