/**
 * A grammar for one tokenizer: which tokens may come next, and where a token leads. No state lives here that a
 * sequence depends on, so one matcher serves any number of sequences.
 *
 * Every text ends: with a budget of tokens, only those are allowed after which the nearest end can still be reached by
 * single bytes (each of which is a token) and one end token. What is chosen is the model's business until the budget
 * leaves no choice.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { Automaton, type GrammarState } from './automaton.ts';
import type { Grammar } from './grammar.ts';
import type { TokenTrie } from './token-trie.ts';
import { MASK_BYTES_MAX } from './work-limits.ts';

/** A bit for each token: bit `id & 31` of word `id >> 5`. */
export type TokenMask = Uint32Array;

interface KnownMask {
  readonly mask: TokenMask;
  /** The farthest that any allowed token leads from an end. */
  readonly bytesToEndMax: number;
}

export class GrammarMatcher {
  readonly start: GrammarState;
  readonly trie: TokenTrie;
  readonly #automaton: Automaton;
  readonly #masks = new Map<GrammarState, KnownMask>();
  /** Of the masks and of the states that they belong to. */
  #maskBytes = 0;
  readonly #endTokens: ReadonlySet<number>;
  /** The state after the end token: nothing may follow. */
  readonly #ended: GrammarState = { places: [], accepting: true, bytesToEnd: 0, sizeBytes: 0, next: [] };
  /** The state at each depth of a walk. */
  readonly #path: GrammarState[] = [];

  constructor(grammar: Grammar, trie: TokenTrie) {
    this.trie = trie;
    this.#automaton = new Automaton(grammar.network, trie.usableBytes);
    this.#endTokens = new Set(trie.endTokens);
    this.start = this.#automaton.start;
  }

  /** Fewest tokens for which a whole text and its end token are sure to fit. */
  get tokensMin(): number {
    return this.start.bytesToEnd + 1;
  }

  /**
   * The tokens that may come next. With `tokensLeft`, the tokens that may still be generated with the end token
   * counted, the text is sure to end in time. Do not change the array: it is shared.
   */
  mask(state: GrammarState, tokensLeft: number = Infinity): TokenMask {
    if (state.bytesToEnd + 1 > tokensLeft) throw budgetTooSmall(state.bytesToEnd + 1, tokensLeft);
    this.#automaton.allowToken();
    let known = this.#masks.get(state);
    if (known === undefined) {
      known = this.#walk(state, Infinity);
      this.#remember(state, known);
    }
    return known.bytesToEndMax + 2 <= tokensLeft ? known.mask : this.#walk(state, tokensLeft - 2).mask;
  }

  /** The oldest go first; a state that comes back costs one walk. */
  #remember(state: GrammarState, known: KnownMask): void {
    this.#masks.set(state, known);
    this.#maskBytes += state.sizeBytes + known.mask.byteLength;
    for (const [oldest, { mask }] of this.#masks) {
      if (this.#maskBytes <= MASK_BYTES_MAX || oldest === state) return;
      this.#masks.delete(oldest);
      this.#maskBytes -= oldest.sizeBytes + mask.byteLength;
    }
  }

  /** The state after one more token, which must be one that the mask allows. */
  advance(state: GrammarState, token: number): GrammarState {
    if (this.#endTokens.has(token)) {
      if (!state.accepting) throw refused(token, 'the text is not complete');
      return this.#ended;
    }
    const bytes = this.trie.textOf(token);
    if (bytes === null) throw refused(token, 'it has no text');
    let reached: GrammarState | null = state;
    for (const byte of bytes) {
      reached = this.#automaton.step(reached, byte);
      if (reached === null) throw refused(token, 'the grammar does not allow it here');
    }
    return reached;
  }

  /** True when nothing but an end token may come next. */
  isComplete(state: GrammarState): boolean {
    return state.accepting && state.places.length === 0;
  }

  #walk(state: GrammarState, bytesToEndLimit: number): KnownMask {
    const { size, bytes, depths, subtreeEnds, firstTokens, tokens, vocabSize, endTokens } = this.trie;
    const automaton = this.#automaton;
    const { classOf } = automaton.classes;
    const path = this.#path;
    const mask = new Uint32Array(Math.ceil(vocabSize / 32));
    let bytesToEndMax = 0;
    path[0] = state;
    for (let node = 0; node < size; ) {
      const depth = depths[node] as number;
      const byte = bytes[node] as number;
      const from = path[depth] as GrammarState;
      // The table is asked here first: a call for each of 400,000 nodes would take most of the time.
      let next = from.next[classOf[byte] as number];
      if (next === undefined) next = automaton.step(from, byte);
      if (next === null) {
        node = subtreeEnds[node] as number;
        continue;
      }
      path[depth + 1] = next;
      const { bytesToEnd } = next;
      if (bytesToEnd <= bytesToEndLimit) {
        const tokensEnd = firstTokens[node + 1] as number;
        for (let index = firstTokens[node] as number; index < tokensEnd; index++) {
          const token = tokens[index] as number;
          mask[token >>> 5] = (mask[token >>> 5] as number) | (1 << (token & 31));
          if (bytesToEnd > bytesToEndMax) bytesToEndMax = bytesToEnd;
        }
      }
      node++;
    }
    if (state.accepting) {
      for (const token of endTokens) mask[token >>> 5] = (mask[token >>> 5] as number) | (1 << (token & 31));
    }
    return { mask, bytesToEndMax };
  }
}

function budgetTooSmall(needed: number, tokensLeft: number): PlimsollError {
  return new PlimsollError({
    code: 'grammar-budget-too-small',
    message: `The shortest text that fits the grammar from here may take ${needed} tokens; ${tokensLeft} are left.`,
    value: tokensLeft,
    limit: needed,
    hint: 'Raise the limit of output tokens.',
  });
}

function refused(token: number, reason: string): PlimsollError {
  return new PlimsollError({
    code: 'grammar-token-refused',
    message: `Token ${token} cannot come next: ${reason}.`,
    value: token,
    hint: 'Draw only from the tokens of mask().',
  });
}
