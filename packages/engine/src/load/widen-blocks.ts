/**
 * Blocks that no kernel reads, rewritten as wider ones that hold exactly the same numbers. Layouts are those of ggml
 * (https://github.com/ggml-org/ggml, ggml-common.h).
 *
 *   Q5_0    16-bit scale, 32 fifth bits, 32 nibbles: scale x (q - 16)        -> Q8_0
 *   IQ4_NL  16-bit scale, 32 nibbles: scale x table[q]                       -> Q8_0
 *   Q3_K    256 third bits, 256 pairs of bits, 16 6-bit scales, 16-bit scale -> Q6_K
 */
import { assert, defined } from '@plimsoll/foundation';
import { nonLinear4Bit } from './quant-tables.data.ts';

interface Widening {
  readonly sourceBytes: number;
  readonly targetBytes: number;
  block(source: Uint8Array, target: Uint8Array): void;
}

const widenings: Readonly<Record<string, Widening>> = {
  Q5_0: { sourceBytes: 22, targetBytes: 34, block: widenQ5 },
  IQ4_NL: { sourceBytes: 18, targetBytes: 34, block: widenIq4 },
  Q3_K: { sourceBytes: 110, targetBytes: 210, block: widenQ3K },
};

/** The same numbers in the blocks of a kernel's format; null for types that are not rewritten this way. */
export function widenBlocks(type: string, bytes: Uint8Array): Uint8Array | null {
  const widening = widenings[type];
  if (widening === undefined) return null;
  const { sourceBytes, targetBytes, block } = widening;
  assert(bytes.byteLength % sourceBytes === 0, `${bytes.byteLength} bytes are no whole blocks of ${type}`);
  const output = new Uint8Array((bytes.byteLength / sourceBytes) * targetBytes);
  for (let index = 0; index * sourceBytes < bytes.byteLength; index++) {
    block(
      bytes.subarray(index * sourceBytes, (index + 1) * sourceBytes),
      output.subarray(index * targetBytes, (index + 1) * targetBytes),
    );
  }
  return output;
}

function at(bytes: Uint8Array, index: number): number {
  return defined(bytes[index], 'a block has all its bytes');
}

function widenQ5(source: Uint8Array, target: Uint8Array): void {
  target.set(source.subarray(0, 2));
  for (let index = 0; index < 32; index++) {
    const packed = at(source, 6 + (index % 16));
    const nibble = index < 16 ? packed & 15 : packed >> 4;
    const fifth = (at(source, 2 + (index >> 3)) >> (index & 7)) & 1;
    target[2 + index] = nibble + 16 * fifth - 16;
  }
}

function widenIq4(source: Uint8Array, target: Uint8Array): void {
  target.set(source.subarray(0, 2));
  for (let index = 0; index < 32; index++) {
    const packed = at(source, 2 + (index % 16));
    target[2 + index] = defined(nonLinear4Bit[index < 16 ? packed & 15 : packed >> 4], 'sixteen values');
  }
}

/** Scale `index` of a Q3_K block: four low bits in the first eight bytes, two high bits in the last four. */
function scaleQ3K(source: Uint8Array, index: number): number {
  const low = at(source, 96 + (index % 8));
  const high = at(source, 104 + (index % 4));
  return ((index < 8 ? low & 15 : low >> 4) | (((high >> (2 * (index >> 2))) & 3) << 4)) - 32;
}

function widenQ3K(source: Uint8Array, target: Uint8Array): void {
  for (let index = 0; index < 256; index++) {
    // Runs of 32 share bytes: four runs of a half of 128 lie in the same 32 bytes, two bits each.
    const [half, run, place] = [index >> 7, (index >> 5) & 3, index & 31];
    const pair = (at(source, 32 + 32 * half + place) >> (2 * run)) & 3;
    const third = (at(source, place) >> (4 * half + run)) & 1;
    const quant = pair + 4 * third - 4 + 32;
    const lowAt = 64 * half + 32 * (run & 1) + place;
    target[lowAt] = (target[lowAt] ?? 0) | ((quant & 15) << (run < 2 ? 0 : 4));
    const highAt = 128 + 32 * half + place;
    target[highAt] = (target[highAt] ?? 0) | ((quant >> 4) << (2 * run));
  }
  for (let index = 0; index < 16; index++) target[192 + index] = scaleQ3K(source, index);
  target.set(source.subarray(108, 110), 208);
}
