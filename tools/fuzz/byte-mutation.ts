/** Damages bytes without knowledge of the format, like a bad disk, a broken download or a hex editor. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { chance, pick, wholeEdges } from './chance.ts';

export interface DamagedBytes {
  readonly bytes: Uint8Array;
  readonly what: string;
}

/** `headBytes`: the range that gets most of the damage, because the bytes after it are data. */
export function damaged(bytes: Uint8Array, headBytes: number, random: Random): DamagedBytes {
  const at = randomInteger(random, 0, chance(random, 0.8) ? Math.min(headBytes, bytes.length) : bytes.length);
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const kinds: readonly (() => DamagedBytes)[] = [
    () => {
      const bit = randomInteger(random, 0, 8);
      copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      return { bytes: copy, what: `bit ${bit} of byte ${at} flipped` };
    },
    () => {
      const value = randomInteger(random, 0, 256);
      copy[at] = value;
      return { bytes: copy, what: `byte ${at} set to ${value}` };
    },
    () => ({ bytes: copy.slice(0, at), what: `cut off at byte ${at}` }),
    () => {
      const value = pick(random, wholeEdges);
      if (at + 8 <= copy.length) view.setBigUint64(at, BigInt(value), true);
      return { bytes: copy, what: `64 bits at ${at} set to ${value}` };
    },
    () => {
      const value = pick(random, wholeEdges);
      if (at + 4 <= copy.length) view.setUint32(at, value, true);
      return { bytes: copy, what: `32 bits at ${at} set to ${value}` };
    },
    () => {
      const length = randomInteger(random, 1, 64);
      const rest = copy.subarray(at + length);
      return { bytes: joined(copy.subarray(0, at), rest), what: `${length} bytes at ${at} taken out` };
    },
    () => {
      const length = randomInteger(random, 1, 64);
      const piece = copy.slice(at, at + length);
      return {
        bytes: joined(copy.subarray(0, at), piece, copy.subarray(at)),
        what: `${length} bytes at ${at} written twice`,
      };
    },
  ];
  return pick(random, kinds)();
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
