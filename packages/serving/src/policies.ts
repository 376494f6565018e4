/**
 * Scheduling policies as data. A policy turns a request into one number, its rank, once, at submission:
 *
 *   rank = submission time - secondsPerPriority x priority + secondsPerToken x prompt tokens       (smaller is first)
 *
 * This is ageing without a clock. Let urgency grow by one level per `secondsPerPriority` of waiting; then the order of
 * two requests under "priority + waiting / secondsPerPriority" never changes with time, and it is the order of rank.
 * A request can therefore be overtaken only by requests submitted before its own rank plus the largest head start,
 * a bounded time: no finite policy starves anyone. Waiting, admission and preemption all use the one order, so what is
 * preempted is last by priority, then by recency, and can never be preempted in turn by what it gave way to.
 */
import type { ServingRequest } from './sequence.ts';

export interface SchedulingPolicy {
  readonly name: string;
  /** Head start that one level of priority is worth. */
  readonly secondsPerPriority: number;
  /** Handicap of each prompt token. */
  readonly secondsPerToken: number;
  /** True: a waiting sequence of higher priority takes the place of running ones of lower priority. */
  readonly preemptForWaiting: boolean;
  /** What becomes of a preempted sequence's blocks. Spilling falls back to recomputing while host memory is full. */
  readonly preemption: 'recompute' | 'spill';
}

/** First come, first served. */
const firstCome: SchedulingPolicy = {
  name: 'fcfs',
  secondsPerPriority: 0,
  secondsPerToken: 0,
  preemptForWaiting: false,
  preemption: 'recompute',
};

export const policies = {
  fcfs: firstCome,
  /** First come, first served within a priority; a minute of waiting makes up for one level. */
  priority: { ...firstCome, name: 'priority', secondsPerPriority: 60, preemptForWaiting: true },
  /** Short prompts first; a thousand tokens wait at most a second longer than none. */
  shortestFirst: { ...firstCome, name: 'shortest-first', secondsPerToken: 0.001 },
} as const satisfies Readonly<Record<string, SchedulingPolicy>>;

export function rankOf(request: ServingRequest, policy: SchedulingPolicy, submittedAt: number): number {
  const headStart = policy.secondsPerPriority * (request.priority ?? 0);
  return submittedAt - headStart + policy.secondsPerToken * request.prompt.length;
}
