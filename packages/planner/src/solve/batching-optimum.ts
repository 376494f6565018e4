/** The number of running requests that trades latency against throughput. */

import type { PlimsollError } from '@plimsoll/foundation';
import { largestMeeting } from '../deployment/boundary-search.ts';
import { perMillion } from '../deployment/price.ts';
import type { LoadPoint } from '../speed/closed-loop.ts';
import { powersTo } from './search.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { infeasible, type Replica, type RequestTokens, servingPoint, servingReplica } from './subject.ts';

export const batchingOptimum: Solver = defineSolver({
  name: 'batching-optimum',
  summary: 'how many requests to run at once: latency, throughput and price of each number',
  needs: ['replica'],
  inputs: {
    promptTokens: tokensInput({ words: 'prompt of a request', default: 1024 }),
    outputTokens: tokensInput({ words: 'output of a request', default: 256 }),
    cachedTokens: tokensInput({ words: 'prompt tokens in the prefix cache', default: 0, least: 0 }),
    tpotLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time per output token',
      least: 1e-9,
      most: 1e6,
      default: null,
    },
    ttftLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time to the first token',
      least: 1e-9,
      most: 1e6,
      default: null,
    },
    e2eLimit: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time of a whole answer',
      least: 1e-9,
      most: 1e6,
      default: null,
    },
    usersLimit: {
      kind: 'number',
      unit: 'count',
      words: 'most requests that are tried',
      least: 1,
      most: 65_536,
      default: 1024,
    },
  },
  outputs: {
    users: { unit: 'count', words: 'largest number of requests within the limits' },
    tokensPerSecond: { unit: 'tokens per second', words: 'output of all of them' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token, prompts of others included' },
    ttftSeconds: { unit: 'seconds', words: 'time to the first token, mean' },
    e2eSeconds: { unit: 'seconds', words: 'whole answer, mean' },
    perMillionOutputUsd: { unit: 'usd per million tokens', words: 'price of the output' },
    kneeUsers: {
      unit: 'count',
      words: 'requests from which twice as many add less than a quarter of the output',
    },
    bound: { unit: 'text', words: 'what ends the search' },
  },
  columns: {
    users: { unit: 'count', words: 'requests' },
    tokensPerSecond: { unit: 'tokens per second', words: 'output' },
    tpotSeconds: { unit: 'seconds', words: 'per token' },
    ttftSeconds: { unit: 'seconds', words: 'first token' },
    e2eSeconds: { unit: 'seconds', words: 'answer' },
    perMillionOutputUsd: { unit: 'usd per million tokens', words: 'price' },
    meets: { unit: 'boolean', words: 'in limits' },
  },
  formula: [
    'round of n requests = n x prefill + (output - 1) x decode step of n at the mean context',
    'tokens per second = n x output / round; a whole answer = the round',
    'the largest n within every limit has the most output, because output grows with n',
  ],
  limits: [
    'Every finished request is followed by the next: the load is a closed loop of n clients, not a rate. For a rate: solve replicas.',
    'Equal requests, spread evenly over their progress; times are means.',
  ],
  sources: [
    'Step times of the planner',
    'mlsysim 0.3.0, BatchingOptimizer: it takes the context for the number of output tokens, prefills the whole batch before each answer, and calls rate x context the throughput whatever the batch.',
  ],
  example: 'llama-3.1-8b-instruct --gpu h100 --engine none --tpot-limit 30ms',
  solve(values, subject) {
    const replica = servingReplica(subject, values);
    const { held } = replica;
    const most = Math.min(held, values.usersLimit);
    const at = (users: number): Point => pointOf(replica, values, users);
    const broken = (users: number): string | null => brokenLimit(at(users), values);
    const first = broken(1);
    if (first !== null) throw tooSlow(first, replica);
    const users = largestMeeting(most, (count) => broken(count) === null);
    const { meets: _, ...best } = at(users);
    return {
      outputs: {
        ...best,
        kneeUsers: kneeOf(most, at),
        bound: users < most ? broken(users + 1) : most === held ? 'memory' : '--users-limit',
      },
      rows: powersTo(most).map(at),
    };
  },
});

interface Limits {
  readonly tpotLimit: number | null;
  readonly ttftLimit: number | null;
  readonly e2eLimit: number | null;
}

interface Point {
  readonly users: number;
  readonly tokensPerSecond: number;
  readonly tpotSeconds: number;
  readonly ttftSeconds: number;
  readonly e2eSeconds: number;
  readonly perMillionOutputUsd: number | null;
  readonly meets: boolean;
}

function pointOf(replica: Replica, values: RequestTokens & Limits, users: number): Point {
  const load: LoadPoint = servingPoint(replica, values, users);
  const point = {
    users,
    tokensPerSecond: load.outputTokensPerSecond,
    tpotSeconds: load.tpotSeconds,
    ttftSeconds: load.ttftSeconds,
    e2eSeconds: load.active / load.requestsPerSecond,
    perMillionOutputUsd:
      replica.perHourUsd === null ? null : perMillion(replica.perHourUsd, load.outputTokensPerSecond),
  };
  return { ...point, meets: brokenLimit(point, values) === null };
}

/** Returns the flag of the first limit that a point breaks. */
function brokenLimit(point: Omit<Point, 'meets'>, { tpotLimit, ttftLimit, e2eLimit }: Limits): string | null {
  if (tpotLimit !== null && point.tpotSeconds > tpotLimit) return '--tpot-limit';
  if (ttftLimit !== null && point.ttftSeconds > ttftLimit) return '--ttft-limit';
  return e2eLimit !== null && point.e2eSeconds > e2eLimit ? '--e2e-limit' : null;
}

function kneeOf(most: number, at: (users: number) => Point): number {
  for (let users = 1; 2 * users <= most; users *= 2)
    if (at(2 * users).tokensPerSecond < 1.25 * at(users).tokensPerSecond) return users;
  return most;
}

function tooSlow(flag: string, { request }: Replica): PlimsollError {
  return infeasible(`one request alone breaks ${flag} on ${request.hardware.name}`, {
    value: 1,
    hint: `a longer ${flag}, a larger --tp, a --weights format of fewer bits, or another --gpu`,
  });
}
