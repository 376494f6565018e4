/**
 * Defines the bytes of each weight format. A block in memory has the layout of a file; the order of the f32 operations
 * is that of ggml, so that results equal those of the `gguf` Python package bit for bit.
 */
import { type KernelWeightFormat, weightFormats } from '../formats.ts';
import type { ArenaView } from './arena-view.ts';

type BlockReader = (arena: ArenaView, block: number, output: Float32Array) => void;

const float32Block: BlockReader = (arena, block, output) => {
  output[0] = arena.data.getFloat32(block, true);
};

const float16Block: BlockReader = (arena, block, output) => {
  output[0] = arena.half(block);
};

const brainBlock: BlockReader = (arena, block, output) => {
  const word = new DataView(new ArrayBuffer(4));
  word.setUint32(0, arena.data.getUint16(block, true) << 16);
  output[0] = word.getFloat32(0);
};

/** d: f16, then 32 signed bytes. */
const q8_0Block: BlockReader = (arena, block, output) => {
  const d = arena.half(block);
  for (let i = 0; i < 32; i++) output[i] = d * arena.signedByte(block + 2 + i);
};

/** d: f16, then 16 bytes: low nibbles are elements 0 to 15, high nibbles 16 to 31, each minus 8. */
const q4_0Block: BlockReader = (arena, block, output) => {
  const d = arena.half(block);
  for (let i = 0; i < 16; i++) {
    const pair = arena.byte(block + 2 + i);
    output[i] = d * ((pair & 15) - 8);
    output[i + 16] = d * ((pair >> 4) - 8);
  }
};

/**
 * d, m: f16; for q5_1 one word with the fifth bits of the 32 elements; then 16 bytes: low nibbles are elements 0 to 15,
 * high nibbles 16 to 31.
 */
function minimumBlock(hasFifthBits: boolean): BlockReader {
  return (arena, block, output) => {
    const d = arena.half(block);
    const m = arena.half(block + 2);
    const fifths = hasFifthBits ? arena.data.getUint32(block + 4, true) : 0;
    const nibbles = block + (hasFifthBits ? 8 : 4);
    for (let i = 0; i < 32; i++) {
      const nibble = (arena.byte(nibbles + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;
      output[i] = Math.fround(d * (nibble | (((fifths >>> i) & 1) << 4))) + m;
    }
  };
}

/** d: f16; one word with the fifth bits of the 32 elements; nibbles as in q5_1. Each element minus 16. */
const q5_0Block: BlockReader = (arena, block, output) => {
  const d = arena.half(block);
  const fifths = arena.data.getUint32(block + 2, true);
  for (let i = 0; i < 32; i++) {
    const nibble = (arena.byte(block + 6 + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;
    output[i] = d * ((nibble | (((fifths >>> i) & 1) << 4)) - 16);
  }
};

/** Unpacks one of eight 6-bit scales and one of eight 6-bit minima from 12 bytes. */
function scaleAndMinimum(arena: ArenaView, packed: number, sub: number): [scale: number, minimum: number] {
  const at = (index: number): number => arena.byte(packed + index);
  if (sub < 4) return [at(sub) & 63, at(sub + 4) & 63];
  return [(at(sub + 4) & 15) | ((at(sub - 4) >> 6) << 4), (at(sub + 4) >> 4) | ((at(sub) >> 6) << 4)];
}

/**
 * d, dmin: f16; 12 bytes of scales; for q5_K 32 bytes of fifth bits (bit s: sub-block s); 128 bytes of nibbles, of
 * which each 32 bytes hold sub-block 2j in the low halves and 2j + 1 in the high halves.
 */
function nibbleSuperBlock(hasFifthBits: boolean): BlockReader {
  return (arena, block, output) => {
    const d = arena.half(block);
    const dmin = arena.half(block + 2);
    const nibbles = block + (hasFifthBits ? 48 : 16);
    for (let sub = 0; sub < 8; sub++) {
      const [scale, minimum] = scaleAndMinimum(arena, block + 4, sub);
      const step = Math.fround(d * scale);
      const offset = Math.fround(dmin * minimum);
      for (let i = 0; i < 32; i++) {
        const fifth = hasFifthBits ? ((arena.byte(block + 16 + i) >> sub) & 1) << 4 : 0;
        const nibble = (arena.byte(nibbles + 32 * (sub >> 1) + i) >> (4 * (sub & 1))) & 15;
        output[32 * sub + i] = Math.fround(step * (nibble | fifth)) - offset;
      }
    }
  };
}

/** 128 bytes of nibbles, 64 bytes of bit pairs, 16 signed scales, d: f16. The loop shows the runs. */
const q6_KBlock: BlockReader = (arena, block, output) => {
  const d = arena.half(block + 208);
  for (let i = 0; i < 256; i++) {
    const half = i >> 7;
    const run = (i >> 5) & 3;
    const low = arena.byte(block + 64 * half + 32 * (run & 1) + (i & 31)) >> (4 * (run >> 1));
    const high = arena.byte(block + 128 + 32 * half + (i & 31)) >> (2 * run);
    const quant = ((low & 15) | ((high & 3) << 4)) - 32;
    output[i] = Math.fround(d * arena.signedByte(block + 192 + (i >> 4))) * quant;
  }
};

const readers: Readonly<Record<KernelWeightFormat, BlockReader>> = {
  f32: float32Block,
  f16: float16Block,
  bf16: brainBlock,
  q8_0: q8_0Block,
  q4_0: q4_0Block,
  q4_1: minimumBlock(false),
  q5_0: q5_0Block,
  q5_1: minimumBlock(true),
  q4_K: nibbleSuperBlock(false),
  q5_K: nibbleSuperBlock(true),
  q6_K: q6_KBlock,
};

/** Dequantises `count` elements from byte offset `source`, a whole number of blocks in the order of a file. */
export function dequantise(
  arena: ArenaView,
  format: KernelWeightFormat,
  source: number,
  count: number,
): Float32Array {
  const { blockElements, blockBytes } = weightFormats[format];
  const output = new Float32Array(count);
  for (let i = 0; i < count; i += blockElements) {
    readers[format](arena, source + (i / blockElements) * blockBytes, output.subarray(i, i + blockElements));
  }
  return output;
}
