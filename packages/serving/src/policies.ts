/** Scheduling policies: an order of requests, and what becomes of those that give way. */
import { arrivalOrder, type RankRule, virtualTokenCounters } from './rank-rules.ts';

export interface SchedulingPolicy {
  readonly name: string;
  /** Makes the rule of one scheduler; a rule may keep counters. */
  readonly rule: () => RankRule;
  /** True: a waiting sequence of higher priority takes the place of running ones of lower priority. */
  readonly preemptForWaiting: boolean;
  /** What becomes of a preempted sequence's blocks. Spilling falls back to recomputing while host memory is full. */
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
  /** First come, first served within a priority; a minute of waiting makes up for one level. */
  priority: {
    ...firstCome,
    name: 'priority',
    rule: arrivalOrder({ secondsPerPriority: 60 }),
    preemptForWaiting: true,
  },
  /** Short prompts first; a thousand tokens wait at most a second longer than none. */
  shortestFirst: { ...firstCome, name: 'shortest-first', rule: arrivalOrder({ secondsPerToken: 0.001 }) },
  /** Equal shares of service for tenants, whatever number of requests each has queued. */
  fairShare: { ...firstCome, name: 'fair-share', rule: virtualTokenCounters },
} as const satisfies Readonly<Record<string, SchedulingPolicy>>;
