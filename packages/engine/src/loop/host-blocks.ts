/**
 * KV blocks of preempted sequences in host memory. The scheduler says which block goes where; this file knows where the
 * bytes lie:
 *
 *   pool   [ group 0: block 0 | block 1 | ... ][ group 1: block 0 | ... ]      a block: its layers, then the draft's layers
 *
 * On this engine arenas are host memory too, so a larger cache serves the same purpose better. Spilling is for engines
 * whose arenas are scarcer than host memory.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { SchedulingPolicy } from '@plimsoll/serving';
import type { Forward } from '../forward/forward.ts';
import type { PinnedAllocator, PinnedBlock } from '../memory/pinned-allocator.ts';

export class HostBlocks {
  /** Blocks of each group that fit. */
  readonly blockCount: number;
  readonly #forwards: readonly Forward[];
  readonly #blockBytes: readonly number[];
  readonly #pinned: PinnedAllocator;
  #pool: PinnedBlock | null;

  /** The forward pass of the model, and that of a draft model. */
  constructor(plan: EngineMemoryPlan, pinned: PinnedAllocator, forwards: readonly Forward[]) {
    this.#forwards = forwards;
    this.#pinned = pinned;
    this.#blockBytes = plan.blockGroups.map((_, group) =>
      forwards.reduce((sum, forward) => sum + forward.blockBytes(group), 0),
    );
    const each = this.#blockBytes.reduce((sum, bytes) => sum + bytes, 0);
    this.blockCount = each === 0 ? 0 : Math.floor(pinned.poolBytes / each);
    const bytes = this.blockCount * each;
    this.#pool = bytes === 0 ? null : pinned.allocate({ tag: 'spilled blocks', bytes });
  }

  /** Gives the pool's memory back. */
  close(): void {
    if (this.#pool !== null) this.#pinned.release(this.#pool);
    this.#pool = null;
  }

  /** Device block `from` to host block `to`. */
  spill(group: number, from: number, to: number): void {
    this.#move(group, to, (forward, part) => forward.readBlock(group, from, part));
  }

  /** Host block `from` to device block `to`. */
  restore(group: number, from: number, to: number): void {
    this.#move(group, from, (forward, part) => forward.writeBlock(group, to, part));
  }

  #move(group: number, hostBlock: number, copy: (forward: Forward, part: Uint8Array) => void): void {
    const pool = this.#pool;
    if (pool === null) throw new RangeError('there are no host blocks');
    const before = this.#blockBytes.slice(0, group).reduce((sum, bytes) => sum + bytes, 0);
    let offset = this.blockCount * before + hostBlock * (this.#blockBytes[group] ?? 0);
    for (const forward of this.#forwards) {
      const bytes = forward.blockBytes(group);
      copy(forward, pool.view.subarray(offset, offset + bytes));
      offset += bytes;
    }
  }
}

/** Refuses a policy that spills without room for a block, and room that no policy uses. */
export function checkSpilling({ preemption }: SchedulingPolicy, blockCount: number, poolBytes: number): void {
  if ((preemption === 'spill') === blockCount > 0) return;
  const spills = preemption === 'spill';
  throw new PlimsollError({
    code: 'bad-engine-setting',
    message: spills
      ? `the policy spills preempted sequences, and stagingBytes = ${poolBytes} has no room for one block`
      : `stagingBytes = ${poolBytes} is for spilled blocks, and the policy computes preempted sequences again`,
    value: poolBytes,
    limit: spills ? 'room for one block of every layer' : 0,
    hint: spills ? 'raise stagingBytes' : "take a policy with preemption 'spill', or leave stagingBytes out",
  });
}
