/**
 * Rank rules order the requests. A rule turns a request into one number, its rank, once, at submission; the scheduler
 * serves the smallest rank first. Waiting, admission and preemption all use this order, so a preempted sequence comes
 * after the sequence that preempted it and cannot preempt it in turn.
 */
import type { Seconds } from '@plimsoll/foundation';
import type { ServingRequest } from './sequence.ts';

export interface RankRule {
  /** Ranks a request. The scheduler calls it once, at submission. */
  rank(request: ServingRequest, now: Seconds): number;
  /** Output tokens that the last call of `rank` charged in advance. Default 0. */
  readonly outputExpected?: number;
  /** Reports the first admission of a sequence. */
  admitted?(sequence: RankedSequence): void;
  /** Reports the end of a sequence: its output tokens, and the output tokens charged in advance. */
  settle?(tenant: string, outputTokens: number, outputExpected: number): void;
}

export interface RankedSequence {
  readonly rank: number;
  readonly priority: number;
  readonly promptLength: number;
  /** Output tokens that the rule charged in advance. */
  readonly outputExpected: number;
}

export interface ArrivalWeights {
  /** Head start of one priority level. Default 0. */
  readonly secondsPerPriority?: number;
  /** Handicap of each prompt token. Default 0. */
  readonly secondsPerToken?: number;
}

/**
 * rank = submission time - secondsPerPriority x priority + secondsPerToken x prompt tokens
 *
 * This is ageing without a clock. Let urgency grow by one level per `secondsPerPriority` of waiting; then the order of
 * two requests under "priority + waiting / secondsPerPriority" never changes with time, and it is the order of rank.
 * Only requests that were submitted before a request's own rank plus the largest head start can overtake it: a bounded
 * time, so no finite weights starve a request.
 */
export function arrivalOrder({
  secondsPerPriority = 0,
  secondsPerToken = 0,
}: ArrivalWeights = {}): () => RankRule {
  return () => ({
    rank: ({ priority = 0, prompt }, now) =>
      now - secondsPerPriority * priority + secondsPerToken * prompt.length,
  });
}

/** An output token costs a tenant as much as two prompt tokens, the weights of the paper below. */
const outputWeight = 2;
/** Weight of a tenant's latest answer in the expected length of its next answer. */
const latestShare = 0.2;

interface Account {
  /** Service that the tenant asked for: prompt tokens, and output tokens times their weight. */
  counter: number;
  /** Running mean of the output tokens per request. */
  expected: number;
  /** Start tag of the tenant's latest request: its own requests never overtake each other. */
  latest: number;
}

export interface ServiceWeights {
  /** Head start of one priority level, in tokens of service. Default 0. */
  readonly tokensPerPriority?: number;
}

/**
 * Virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024) as start tags:
 *
 *   rank = start tag - tokensPerPriority x priority
 *
 * A tenant's counter is the service that it has requested; the start tag of a request is that counter at submission. A
 * request is charged in advance for its prompt and for its tenant's usual output, so that a thousand queued requests of
 * a tenant spread over the order. The end of the sequence settles the difference to the real output.
 *
 * An idle tenant accumulates no credit: its counter rises to the virtual time, the service that an active tenant has
 * received. Each admission advances the virtual time by its charge, divided among the active tenants. Tenants that
 * appear without end therefore start later and later, and overtake a waiting request for a bounded time only.
 */
export function virtualTokenCounters({ tokensPerPriority = 0 }: ServiceWeights = {}): () => RankRule {
  return () => {
    const accounts = new Accounts();
    let outputExpected = 0;
    return {
      rank({ tenant = '', prompt, outputTokensMax, priority = 0 }) {
        const account = accounts.of(tenant);
        const start = Math.max(account.counter, account.latest);
        account.latest = start;
        outputExpected = Math.min(outputTokensMax, account.expected);
        account.counter += serviceOf(prompt.length, outputExpected);
        return start - tokensPerPriority * priority;
      },
      get outputExpected() {
        return outputExpected;
      },
      admitted(sequence) {
        const { rank, priority, promptLength } = sequence;
        const service = serviceOf(promptLength, sequence.outputExpected);
        accounts.advance(rank + tokensPerPriority * priority, service);
      },
      settle(tenant, outputTokens, expected) {
        accounts.settle(tenant, outputTokens, expected);
      },
    };
  };
}

function serviceOf(promptTokens: number, outputTokens: number): number {
  return promptTokens + outputWeight * outputTokens;
}

class Accounts {
  readonly #accounts = new Map<string, Account>();
  #virtualTime = 0;
  /** Infinity before the first answer: a request is then charged for its output limit. */
  #expectedOfAny = Infinity;

  of(tenant: string): Account {
    const account = this.#accounts.get(tenant) ?? { counter: 0, expected: this.#expectedOfAny, latest: 0 };
    account.counter = Math.max(account.counter, this.#virtualTime);
    this.#accounts.set(tenant, account);
    return account;
  }

  /** Records the admission of a request. Only active tenants have an account. */
  advance(startTag: number, service: number): void {
    const share = service / Math.max(1, this.#accounts.size);
    this.#virtualTime = Math.max(this.#virtualTime, startTag) + share;
    // A counter below the virtual time has no effect, so the accounts of tenants that left are removed.
    for (const [tenant, { counter, latest }] of this.#accounts) {
      if (Math.max(counter, latest) <= this.#virtualTime) this.#accounts.delete(tenant);
    }
  }

  settle(tenant: string, outputTokens: number, expected: number): void {
    const account = this.of(tenant);
    account.counter += outputWeight * (outputTokens - expected);
    account.expected = meanWith(account.expected, outputTokens);
    this.#expectedOfAny = meanWith(this.#expectedOfAny, outputTokens);
  }
}

function meanWith(mean: number, latest: number): number {
  return mean === Infinity ? latest : mean + latestShare * (latest - mean);
}
