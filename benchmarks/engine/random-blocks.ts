/**
 * Generates endless random weights in ggml's block layouts (https://github.com/ggml-org/ggml, ggml-common.h). The
 * quants are random bits. The scales give the weights a standard deviation of about 0.03, which keeps the activations
 * of many layers in range, and no scale is a subnormal half: subnormal numbers would make every engine look slow.
 *
 * A tile of blocks is made once per type and repeated. The number of blocks is a prime larger than any vocabulary, so
 * no two rows of a matrix are alike, and no two logits are equal for that reason.
 */
import { assert, defined } from '@plimsoll/foundation';
import type { Random } from '@plimsoll/foundation/random';
import type { GgmlType } from '@plimsoll/model-files/spec';

const tileBlocks = 262_147;
const deviation = 0.03;

/** Byte offsets of the halves in a block, with their values as multiples of the common scale. */
interface BlockScales {
  /** Standard deviation of a weight whose common scale is 1. */
  readonly deviation: number;
  readonly halves: readonly { readonly offsetBytes: number; readonly factor: number }[];
  /** Quants with a mean of -0.5 get scales of both signs, because rows with a bias would dominate all others. */
  readonly isSigned?: boolean;
}

/** Random bits are uniform: 4 bits have a deviation of 4.6 around 7.5, 5 bits of 9.2 around 15.5, 6 bits of 18.5. */
const blockScales: Readonly<Record<string, BlockScales>> = {
  Q8_0: { deviation: 74, halves: [{ offsetBytes: 0, factor: 1 }] },
  Q4_0: { deviation: 4.6, halves: [{ offsetBytes: 0, factor: 1 }], isSigned: true },
  Q5_0: { deviation: 9.2, halves: [{ offsetBytes: 0, factor: 1 }], isSigned: true },
  Q5_1: {
    deviation: 9.2,
    halves: [
      { offsetBytes: 0, factor: 1 },
      { offsetBytes: 2, factor: -15.5 },
    ],
  },
  // Sub-scales of 6 bits: 36 in the quadratic mean. The minimum subtracts the mean of the quants.
  Q4_K: {
    deviation: 4.6 * 36,
    halves: [
      { offsetBytes: 0, factor: 1 },
      { offsetBytes: 2, factor: 7.5 },
    ],
  },
  Q5_K: {
    deviation: 9.2 * 36,
    halves: [
      { offsetBytes: 0, factor: 1 },
      { offsetBytes: 2, factor: 15.5 },
    ],
  },
  // Sub-scales of 8 bits, limited to a magnitude of 8 to 15: see `narrowSubScales`.
  Q6_K: { deviation: 18.5 * 11.7, halves: [{ offsetBytes: 208, factor: 1 }] },
};

const subScalesOfQ6K = { offsetBytes: 192, count: 16 };

/** An endless stream of random blocks of one type. */
export class BlockStream {
  readonly #tile: Uint8Array;
  #position = 0;

  constructor(type: GgmlType, random: Random) {
    this.#tile = makeTile(type, random);
  }

  /** Yields the next bytes, in pieces that stay valid until the next call. */
  *take(byteCount: number): Generator<Uint8Array> {
    let left = byteCount;
    while (left > 0) {
      const piece = this.#tile.subarray(this.#position, this.#position + left);
      this.#position = (this.#position + piece.length) % this.#tile.length;
      left -= piece.length;
      yield piece;
    }
  }
}

function makeTile(type: GgmlType, random: Random): Uint8Array {
  const scales = defined(blockScales[type.name], `${type.name} has no random blocks`);
  const { blockBytes } = type;
  assert(blockBytes % 2 === 0, 'halves are aligned in every block');
  const tile = randomBytes(tileBlocks * blockBytes, random);
  const halves = new Float16Array(tile.buffer, 0, tile.length / 2);
  const signed = new Int8Array(tile.buffer);
  const common = deviation / scales.deviation;
  for (let start = 0; start < tile.length; start += blockBytes) {
    const size = common * (0.5 + random());
    const scale = scales.isSigned === true && random() < 0.5 ? -size : size;
    for (const { offsetBytes, factor } of scales.halves) halves[(start + offsetBytes) / 2] = scale * factor;
    if (type.name === 'Q6_K') narrowSubScales(signed, start + subScalesOfQ6K.offsetBytes);
  }
  return tile;
}

/** Limits the sub-scales of a block: with sub-scales of up to 127, the common scale would be a subnormal half. */
function narrowSubScales(bytes: Int8Array, start: number): void {
  for (let index = start; index < start + subScalesOfQ6K.count; index++) {
    const value = bytes[index] ?? 0;
    const size = (value & 7) | 8;
    bytes[index] = value < 0 ? -size : size;
  }
}

/** xorshift128 of Marsaglia 2003, seeded: many bytes, fast. */
function randomBytes(length: number, random: Random): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let [x, y, z, w] = [1, 2, 3, 4].map(() => Math.floor(random() * 2 ** 32) | 1) as [
    number,
    number,
    number,
    number,
  ];
  for (let index = 0; index < words.length; index++) {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    words[index] = w;
  }
  return new Uint8Array(words.buffer, 0, length);
}
