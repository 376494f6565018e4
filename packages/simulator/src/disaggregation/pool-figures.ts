/** Occupancy of a pool of replicas over time, idle time included: blocks may wait for a transfer while no step runs. */
import type { Replica } from '../replica.ts';

export interface PoolReport {
  readonly replicas: number;
  /** Blocks of all replicas. */
  readonly blocks: number;
  /** Shares of the blocks that sequences own, over time and at most in one replica. */
  readonly occupancyMean: number;
  readonly occupancyPeak: number;
  /** Share of the time in which a replica computes. */
  readonly busyShare: number;
  /** Share of the prompt tokens that the prefix cache had. */
  readonly prefixHitShare: number;
}

interface Observed {
  at: number;
  share: number;
  integral: number;
}

export class PoolFigures {
  readonly #observed = new Map<Replica, Observed>();
  #peak = 0;

  /** Takes the occupancy of a replica from now on. Replicas that were never observed are empty. */
  observe(replica: Replica, now: number): void {
    const { kvShare } = replica;
    const last = this.#observed.get(replica);
    this.#peak = Math.max(this.#peak, kvShare);
    if (last === undefined) this.#observed.set(replica, { at: now, share: kvShare, integral: 0 });
    else {
      last.integral += last.share * (now - last.at);
      last.at = now;
      last.share = kvShare;
    }
  }

  report(
    replicas: readonly Replica[],
    { from, to }: { readonly from: number; readonly to: number },
  ): PoolReport {
    const seconds = Math.max(to - from, Number.MIN_VALUE) * Math.max(1, replicas.length);
    let integral = 0;
    for (const last of this.#observed.values()) {
      integral += last.integral + last.share * Math.max(0, to - last.at);
    }
    let [blocks, busy, queried, hit] = [0, 0, 0, 0];
    for (const { blockCount, busySeconds, counters } of replicas) {
      const { prefixQueryTokens, prefixHitTokens } = counters;
      blocks += blockCount;
      busy += busySeconds;
      queried += prefixQueryTokens;
      hit += prefixHitTokens;
    }
    return {
      replicas: replicas.length,
      blocks,
      occupancyMean: integral / seconds,
      occupancyPeak: this.#peak,
      busyShare: Math.min(1, busy / seconds),
      prefixHitShare: queried === 0 ? 0 : hit / queried,
    };
  }
}
