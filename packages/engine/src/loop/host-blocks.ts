/**
 * KV blocks of preempted sequences in host memory. The scheduler decides which block moves where; this file knows the
 * layout of the bytes:
 *
 *   pool   [ group 0: block 0 | block 1 | ... ][ group 1: block 0 | ... ]      a block: its layers, then the draft's layers
 *
 * The arenas of this engine are host memory too, so a larger cache is better than spilling. Spilling is for engines
 * with less arena memory than host memory.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { SchedulingPolicy } from '@plimsoll/serving';
import type { Forward } from '../forward/forward.ts';
import type { PinnedAllocator, PinnedBlock } from '../memory/pinned-allocator.ts';

export class HostBlocks {
  /** Number of blocks of each group that the pool holds. */
  readonly blockCount: number;
  readonly #forwards: readonly Forward[];
  readonly #blockBytes: readonly number[];
  readonly #pinned: PinnedAllocator;
  #pool: PinnedBlock | null;

  /** `forwards`: the forward pass of the model and, if the engine has a draft model, its forward pass. */
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

  /** Frees the pool. */
  close(): void {
    if (this.#pool !== null) this.#pinned.release(this.#pool);
    this.#pool = null;
  }

  /** Copies device block `from` to host block `to`. */
  spill(group: number, from: number, to: number): void {
    this.#move(group, to, (forward, part) => forward.readBlock(group, from, part));
  }

  /** Copies host block `from` to device block `to`. */
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

/** Refuses a policy that spills if the pool has no room for a block, and a pool that the policy does not use. */
export function checkSpilling({ preemption }: SchedulingPolicy, blockCount: number, poolBytes: number): void {
  if ((preemption === 'spill') === blockCount > 0) return;
  const spills = preemption === 'spill';
  throw new PlimsollError({
    code: 'bad-engine-setting',
    message: spills
      ? `the policy spills preempted sequences, but stagingBytes = ${poolBytes} has no room for one block`
      : `stagingBytes = ${poolBytes} is for spilled blocks, but the policy computes preempted sequences again`,
    value: poolBytes,
    limit: spills ? 'room for one block of every layer' : 0,
    hint: spills ? 'raise stagingBytes' : "use a policy with preemption 'spill', or leave stagingBytes out",
  });
}
