/**
 * Prompts in plan order, leased to producers. A lease ends with a commit, a failure, or its time; a prompt whose lease ends
 * without a commit is leased again, before any new prompt, until its attempts are used up.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { PromptTask } from '../contracts/prompt-task.ts';

export interface LeasedPrompt {
  readonly task: PromptTask;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

interface Lease extends LeasedPrompt {
  readonly worker: string;
  readonly expiresSeconds: number;
}

/** Outcome of a failed attempt. */
export type RetryOutcome = 'retry' | 'out-of-attempts';

export class PromptQueue {
  readonly #attemptsMax: number;
  /** Plan index -> prompt that no producer has leased yet. A Map iterates in plan order, in which prompts are added. */
  readonly #fresh = new Map<number, PromptTask>();
  readonly #retries = new Map<number, LeasedPrompt>();
  readonly #leases = new Map<number, Lease>();

  constructor(attemptsMax: number) {
    this.#attemptsMax = attemptsMax;
  }

  get leasedCount(): number {
    return this.#leases.size;
  }

  /** Prompts that a producer has had or has: their samples are on the way. */
  get startedCount(): number {
    return this.#retries.size + this.#leases.size;
  }

  /** Prompts that wait for a lease. */
  get waitingCount(): number {
    return this.#fresh.size + this.#retries.size;
  }

  add(task: PromptTask): void {
    this.#fresh.set(task.planIndex, task);
  }

  /**
   * Leases up to `count` prompts, of which at most `freshMax` are new. Retries ignore back-pressure: later samples wait for
   * them, so a pause would never end.
   */
  lease(worker: string, count: number, { freshMax, expiresSeconds }: LeaseTerms): readonly LeasedPrompt[] {
    const retries = [...this.#retries.entries()].toSorted(([left], [right]) => left - right).slice(0, count);
    for (const [index] of retries) this.#retries.delete(index);
    const leased = retries.map(([, prompt]) => prompt);
    const freshCount = Math.min(count - leased.length, freshMax);
    for (const [index, task] of this.#fresh) {
      if (leased.length >= retries.length + freshCount) break;
      this.#fresh.delete(index);
      leased.push({ task, attempt: 1 });
    }
    for (const prompt of leased)
      this.#leases.set(prompt.task.planIndex, { ...prompt, worker, expiresSeconds });
    return leased;
  }

  /**
   * Ends a prompt in any state and returns it with its attempts: a commit counts even if the lease has passed to another
   * producer. Null for a prompt that is not in the queue.
   */
  settle(planIndex: number): LeasedPrompt | null {
    const fresh = this.#fresh.get(planIndex);
    const prompt = this.#leases.get(planIndex) ?? this.#retries.get(planIndex);
    this.#fresh.delete(planIndex);
    this.#retries.delete(planIndex);
    this.#leases.delete(planIndex);
    if (prompt !== undefined) return { task: prompt.task, attempt: prompt.attempt };
    return fresh === undefined ? null : { task: fresh, attempt: 1 };
  }

  /** Throws `prompt-not-leased` unless `worker` holds the lease. */
  needLease(planIndex: number, worker: string): LeasedPrompt {
    const lease = this.#leases.get(planIndex);
    if (lease !== undefined && lease.worker === worker) return lease;
    throw promptNotLeased(worker, `at plan index ${planIndex}`, lease?.worker ?? null);
  }

  /** Returns a prompt to the queue, or ends it if it is out of attempts. */
  retry({ task, attempt }: LeasedPrompt): RetryOutcome {
    this.#leases.delete(task.planIndex);
    if (attempt >= this.#attemptsMax) return 'out-of-attempts';
    this.#retries.set(task.planIndex, { task, attempt: attempt + 1 });
    return 'retry';
  }

  expired(nowSeconds: number): readonly LeasedPrompt[] {
    return [...this.#leases.values()].filter(({ expiresSeconds }) => expiresSeconds <= nowSeconds);
  }

  leasedTo(worker: string): readonly LeasedPrompt[] {
    return [...this.#leases.values()].filter((lease) => lease.worker === worker);
  }
}

interface LeaseTerms {
  readonly freshMax: number;
  readonly expiresSeconds: number;
}

export function promptNotLeased(worker: string, prompt: string, holder: string | null): PlimsollError {
  return new PlimsollError({
    code: 'prompt-not-leased',
    message: `worker "${worker}" has no lease on the prompt ${prompt}`,
    value: holder ?? prompt,
    limit: worker,
    hint: 'the lease has expired: lease prompts again',
  });
}
