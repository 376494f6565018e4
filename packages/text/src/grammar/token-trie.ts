/**
 * All tokens of a vocabulary as a tree over their bytes, laid out depth first in flat arrays: one walk finds every
 * token that a grammar allows, and a byte that it does not allow skips all tokens that begin so. Made once for a
 * tokenizer and shared by all grammars; about 12 bytes for each byte of a token that is not shared with another.
 */
import { assert } from '@plimsoll/foundation';

/** The part of a tokenizer that the trie reads. */
export interface GrammarTokenizer {
  readonly vocabSize: number;
  readonly specialTokens: { readonly endOfGeneration: ReadonlySet<number> };
  tokenBytes(id: number): Uint8Array;
  isSpecial(id: number): boolean;
}

/** Constrained text never has longer tokens (runs of spaces, long words); depths then fit into a byte. */
const TOKEN_BYTES_MAX = 255;

export class TokenTrie {
  readonly vocabSize: number;
  readonly endTokens: readonly number[];
  /** Bytes that some token consists of: every text over these can be written. */
  readonly usableBytes: readonly boolean[];
  /** Number of nodes; the root is not among them. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly depths: Uint8Array;
  /** The node after the last one below this one. */
  readonly subtreeEnds: Int32Array;
  /** Node i's tokens are tokens[firstTokens[i]] up to, not including, tokens[firstTokens[i + 1]]. */
  readonly firstTokens: Int32Array;
  readonly tokens: Int32Array;
  readonly #tokenBytes: (id: number) => Uint8Array;

  constructor(tokenizer: GrammarTokenizer) {
    this.vocabSize = tokenizer.vocabSize;
    this.endTokens = [...tokenizer.specialTokens.endOfGeneration].sort((a, b) => a - b);
    this.#tokenBytes = (id) => tokenizer.tokenBytes(id);
    const entries: { id: number; bytes: Uint8Array }[] = [];
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      if (tokenizer.isSpecial(id) || tokenizer.specialTokens.endOfGeneration.has(id)) continue;
      const bytes = tokenizer.tokenBytes(id);
      if (bytes.length > 0 && bytes.length <= TOKEN_BYTES_MAX) entries.push({ id, bytes });
    }
    entries.sort((a, b) => compareBytes(a.bytes, b.bytes) || a.id - b.id);
    const usable = new Array<boolean>(256).fill(false);
    for (const { bytes } of entries) if (bytes.length === 1) usable[bytes[0] as number] = true;
    this.usableBytes = usable;

    const capacity = entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const nodeBytes = new Uint8Array(capacity);
    const depths = new Uint8Array(capacity);
    const firstTokens = new Int32Array(capacity + 1);
    this.tokens = Int32Array.from(entries, ({ id }) => id);
    let size = 0;
    let previous = new Uint8Array(0);
    for (const [index, { bytes }] of entries.entries()) {
      const common = commonPrefix(previous, bytes);
      for (let depth = common; depth < bytes.length; depth++) {
        nodeBytes[size] = bytes[depth] as number;
        depths[size] = depth;
        firstTokens[size] = index;
        size++;
      }
      previous = Uint8Array.from(bytes);
    }
    firstTokens[size] = entries.length;
    this.size = size;
    this.bytes = nodeBytes.slice(0, size);
    this.depths = depths.slice(0, size);
    this.firstTokens = firstTokens.slice(0, size + 1);
    this.subtreeEnds = subtreeEnds(this.depths);
  }

  /** The bytes of a token, or null for one that no constrained text may have. */
  textOf(token: number): Uint8Array | null {
    assert(token >= 0 && token < this.vocabSize, `token ${token} of ${this.vocabSize}`);
    const bytes = this.#tokenBytes(token);
    return bytes.length > 0 && bytes.length <= TOKEN_BYTES_MAX ? bytes : null;
  }
}

function subtreeEnds(depths: Uint8Array): Int32Array {
  const ends = new Int32Array(depths.length);
  // The node that comes next at each depth or above it, looking from the end.
  const nextAtMost = new Int32Array(TOKEN_BYTES_MAX + 1).fill(depths.length);
  for (let node = depths.length - 1; node >= 0; node--) {
    const depth = depths[node] as number;
    ends[node] = nextAtMost[depth] as number;
    nextAtMost.fill(node, depth);
  }
  return ends;
}

function commonPrefix(first: Uint8Array, second: Uint8Array): number {
  const most = Math.min(first.length, second.length);
  let length = 0;
  while (length < most && first[length] === second[length]) length++;
  return length;
}

function compareBytes(first: Uint8Array, second: Uint8Array): number {
  const common = commonPrefix(first, second);
  return (first[common] ?? -1) - (second[common] ?? -1);
}
