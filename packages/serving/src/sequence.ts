/**
 * One generation as a pure state machine: its tokens, how many of them are in the cache, and what it holds.
 *
 *   position   0 ........... computed ........... known .......... known + drafts
 *              |  in cache   |   to compute       |  to verify     |
 *              |  [0, computed)  [computed, known)   [known, known + drafts)
 *
 * Between steps computed < known for every live sequence: at least the last token is still to be computed, because its
 * logits give the next one. A decoding sequence has exactly one such token, a prefilling one has any number.
 *
 *   waiting ----> prefilling ----> decoding ----> finished          (every state can be aborted into finished)
 *                   |     ^          |     ^
 *                   v     |          v     |
 *                   +------ preempted -----+
 *
 *   waiting, preempted ----> receiving ----> prefilling or decoding       its blocks come from elsewhere
 *   prefilling, decoding ----> sending ----> finished                     its blocks leave for elsewhere
 *
 * A receiving sequence holds the blocks that a transport fills; steps exclude it until they have arrived. A sending
 * sequence has all its tokens and keeps its blocks until a transport has read them. Neither is ever preempted.
 *
 * A paused sequence keeps its state and its memory, and steps exclude it. It is preempted first, and then waits outside
 * the queue until it is resumed.
 */
import { assert, type Seconds } from '@plimsoll/foundation';
import { type CountedPrompt, contentOf, type SequenceContent } from './content.ts';
import type { BlockId, SequenceId, StateSlotId } from './ids.ts';

export type SequenceState =
  | 'waiting'
  | 'receiving'
  | 'prefilling'
  | 'decoding'
  | 'preempted'
  | 'sending'
  | 'finished';
/** `expired`: it waited longer than `queueSecondsMax` for its first place. */
export type FinishReason = 'stop' | 'length' | 'aborted' | 'expired';

const transitions: Readonly<Record<SequenceState, readonly SequenceState[]>> = {
  waiting: ['receiving', 'prefilling', 'finished'],
  receiving: ['prefilling', 'decoding', 'finished'],
  prefilling: ['decoding', 'preempted', 'sending', 'finished'],
  decoding: ['preempted', 'sending', 'finished'],
  preempted: ['receiving', 'prefilling', 'decoding', 'finished'],
  sending: ['finished'],
  finished: [],
};

/** Tokens [start, end) depend on more than their ids, for example on the image that they represent. */
export interface KeyedSpan {
  readonly start: number;
  readonly end: number;
  readonly key: string;
}

export interface ServingRequest {
  /** Token ids, or only their number, for a simulator. */
  readonly prompt: ArrayLike<number> | CountedPrompt;
  readonly outputTokensMax: number;
  /** Higher priority runs first, under a policy that uses priorities. Default 0. */
  readonly priority?: number;
  /** Everything besides tokens that the whole cache content depends on: adapter, tenant. Default: nothing. */
  readonly extraKey?: string;
  /** The tenant, for rank rules that share service between tenants. Default: the empty name. */
  readonly tenant?: string;
  /** Continues accepted work, so a full queue does not refuse it. */
  readonly continues?: boolean;
  readonly spans?: readonly KeyedSpan[];
  /** Computes every token instead of reading a cached prefix, for results that the cache does not hold. */
  readonly computesWhole?: boolean;
  /** Another scheduler computes all tokens but the last; their blocks come from there (`Scheduler.arrive`). */
  readonly receives?: boolean;
  /** Keeps its blocks after its last token until another scheduler has them (`Scheduler.sent`). */
  readonly sends?: boolean;
}

/** The blocks of one cache group, in order. Block `index` of the sequence is blocks[index - firstIndex]. */
export interface BlockTable {
  /** Blocks before this one have left the sliding window and are gone; 0 without a window. */
  firstIndex: number;
  readonly blocks: BlockId[];
}

/** The blocks of a preempted sequence in host memory. */
export interface SpilledMemory {
  readonly computedTokens: number;
  /** Tables of host blocks, one per group. */
  readonly tables: readonly BlockTable[];
  readonly stateSlot: StateSlotId | null;
}

/** The part of a sequence that an engine may read. */
export interface SequenceView {
  readonly id: SequenceId;
  readonly state: SequenceState;
  readonly finishReason: FinishReason | null;
  /** Known tokens: prompt and output. Empty if the request gave only their number. */
  readonly tokens: readonly number[];
  /** Number of known tokens. */
  readonly length: number;
  readonly promptLength: number;
  readonly computedTokens: number;
  /** Of a receiving sequence: the tokens that are in the cache once its blocks have arrived. Otherwise 0. */
  readonly receivesTo: number;
  readonly drafts: readonly number[];
  /** True if the drafts are places that `Scheduler.propose` will fill. */
  readonly awaitsDrafts: boolean;
  readonly priority: number;
  readonly extraKey: string;
  readonly tenant: string;
  /** True while steps exclude the sequence. */
  readonly isPaused: boolean;
  readonly submittedAt: Seconds;
  /** Time of its first admission. */
  readonly admittedAt: Seconds | null;
  /** When its first sampled token was committed. */
  readonly firstTokenAt: Seconds | null;
  /** When its latest sampled token was committed. */
  readonly lastTokenAt: Seconds | null;
  readonly finishedAt: Seconds | null;
  /** Tokens that the prefix cache had at its first admission. */
  readonly cachedTokens: number;
  readonly preemptionCount: number;
  /** One table per cache group. Steps may change them, also in the middle: read them again for each step. */
  readonly tables: readonly { readonly firstIndex: number; readonly blocks: readonly BlockId[] }[];
  readonly stateSlot: StateSlotId | null;
}

const noDrafts: readonly number[] = [];

export interface SequenceOrigin {
  readonly id: SequenceId;
  readonly request: ServingRequest;
  /** Position in the policy's order; the smallest is served first, ties are broken by id. */
  readonly rank: number;
  readonly submittedAt: Seconds;
  readonly groupCount: number;
  /** End of the prompt, if the request's tokens also contain a parent's output. Default: all tokens are prompt. */
  readonly promptLength?: number;
}

export class Sequence implements SequenceView {
  // Every step reads or writes the first nine fields of every sequence; together they fill two cache lines.
  length: number;
  computedTokens = 0;
  /**
   * The blocks of [computedTokens, writableTo) have one owner and no hash in every group, so that a step can write these
   * tokens without asking the pools. Never more than the tables hold; 0 if that is not known.
   */
  writableTo = 0;
  /** Tokens of the step in flight; 0 when this sequence is not in it. */
  scheduledTokens = 0;
  /** Maximum number of tokens, including the prompt. */
  readonly lengthMax: number;
  lastTokenAt: Seconds | null = null;
  drafts: readonly number[] = noDrafts;
  isPaused = false;
  #state: SequenceState = 'waiting';
  readonly id: SequenceId;
  readonly content: SequenceContent;
  readonly promptLength: number;
  readonly priority: number;
  readonly rank: number;
  readonly extraKey: string;
  readonly tenant: string;
  readonly continues: boolean;
  readonly spans: readonly KeyedSpan[];
  readonly computesWhole: boolean;
  readonly sends: boolean;
  /** True until its blocks have arrived. */
  receives: boolean;
  readonly submittedAt: Seconds;
  readonly tables: readonly BlockTable[];
  admittedAt: Seconds | null = null;
  firstTokenAt: Seconds | null = null;
  finishedAt: Seconds | null = null;
  cachedTokens = 0;
  /** Output tokens that the rank rule counted in advance. */
  outputExpected = 0;
  /** Later sequences that were admitted while this sequence was the head of the queue and did not fit. */
  overtakenCount = 0;
  finishReason: FinishReason | null = null;
  preemptionCount = 0;
  receivesTo = 0;
  /** Full blocks from the start that carry their content hash; the same in every group. */
  publishedBlocks = 0;
  /** Flat hash chain of the full blocks of known tokens, extended when needed. */
  readonly hashes: number[] = [];
  awaitsDrafts = false;
  stateSlot: StateSlotId | null = null;
  spilled: SpilledMemory | null = null;

  constructor(origin: SequenceOrigin) {
    const { request } = origin;
    this.id = origin.id;
    const { prompt } = request;
    this.content = contentOf(prompt, origin.id);
    this.length = prompt.length;
    this.promptLength = origin.promptLength ?? this.length;
    this.lengthMax = this.length + request.outputTokensMax;
    this.priority = request.priority ?? 0;
    this.rank = origin.rank;
    this.extraKey = request.extraKey ?? '';
    this.tenant = request.tenant ?? '';
    this.continues = request.continues ?? false;
    this.spans = request.spans ?? [];
    this.computesWhole = request.computesWhole ?? false;
    this.receives = request.receives ?? false;
    this.sends = request.sends ?? false;
    this.submittedAt = origin.submittedAt;
    const tables: BlockTable[] = [];
    for (let group = 0; group < origin.groupCount; group++) tables.push({ firstIndex: 0, blocks: [] });
    this.tables = tables;
  }

  get state(): SequenceState {
    return this.#state;
  }

  /** True while it is in the running set, and so may hold device memory. */
  get isRunning(): boolean {
    const state = this.#state;
    return state === 'prefilling' || state === 'decoding' || state === 'receiving';
  }

  get tokens(): readonly number[] {
    return this.content.tokens;
  }

  get uncomputedTokens(): number {
    return this.length - this.computedTokens;
  }

  append(tokens: readonly number[]): void {
    this.content.append(tokens);
    this.length += tokens.length;
  }

  /** Drops the tokens from `length` on. */
  truncate(length: number): void {
    this.content.truncate(length);
    this.length = length;
  }

  become(next: SequenceState): void {
    if (!transitions[this.#state].includes(next)) {
      assert(false, `sequence ${this.id} cannot go from ${this.#state} to ${next}`);
    }
    if (next === 'decoding' && this.uncomputedTokens > 1) {
      assert(false, `sequence ${this.id} decodes before its prefill is done`);
    }
    this.#state = next;
  }

  /** Copies the tokens, limits and rank into a new sequence that holds no blocks. */
  copy(id: SequenceId): Sequence {
    const { tokens, length, priority, extraKey, tenant, spans, computesWhole } = this;
    const { rank, submittedAt, promptLength } = this;
    assert(tokens.length === length, `sequence ${this.id} has no tokens to copy`);
    const request = {
      prompt: tokens,
      outputTokensMax: this.lengthMax - length,
      ...{ priority, extraKey, tenant, spans, computesWhole },
      continues: true,
    };
    const copy = new Sequence({
      id,
      request,
      rank,
      submittedAt,
      promptLength,
      groupCount: this.tables.length,
    });
    for (const word of this.hashes) copy.hashes.push(word);
    return copy;
  }

  /** Everything that block `index` depends on besides its own and earlier tokens; empty for nearly every block. */
  extraKeyOf(index: number, blockSize: number): string {
    let key = index === 0 ? keyOfPrompt(this.extraKey) : '';
    const start = index * blockSize;
    for (const span of this.spans) {
      if (span.start < start + blockSize && span.end > start) {
        key += `\n${span.start - start}:${span.key.length}:${span.key}`;
      }
    }
    return key;
  }
}

/** The part of the first block's key that the extra key of a request makes. */
export function keyOfPrompt(extraKey: string): string {
  return extraKey === '' ? '' : `${extraKey.length}:${extraKey}`;
}

/** Orders by rank, then by submission. A total order, so that plans are reproducible. */
export function compareSequences(left: Sequence, right: Sequence): number {
  return left.rank - right.rank || left.id - right.id;
}
