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
  /** Reports the first admission of a sequence of this rank. */
  admitted?(rank: number): void;
  /** Reports the end of a sequence: its output tokens, and the output tokens charged in advance. */
  settle?(tenant: string, outputTokens: number, outputExpected: number): void;
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
}

/**
 * Virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024) as start tags. A
 * tenant's counter is the service that it has requested; a request's rank is that counter at submission. An idle tenant
 * accumulates no credit: its counter rises to the rank of the last admitted request. A request is charged in advance
 * for its prompt and for its tenant's usual output, so that a thousand queued requests of a tenant spread over the
 * order. The end of the sequence settles the difference to the real output.
 */
export function virtualTokenCounters(): RankRule {
  const accounts = new Map<string, Account>();
  let virtualTime = 0;
  /** Infinity before the first answer: a request is then charged for its output limit. */
  let expectedOfAny = Infinity;
  let outputExpected = 0;
  const accountOf = (tenant: string): Account => {
    const account = accounts.get(tenant) ?? { counter: 0, expected: expectedOfAny };
    account.counter = Math.max(account.counter, virtualTime);
    accounts.set(tenant, account);
    return account;
  };
  return {
    rank({ tenant = '', prompt, outputTokensMax }) {
      const account = accountOf(tenant);
      const start = account.counter;
      outputExpected = Math.min(outputTokensMax, account.expected);
      account.counter += prompt.length + outputWeight * outputExpected;
      return start;
    },
    get outputExpected() {
      return outputExpected;
    },
    admitted(rank) {
      virtualTime = Math.max(virtualTime, rank);
      // A counter below the current rank has no effect, so the accounts of tenants that left are removed.
      for (const [tenant, { counter }] of accounts) if (counter <= virtualTime) accounts.delete(tenant);
    },
    settle(tenant, outputTokens, expected) {
      const account = accountOf(tenant);
      account.counter += outputWeight * (outputTokens - expected);
      account.expected = meanWith(account.expected, outputTokens);
      expectedOfAny = meanWith(expectedOfAny, outputTokens);
    },
  };
}

function meanWith(mean: number, latest: number): number {
  return mean === Infinity ? latest : mean + latestShare * (latest - mean);
}
