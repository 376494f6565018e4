/**
 * The content of a sequence: the token ids of an engine, or a mere number of tokens, for a simulator that has lengths and
 * content ids but no text. Scheduling depends on lengths and on block hashes alone, so both kinds get the same decisions.
 */
import { type BlockHasher, hashWords } from './block-hash.ts';

/** A prompt of which only the length is known, and the content ids of its parts. */
export interface CountedPrompt {
  readonly length: number;
  /**
   * Ids of consecutive parts of `tokensPerId` tokens from the start of the prompt, such as the `hash_ids` of a trace.
   * Prompts with equal leading ids share a prefix. Default: none.
   */
  readonly hashIds?: ArrayLike<number>;
  /** Default 1. */
  readonly tokensPerId?: number;
  /**
   * Id of all tokens after the parts, and of the output. A later turn of a session that repeats the id continues this
   * content. Default: an id of the sequence alone.
   */
  readonly restId?: number;
}

/** Blocks to hash: the chain then covers `blockCount` blocks. */
export interface HashRange {
  readonly blockCount: number;
  readonly blockSize: number;
  /** Everything besides tokens that the block at an index depends on. */
  readonly extraKeyOf: (index: number) => string;
}

export interface SequenceContent {
  /** Token ids; empty if only the number of tokens is known. */
  readonly tokens: readonly number[];
  append(tokens: readonly number[]): void;
  truncate(length: number): void;
  extendHashes(chain: number[], hasher: BlockHasher, range: HashRange): void;
}

class TokenContent implements SequenceContent {
  readonly tokens: number[];

  constructor(tokens: ArrayLike<number>) {
    this.tokens = Array.from(tokens);
  }

  append(tokens: readonly number[]): void {
    for (const token of tokens) this.tokens.push(token);
  }

  truncate(length: number): void {
    this.tokens.length = length;
  }

  extendHashes(chain: number[], hasher: BlockHasher, range: HashRange): void {
    const { blockCount, blockSize, extraKeyOf } = range;
    for (let index = chain.length / hashWords; index < blockCount; index++) {
      const start = index * blockSize;
      const extraKey = extraKeyOf(index);
      hasher.extend(chain, { tokens: this.tokens, start, end: start + blockSize, extraKey });
    }
  }
}

const noTokens: readonly number[] = [];

/** Content without tokens. Its hashes mix content ids instead of token ids, which costs a few operations per block. */
class CountedContent implements SequenceContent {
  readonly tokens = noTokens;
  readonly #prompt: CountedPrompt;
  readonly #restId: number;

  /** `ownId` names the content of this sequence alone. */
  constructor(prompt: CountedPrompt, ownId: number) {
    this.#prompt = prompt;
    // Negative ids, so that the id of a sequence never equals an id of its caller.
    this.#restId = prompt.restId ?? -1 - ownId;
  }

  append(): void {}

  truncate(): void {}

  extendHashes(chain: number[], _hasher: BlockHasher, range: HashRange): void {
    const { hashIds, tokensPerId = 1 } = this.#prompt;
    const { blockCount, blockSize, extraKeyOf } = range;
    const partsEnd = (hashIds?.length ?? 0) * tokensPerId;
    const state: HashState = { a: 1, b: 2, c: 3, d: 4 };
    const at = chain.length;
    if (at > 0) {
      [state.a, state.b] = [chain[at - 4] ?? 0, chain[at - 3] ?? 0];
      [state.c, state.d] = [chain[at - 2] ?? 0, chain[at - 1] ?? 0];
    }
    for (let index = at / hashWords; index < blockCount; index++) {
      const [start, end] = [index * blockSize, (index + 1) * blockSize];
      const parts = Math.min(end, partsEnd);
      for (let part = Math.floor(start / tokensPerId); part * tokensPerId < parts; part++) {
        mixIn(state, hashIds?.[part] ?? 0);
      }
      if (end > partsEnd) mixIn(state, this.#restId);
      const key = extraKeyOf(index);
      for (let unit = 0; unit < key.length; unit++) mixIn(state, key.charCodeAt(unit));
      mixIn(state, index);
      chain.push(state.a, state.b, state.c, state.d);
    }
  }
}

/** The hash of the blocks so far; one object for all blocks, because a long prompt has thousands. */
interface HashState {
  a: number;
  b: number;
  c: number;
  d: number;
}

function mixIn(state: HashState, value: number): void {
  state.a = mix(state.a ^ value);
  state.b = mix(state.b + state.a);
  state.c = mix(state.c ^ state.b ^ (value / 2 ** 32));
  state.d = mix(state.d + state.c);
}

/** The finalizer of MurmurHash3: every bit of the input changes about half of the bits of the output. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** Content of a prompt. `ownId` names content that no other sequence has. */
export function contentOf(prompt: ArrayLike<number> | CountedPrompt, ownId: number): SequenceContent {
  return isCounted(prompt) ? new CountedContent(prompt, ownId) : new TokenContent(prompt);
}

export function isCounted(prompt: ArrayLike<number> | CountedPrompt): prompt is CountedPrompt {
  return !(0 in prompt) && !Array.isArray(prompt) && !ArrayBuffer.isView(prompt);
}
