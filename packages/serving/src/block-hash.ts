/**
 * Content hashes of blocks: hash(parent hash, token ids, extra key), 128 bits, chained so that equal hashes mean equal
 * tokens from the very start of the sequence.
 *
 * The function is the compression function of BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), because its
 * shape fits: a chaining value (the parent), sixteen 32-bit words (sixteen tokens), a length. It is cryptographic on
 * purpose. In a shared server, a user who can construct two prompts with one hash reads another user's
 * cache; fast non-cryptographic hashes can be inverted on paper. 128 bits of output: finding any collision takes about
 * 2^64 evaluations, hitting a given prompt about 2^128, and an accident among 2^40 blocks has a chance below 2^-48.
 * Therefore a hit is not compared token by token, and the index need not keep the tokens.
 *
 * Hashes are kept flat, four signed 32-bit words per block, so that a sequence's chain is one array without objects.
 */
import { assert } from '@plimsoll/foundation';

/** Words per hash in a flat chain. */
export const hashWords = 4;

// First 32 bits of the fractional parts of the square roots of the first eight primes (FIPS 180-4, also in BLAKE3).
const initialValue = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

// Row r holds the order in which round r reads the message: the fixed permutation of BLAKE3 applied r times.
const schedule = messageSchedule();

// The four state words of each of the eight quarter rounds: four columns, then four diagonals.
const quarters = Uint8Array.of(
  ...[0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
  ...[0, 5, 10, 15, 1, 6, 11, 12, 2, 7, 8, 13, 3, 4, 9, 14],
);

function messageSchedule(): Uint8Array {
  const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
  const rounds = new Uint8Array(7 * 16);
  for (let word = 0; word < 16; word++) rounds[word] = word;
  for (let at = 16; at < rounds.length; at++) {
    rounds[at] = rounds[at - 16 - (at % 16) + (permutation[at % 16] ?? 0)] ?? 0;
  }
  return rounds;
}

/** Flags that keep different uses of the compression function apart; BLAKE3 itself uses bits 0 to 6. */
const tokenDomain = 1 << 8;
const keyDomain = 1 << 9;
const byteDomain = 1 << 10;

export interface BlockContent {
  readonly tokens: ArrayLike<number>;
  /** The block's tokens are the half-open range [start, end). */
  readonly start: number;
  readonly end: number;
  /** Everything else that the content depends on: adapter, tenant, image. Empty if there is nothing else. */
  readonly extraKey: string;
}

/** Computes hashes. A hasher holds only scratch memory, so each owner has its own hasher and shares no state. */
export class BlockHasher {
  readonly #state = new Int32Array(16);
  readonly #message = new Int32Array(16);
  readonly #chaining = new Int32Array(8);

  /** Appends the hash of one block to `chain`; the last hash in the chain, if any, is the block's parent. */
  extend(chain: number[], content: BlockContent): void {
    const { tokens, start, end, extraKey } = content;
    assert(end > start, 'a block hash covers at least one token');
    const chaining = this.#chaining;
    chaining.set(initialValue);
    for (let word = 0; word < hashWords && chain.length > 0; word++) {
      chaining[word] = chain[chain.length - hashWords + word] ?? 0;
    }
    if (extraKey !== '') this.#absorbKey(extraKey);
    const message = this.#message;
    for (let at = start; at < end; at += 16) {
      const count = Math.min(16, end - at);
      for (let word = 0; word < 16; word++) message[word] = word < count ? (tokens[at + word] ?? 0) : 0;
      this.#absorb(count * 4, tokenDomain);
    }
    for (let word = 0; word < hashWords; word++) chain.push(chaining[word] ?? 0);
  }

  /** 128-bit checksum of bytes, as four words. */
  checksum(content: Uint8Array): Int32Array {
    this.#chaining.set(initialValue);
    const message = this.#message;
    for (let at = 0; at === 0 || at < content.length; at += 64) {
      message.fill(0);
      const count = Math.min(64, content.length - at);
      for (let index = 0; index < count; index++) {
        message[index >> 2] = (message[index >> 2] ?? 0) | ((content[at + index] ?? 0) << (8 * (index % 4)));
      }
      this.#absorb(count, byteDomain);
    }
    return this.#chaining.slice(0, hashWords);
  }

  /** The bare compression function, for the published test vectors: returns the first eight output words. */
  compress(input: { message: ArrayLike<number>; byteCount: number; flags: number }): Int32Array {
    this.#chaining.set(initialValue);
    this.#message.set(input.message);
    this.#absorb(input.byteCount, input.flags);
    return this.#chaining.slice();
  }

  // UTF-16 units, two per word, with the unit count in front so that "a" + "" and "" + "a" differ.
  #absorbKey(key: string): void {
    const message = this.#message;
    for (let at = 0; at < key.length; at += 30) {
      message.fill(0);
      message[0] = key.length;
      const count = Math.min(30, key.length - at);
      for (let unit = 0; unit < count; unit++) {
        const word = 1 + (unit >> 1);
        message[word] = (message[word] ?? 0) | (key.charCodeAt(at + unit) << (16 * (unit % 2)));
      }
      this.#absorb(4 + count * 2, keyDomain);
    }
  }

  /** chaining = compress(chaining, message): seven rounds of eight quarter rounds. */
  #absorb(byteCount: number, flags: number): void {
    const state = this.#state;
    const message = this.#message;
    const chaining = this.#chaining;
    state.set(chaining);
    for (let word = 0; word < 4; word++) state[8 + word] = initialValue[word] ?? 0;
    state[12] = 0;
    state[13] = 0;
    state[14] = byteCount;
    state[15] = flags;
    for (let round = 0; round < 112; round += 16) {
      for (let quarter = 0; quarter < 8; quarter++) {
        const ia = quarters[quarter * 4] ?? 0;
        const ib = quarters[quarter * 4 + 1] ?? 0;
        const ic = quarters[quarter * 4 + 2] ?? 0;
        const id = quarters[quarter * 4 + 3] ?? 0;
        const x = message[schedule[round + quarter * 2] ?? 0] ?? 0;
        const y = message[schedule[round + quarter * 2 + 1] ?? 0] ?? 0;
        let a = state[ia] ?? 0;
        let b = state[ib] ?? 0;
        let c = state[ic] ?? 0;
        let d = state[id] ?? 0;
        a = (a + b + x) | 0;
        d ^= a;
        d = (d >>> 16) | (d << 16);
        c = (c + d) | 0;
        b ^= c;
        b = (b >>> 12) | (b << 20);
        a = (a + b + y) | 0;
        d ^= a;
        d = (d >>> 8) | (d << 24);
        c = (c + d) | 0;
        b ^= c;
        b = (b >>> 7) | (b << 25);
        state[ia] = a;
        state[ib] = b;
        state[ic] = c;
        state[id] = d;
      }
    }
    for (let word = 0; word < 8; word++) chaining[word] = (state[word] ?? 0) ^ (state[8 + word] ?? 0);
  }
}
