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

/** Advances by `count` quiet steps, the last of which ends at `now`. Blocks are taken in the order of planned steps. */
export function advance({ memory, running, metrics }: ServingCore, count: number, now: Seconds): void {
  const decoding = Array.from(running).filter(({ state }) => state === 'decoding');
  const transfers = noTransfers();
  if (memory.hasWindows) stepByStep(memory, decoding, { count, transfers });
  else blockByBlock(memory, decoding, { count, transfers });
  assert(transfers.blocks.length === 0, 'a quiet step copies no block');
  for (const sequence of decoding) sequence.lastTokenAt = now;
  metrics.steps += count;
  metrics.decodeTokens += count * decoding.length;
  metrics.outputTokens += count * decoding.length;
}

interface Stretch {
  readonly count: number;
  readonly transfers: Transfers;
}

function stepByStep(
  memory: SequenceMemory,
  decoding: readonly Sequence[],
  { count, transfers }: Stretch,
): void {
  for (let step = 0; step < count; step++) {
    for (const sequence of decoding) growForNext(memory, sequence, transfers);
    for (const sequence of decoding) {
      sequence.length++;
      memory.settleDecode(sequence);
    }
  }
}

/**
 * Without windows, a sequence takes and fills blocks only where a block ends, so a step visits the sequences that end a
 * block there: one in `blockSize` of them.
 */
function blockByBlock(
  memory: SequenceMemory,
  decoding: readonly Sequence[],
  { count, transfers }: Stretch,
): void {
  const { blockSize } = memory;
  const ends = decoding.map(({ computedTokens }) => computedTokens + count);
  /** By the computed tokens of the last block at the start. */
  const places: Sequence[][] = Array.from({ length: blockSize }, () => []);
  for (const sequence of decoding) {
    places[sequence.computedTokens % blockSize]?.push(sequence);
    growForNext(memory, sequence, transfers);
  }
  for (let step = 0; step < count; step++) {
    // The sequences whose blocks are full after this step take blocks in the next.
    const full = places[(blockSize - ((step + 1) % blockSize)) % blockSize] ?? [];
    for (const sequence of full) {
      const end = (Math.floor(sequence.computedTokens / blockSize) + 1) * blockSize;
      sequence.length = end + 1;
      memory.settle(sequence, end);
    }
    if (step + 1 < count) for (const sequence of full) growForNext(memory, sequence, transfers);
  }
  for (const [index, sequence] of decoding.entries()) {
    sequence.computedTokens = ends[index] ?? 0;
    sequence.length = sequence.computedTokens + 1;
  }
}

function growForNext(memory: SequenceMemory, sequence: Sequence, transfers: Transfers): void {
  if (sequence.computedTokens < sequence.writableTo) return;
  const hasRoom = memory.grow(sequence, sequence.length, transfers);
  if (!hasRoom) assert(false, `sequence ${sequence.id} finds no block in a quiet step`);
}
