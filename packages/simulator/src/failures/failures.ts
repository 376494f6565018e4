/**
 * What failures of replicas do to requests: those of a failed replica are sent again from their prompts, or fail. A
 * request that finds no replica up waits for the first restart, or fails.
 */
import { defined, type Seconds } from '@plimsoll/foundation';
import type { SequenceView } from '@plimsoll/serving';
import type { ReplicaGroup } from '../replica-group.ts';
import type { ComingRequest } from '../workload/coming-request.ts';
import type { LostRequestRule } from './lost-request-rules.ts';
import type { Outages, OutageTimes, ReplicaChange } from './outages.ts';

export interface FailureModel extends OutageTimes {
  readonly requests: LostRequestRule;
}

/** A request since its arrival at the router. */
export interface Submission {
  readonly request: ComingRequest;
  readonly submittedAt: Seconds;
  /** Replicas that failed while they had it. */
  losses: number;
}

export interface FailureReport {
  /** Failures of replicas. */
  readonly failures: number;
  /** Requests that a failed replica had and that were sent again. */
  readonly retried: number;
  /** How often requests were sent again. */
  readonly retries: number;
  readonly failed: number;
  /** Tokens in the caches of failed replicas whose requests had not ended. */
  readonly lostTokens: number;
  /** Summed over replicas, from the start of the run to its end. */
  readonly downSeconds: number;
  /** Share of the time in which a replica is down. */
  readonly downShare: number;
}

export class Failures {
  readonly outages: Outages;
  readonly rule: LostRequestRule;
  readonly #groups: readonly ReplicaGroup[];
  #held: Submission[] = [];
  #retried = 0;
  #retries = 0;
  #failed = 0;
  #lostTokens = 0;

  constructor(outages: Outages, rule: LostRequestRule, groups: readonly ReplicaGroup[]) {
    this.outages = outages;
    this.rule = rule;
    this.#groups = groups;
  }

  /** Requests that wait for a restart. */
  get heldCount(): number {
    return this.#held.length;
  }

  get failed(): number {
    return this.#failed;
  }

  get allDown(): boolean {
    return this.outages.upCount === 0;
  }

  /** Takes the next change of a replica. A replica that fails keeps its requests until the caller has read them. */
  change(): ReplicaChange & { readonly group: ReplicaGroup } {
    const change = this.outages.take();
    const group = defined(this.#groups[change.replica], 'a replica of the run changes');
    group.isDown = change.fails;
    return { ...change, group };
  }

  /** Counts a request that its replica lost, and holds it for the next try. Returns false if the request fails. */
  lose(submission: Submission, sequence: SequenceView): boolean {
    this.#lostTokens += sequence.computedTokens;
    if (!this.hold(submission)) return false;
    if (submission.losses++ === 0) this.#retried++;
    this.#retries++;
    return true;
  }

  /** Holds a request until a replica is up. Returns false if the request fails. */
  hold(submission: Submission): boolean {
    if (this.rule === 'fail') {
      this.#failed++;
      return false;
    }
    this.#held.push(submission);
    return true;
  }

  /** Returns the held requests if a replica is up, in the order in which they were held. */
  release(): readonly Submission[] {
    if (this.allDown) return [];
    const held = this.#held;
    this.#held = [];
    return held;
  }

  report(endedAt: number): FailureReport {
    const downSeconds = this.outages.downSeconds(endedAt);
    const replicaSeconds = Math.max(endedAt, Number.MIN_VALUE) * this.#groups.length;
    return {
      failures: this.outages.failures,
      retried: this.#retried,
      retries: this.#retries,
      failed: this.#failed,
      lostTokens: this.#lostTokens,
      downSeconds,
      downShare: downSeconds / replicaSeconds,
    };
  }
}
