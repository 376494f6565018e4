/**
 * Jumps over steps that only decode. Between two arrivals and two ends a server repeats one step: every running sequence
 * gets a token. Nothing is decided in such a step, so a simulator need not plan it: it asks for their number and advances
 * by as many as its clock allows. The state is then the state after as many planned steps, block by block.
 */
import { assert, type Seconds } from '@plimsoll/foundation';
import { blocksFor } from './geometry.ts';
import type { Sequence } from './sequence.ts';
import { endIndex, type SequenceMemory, tableOf } from './sequence-memory.ts';
import type { ServingCore } from './serving-core.ts';
import { noTransfers, type Transfers } from './transfers.ts';

/**
 * Number of next steps that give every running sequence one token and do nothing else: no admission, no preemption, no
 * copy of a block, no end. A request that arrives ends the stretch, so a caller with arrivals advances less.
 */
export function quietSteps({ config, memory, running, waiting }: ServingCore): number {
  if (running.length === 0) return 0;
  // With a free place the head of the queue may start in any step.
  if (waiting.length > 0) {
    const mayExpire = config.queueSecondsMax < Number.MAX_VALUE;
    if (running.length < config.runningMax || config.policy.preemptForWaiting || mayExpire) return 0;
  }
  let steps = Infinity;
  for (const sequence of running) {
    // A sequence that receives grows when its blocks arrive, and a caller that waits for this advances less.
    if (sequence.state === 'receiving') continue;
    if (
      sequence.state !== 'decoding' ||
      sequence.firstTokenAt === null ||
      sequence.isPaused ||
      sequence.drafts.length > 0
    )
      return 0;
    if (memory.sharesPartialBlock(sequence)) return 0;
    steps = Math.min(steps, sequence.lengthMax - sequence.length - 1);
    if (steps <= 0) return 0;
  }
  if (steps === Infinity) return 0;
  if (blocksFit(memory, running, steps)) return steps;
  let [fits, tooMany] = [0, steps];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (blocksFit(memory, running, middle)) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/** True if the pools have all blocks of `steps` steps now. Blocks that windows leave meanwhile are not counted. */
function blocksFit(memory: SequenceMemory, running: Iterable<Sequence>, steps: number): boolean {
  for (const { index, pool } of memory.groups) {
    let needed = 0;
    for (const sequence of running) {
      if (sequence.state === 'receiving') continue;
      needed += blocksFor(sequence.length + steps - 1, memory.blockSize) - endIndex(tableOf(sequence, index));
    }
    if (needed > pool.availableCount) return false;
  }
  return true;
}

/** Advances by quiet steps. A run has millions of stretches, so the lists of a stretch are kept for the next. */
export class QuietAdvance {
  readonly #core: ServingCore;
  /** The sequences that decode, in the policy's order. */
  readonly #decoding: Sequence[] = [];
  /** Computed tokens of each sequence after the stretch. */
  readonly #ends: number[] = [];
  /** First sequence of each list below; `none` ends a list. */
  readonly #first: Int32Array;
  /** Sequences with equal tokens in their last block at the start of the stretch: the next one in the policy's order. */
  readonly #next: number[] = [];

  constructor(core: ServingCore) {
    this.#core = core;
    this.#first = new Int32Array(core.config.blockSize);
  }

  /** The last of the `count` steps ends at `now`. Blocks are taken in the order of planned steps. */
  advance(count: number, now: Seconds): void {
    const { memory, running, metrics } = this.#core;
    const decoding = this.#decoding;
    decoding.length = 0;
    for (const sequence of running) if (sequence.state === 'decoding') decoding.push(sequence);
    const transfers = noTransfers();
    if (memory.hasWindows) this.#stepByStep(count, transfers);
    else this.#blockByBlock(count, transfers);
    assert(transfers.blocks.length === 0, 'a quiet step copies no block');
    for (const sequence of decoding) sequence.lastTokenAt = now;
    metrics.steps += count;
    metrics.decodeTokens += count * decoding.length;
    metrics.outputTokens += count * decoding.length;
  }

  #stepByStep(count: number, transfers: Transfers): void {
    const { memory } = this.#core;
    for (let step = 0; step < count; step++) {
      for (const sequence of this.#decoding) growForNext(memory, sequence, transfers);
      for (const sequence of this.#decoding) {
        sequence.length++;
        memory.settleDecode(sequence);
      }
    }
  }

  /**
   * Without windows, a sequence takes and fills blocks only where a block ends, so a step visits the sequences that end a
   * block there: one in `blockSize` of them.
   */
  #blockByBlock(count: number, transfers: Transfers): void {
    const { memory } = this.#core;
    const decoding = this.#decoding;
    for (const sequence of decoding) growForNext(memory, sequence, transfers);
    this.#listByPlace(count);
    const { blockSize } = memory;
    for (let step = 0; step < count; step++) {
      // The sequences whose blocks are full after this step take blocks in the next.
      const first = this.#first[(blockSize - ((step + 1) % blockSize)) % blockSize] ?? none;
      for (let at = first; at !== none; at = this.#next[at] ?? none) {
        const sequence = decoding[at];
        if (sequence !== undefined) fillBlock(memory, sequence);
      }
      if (step + 1 === count) break;
      for (let at = first; at !== none; at = this.#next[at] ?? none) {
        const sequence = decoding[at];
        if (sequence !== undefined) growForNext(memory, sequence, transfers);
      }
    }
    for (let index = 0; index < decoding.length; index++) {
      const sequence = decoding[index];
      if (sequence === undefined) continue;
      sequence.computedTokens = this.#ends[index] ?? 0;
      sequence.length = sequence.computedTokens + 1;
    }
  }

  #listByPlace(count: number): void {
    const { blockSize } = this.#core.memory;
    this.#first.fill(none);
    // From the last sequence on, so that every list is in the policy's order.
    for (let index = this.#decoding.length - 1; index >= 0; index--) {
      const computed = this.#decoding[index]?.computedTokens ?? 0;
      const place = computed % blockSize;
      this.#ends[index] = computed + count;
      this.#next[index] = this.#first[place] ?? none;
      this.#first[place] = index;
    }
  }
}

const none = -1;

/** Computes the tokens up to the end of the block. */
function fillBlock(memory: SequenceMemory, sequence: Sequence): void {
  const end = (Math.floor(sequence.computedTokens / memory.blockSize) + 1) * memory.blockSize;
  sequence.length = end + 1;
  memory.settle(sequence, end);
}

function growForNext(memory: SequenceMemory, sequence: Sequence, transfers: Transfers): void {
  if (sequence.computedTokens < sequence.writableTo) return;
  const hasRoom = memory.grow(sequence, sequence.length, transfers);
  if (!hasRoom) assert(false, `sequence ${sequence.id} finds no block in a quiet step`);
}
