/**
 * Rank rules: who is served first. A rule turns a request into one number, its rank, once, at submission; the smallest
 * rank is served first. Waiting, admission and preemption all use this one order, so a preempted sequence is the last in
 * it and can never be preempted in turn by the sequence that it gave way to.
 */
import type { Seconds } from '@plimsoll/foundation';
import type { ServingRequest } from './sequence.ts';

export interface RankRule {
  /** The place of a request in the order. The scheduler asks once, when the request is submitted. */
  rank(request: ServingRequest, now: Seconds): number;
  /** Output tokens that the last `rank` counted in advance. Default 0. */
  readonly outputExpected?: number;
  /** A sequence of this rank got its first place in a step. */
  admitted?(rank: number): void;
  /** A sequence ended: what it wrote, and what was counted in advance for it. */
  settle?(tenant: string, outputTokens: number, outputExpected: number): void;
}

export interface ArrivalWeights {
  /** Head start that one level of priority is worth. Default 0. */
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
/** Weight of a tenant's latest answer in the length that is expected of its next one. */
const latestShare = 0.2;

interface Account {
  /** Service that the tenant asked for: prompt tokens, and output tokens times their weight. */
  counter: number;
  /** Output tokens of a request, a running mean. */
  expected: number;
}

/**
 * Virtual token counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024) as start tags: each
 * tenant has a counter of the service that it asked for, and a request's rank is that counter at its submission. An idle
 * tenant saves nothing up: its counter is lifted to the rank of the last admitted request. A request counts in advance
 * with its prompt and the output that its tenant's requests usually have, so that a thousand queued requests of one
 * tenant are spread over the order; the difference to the real output is settled when the sequence ends.
 */
export function virtualTokenCounters(): RankRule {
  const accounts = new Map<string, Account>();
  let virtualTime = 0;
  /** Infinity before any answer was seen: then a request counts with all that it may write. */
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
      // A counter that has been passed says nothing any more, so tenants that left take no memory.
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
