/**
 * When replicas fail and when they have restarted. The time that a replica runs until it fails is exponential, or failures
 * are listed; a listed failure of a replica that is down changes nothing.
 *
 *   up ---- drawn or listed time ----> down ---- restart ----> up, with an empty cache
 */
import type { Random } from '@plimsoll/foundation/random';
import { exponential } from '../workload/distribution.ts';

export interface OutageTimes {
  /** Mean seconds that a replica runs until it fails; null if only listed failures happen. */
  readonly meanSeconds: number | null;
  readonly listed: readonly ListedFailure[];
  /** From a failure until the replica takes requests again. */
  readonly restartSeconds: number;
}

export interface ListedFailure {
  /** Number of the replica, from 0. */
  readonly replica: number;
  readonly atSeconds: number;
}

interface ReplicaState {
  readonly random: Random;
  /** Listed failures that are still to come, the next one last. */
  readonly listed: number[];
  drawnAt: number;
  /** Null while the replica is up. */
  downSince: number | null;
}

export interface ReplicaChange {
  readonly replica: number;
  /** True if the replica fails, false if it has restarted. */
  readonly fails: boolean;
}

export class Outages {
  readonly #times: OutageTimes;
  readonly #states: readonly ReplicaState[];
  #upCount: number;
  #failures = 0;
  #downSeconds = 0;
  /** The replica that changes first, and the time. */
  #first = { replica: 0, at: Infinity };

  /** `randomOf` returns the random numbers of a replica. */
  constructor(times: OutageTimes, replicaCount: number, randomOf: (replica: number) => Random) {
    this.#times = times;
    this.#upCount = replicaCount;
    this.#states = Array.from({ length: replicaCount }, (_, replica): ReplicaState => {
      const own = times.listed.filter((failure) => failure.replica === replica);
      const listed = own.map(({ atSeconds }) => atSeconds).sort((left, right) => right - left);
      return { random: randomOf(replica), listed, drawnAt: Infinity, downSince: null };
    });
    for (const state of this.#states) this.#draw(state, 0);
    this.#findFirst();
  }

  /** Time of the next failure or restart; Infinity if there is none. */
  get firstAt(): number {
    return this.#first.at;
  }

  get upCount(): number {
    return this.#upCount;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Time at which a replica that is up fails; Infinity if it does not, or is down. */
  failsAt(replica: number): number {
    const state = this.#states[replica];
    if (state === undefined || state.downSince !== null) return Infinity;
    return Math.min(state.drawnAt, state.listed.at(-1) ?? Infinity);
  }

  /** Takes the change at `firstAt`. */
  take(): ReplicaChange {
    const { replica, at } = this.#first;
    const state = this.#states[replica];
    if (state === undefined) throw new RangeError('no replica changes');
    const fails = state.downSince === null;
    if (state.downSince === null) {
      state.downSince = at;
      this.#failures++;
      this.#upCount--;
      if (state.listed.at(-1) === at) state.listed.pop();
    } else {
      this.#downSeconds += at - state.downSince;
      state.downSince = null;
      this.#upCount++;
      while ((state.listed.at(-1) ?? Infinity) < at) state.listed.pop();
      this.#draw(state, at);
    }
    this.#findFirst();
    return { replica, fails };
  }

  /** Seconds that replicas were down until `now`, summed over replicas. */
  downSeconds(now: number): number {
    let sum = this.#downSeconds;
    for (const { downSince } of this.#states) if (downSince !== null) sum += now - downSince;
    return sum;
  }

  #draw(state: ReplicaState, now: number): void {
    const { meanSeconds } = this.#times;
    if (meanSeconds !== null) state.drawnAt = now + meanSeconds * exponential(state.random);
  }

  #findFirst(): void {
    let first = { replica: 0, at: Infinity };
    for (const [replica, { downSince }] of this.#states.entries()) {
      const at = downSince === null ? this.failsAt(replica) : downSince + this.#times.restartSeconds;
      if (at < first.at) first = { replica, at };
    }
    this.#first = first;
  }
}
