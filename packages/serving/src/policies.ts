/** Scheduling policies: the order of requests, and what happens to the blocks of preempted sequences. */
import { arrivalOrder, type RankRule, virtualTokenCounters } from './rank-rules.ts';

export interface SchedulingPolicy {
  readonly name: string;
  /** Creates the rule of one scheduler; a rule may keep counters. */
  readonly rule: () => RankRule;
  /** True: a waiting sequence of higher priority preempts running sequences of lower priority. */
  readonly preemptForWaiting: boolean;
  /** Recomputes or spills a preempted sequence's blocks. Spilling falls back to recomputing while host memory is full. */
  readonly preemption: 'recompute' | 'spill';
}

/** First come, first served. */
const firstCome: SchedulingPolicy = {
  name: 'fcfs',
  rule: arrivalOrder(),
  preemptForWaiting: false,
  preemption: 'recompute',
};

export const policies = {
  fcfs: firstCome,
  /** First come, first served within a priority; one priority level equals a minute of waiting. */
  priority: {
    ...firstCome,
    name: 'priority',
    rule: arrivalOrder({ secondsPerPriority: 60 }),
    preemptForWaiting: true,
  },
  /** Short prompts first; a prompt of a thousand tokens waits at most one second longer than an empty prompt. */
  shortestFirst: { ...firstCome, name: 'shortest-first', rule: arrivalOrder({ secondsPerToken: 0.001 }) },
  /**
   * Equal shares of service per tenant, independent of the number of queued requests. One priority level equals 50,000
   * tokens of service. With one tenant it serves in the order of arrival.
   */
  fairShare: {
    ...firstCome,
    name: 'fair-share',
    rule: virtualTokenCounters({ tokensPerPriority: 50_000 }),
  },
} as const satisfies Readonly<Record<string, SchedulingPolicy>>;
