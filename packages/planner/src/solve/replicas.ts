/** How many replicas answer a rate of requests within a p99. */
import { formatSeconds, PlimsollError } from '@plimsoll/foundation';
import { perMillion } from '../deployment/price.ts';
import { queueState } from './queueing.ts';
import { leastMeeting } from './search.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { infeasible, type Replica, type RequestTokens, servingPoint, servingReplica } from './subject.ts';

export const replicas: Solver = defineSolver({
  name: 'replicas',
  summary: 'least number of replicas that answer a rate of requests within a p99',
  needs: ['replica'],
  inputs: {
    rate: {
      kind: 'number',
      unit: 'per second',
      words: 'requests that arrive',
      least: 1e-9,
      most: 1e6,
      default: 'required',
    },
    p99: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time of a whole answer, p99',
      least: 1e-6,
      most: 1e6,
      default: null,
    },
    ttftP99: {
      kind: 'number',
      unit: 'seconds',
      words: 'longest time to the first token, p99',
      least: 1e-6,
      most: 1e6,
      default: null,
    },
    promptTokens: tokensInput({ words: 'prompt of a request', default: 1024 }),
    outputTokens: tokensInput({ words: 'mean output of a request', default: 256 }),
    cachedTokens: tokensInput({ words: 'prompt tokens in the prefix cache', default: 0, least: 0 }),
    serviceVariation: {
      kind: 'number',
      unit: 'ratio',
      words: 'deviation over mean of the answers; 0 for equal lengths, 1 for exponential ones',
      least: 0,
      most: 10,
      default: 1,
    },
    arrivalVariation: {
      kind: 'number',
      unit: 'ratio',
      words: 'deviation over mean of the gaps between arrivals (Poisson: 1)',
      least: 0,
      most: 10,
      default: 1,
    },
    usersLimit: {
      kind: 'number',
      unit: 'count',
      words: 'most requests that a replica runs at once',
      least: 1,
      most: 100_000,
      default: 256,
    },
  },
  outputs: {
    replicas: { unit: 'count', words: 'least number of replicas' },
    devices: { unit: 'count', words: 'devices of all replicas' },
    perHourUsd: { unit: 'usd per hour', words: 'price of all devices' },
    perMillionOutputUsd: { unit: 'usd per million tokens', words: 'price of the output at this rate' },
    active: { unit: 'ratio', words: 'requests that a replica runs at once, mean' },
    activeMax: { unit: 'count', words: 'places for requests on a replica' },
    utilization: { unit: 'share', words: 'rate over the rate of full replicas' },
    waitProbability: { unit: 'share', words: 'requests that wait for a place' },
    ttftMeanSeconds: {
      unit: 'seconds',
      words: 'time to the first token, mean, without the wait for a place',
    },
    ttftP99Seconds: { unit: 'seconds', words: 'time to the first token, p99, with the wait for a place' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token at this load' },
    p99Seconds: { unit: 'seconds', words: 'whole answer, p99' },
    requestsPerSecondMax: { unit: 'per second', words: 'rate at which these replicas are full' },
  },
  formula: [
    'places = what memory, engine and the limit of users allow',
    'a request takes prefill + steps of the requests that run with it; the number of these follows from the rate (Little)',
    'queue = M/M/c with one server per place of every replica; its service is the time of a request at full replicas',
    'p99 = quantile of the wait plus the time of a request, whose spread is that of the answers',
  ],
  limits: [
    'A router that sends each request to a free place; round robin waits longer.',
    'Equal prompts. The time of a request at this load varies only with its output.',
    'First tokens are means without the wait: prefills that queue inside a step are not a distribution here. The simulator is.',
  ],
  sources: [
    'Erlang C as in tail-latency; step times of the planner',
    'mlsysim 0.3.0, ServingCapacityModel: it charges every request the latency of a full batch, takes a replica for one server that answers one request after another, and prefills the whole batch before each first token.',
  ],
  example: 'llama-3.1-8b-instruct --gpu h100 --engine none --rate 40 --p99 30s',
  solve(values, subject) {
    if (values.p99 === null && values.ttftP99 === null) throw withoutLimit();
    const replica = servingReplica(subject, values);
    const places = Math.min(replica.held, values.usersLimit);
    const full = servingPoint(replica, values, places);
    const least = Math.floor(values.rate / full.requestsPerSecond) + 1;
    const meets = (count: number): boolean => {
      const { p99Seconds, ttftP99Seconds } = loadOf(replica, { count, places, ...values });
      return (
        p99Seconds <= (values.p99 ?? Number.POSITIVE_INFINITY) &&
        ttftP99Seconds <= (values.ttftP99 ?? Number.POSITIVE_INFINITY)
      );
    };
    assertReachable(replica, values);
    const count = leastMeeting(least, meets);
    const load = loadOf(replica, { count, places, ...values });
    const perHourUsd = replica.perHourUsd === null ? null : replica.perHourUsd * count;
    return {
      outputs: {
        ...load,
        replicas: count,
        devices: count * replica.devices,
        perHourUsd,
        perMillionOutputUsd:
          perHourUsd === null ? null : perMillion(perHourUsd, values.rate * values.outputTokens),
        activeMax: places,
        utilization: values.rate / (count * full.requestsPerSecond),
        requestsPerSecondMax: count * full.requestsPerSecond,
      },
      notes:
        count > least
          ? [
              `${least === 1 ? '1 replica carries' : `${least} replicas carry`} the rate; the rest is for the p99`,
            ]
          : [],
    };
  },
});

interface Traffic extends RequestTokens {
  readonly rate: number;
  readonly serviceVariation: number;
  readonly arrivalVariation: number;
}

/** Replicas under traffic, each with a number of places for requests. */
interface Pool extends Traffic {
  readonly count: number;
  readonly places: number;
}

interface PoolLoad {
  readonly active: number;
  readonly waitProbability: number;
  readonly ttftMeanSeconds: number;
  readonly ttftP99Seconds: number;
  readonly tpotSeconds: number;
  readonly p99Seconds: number;
}

function loadOf(replica: Replica, pool: Pool): PoolLoad {
  const { count, places, rate, serviceVariation, arrivalVariation } = pool;
  const own = rate / count;
  const full = servingPoint(replica, pool, places);
  const queue = queueState({
    ...{ rate, servers: count * places, serviceSeconds: places / full.requestsPerSecond },
    ...{ arrivalVariation, serviceVariation },
  });
  const running = runningAt(replica, pool, own);
  const point = servingPoint(replica, pool, Math.max(1, running));
  const requestSeconds = point.active / point.requestsPerSecond;
  return {
    active: Math.max(running, own * requestSeconds),
    waitProbability: queue.waitProbability,
    ttftMeanSeconds: point.ttftSeconds,
    ttftP99Seconds: queue.waitSeconds(0.99) + point.ttftSeconds,
    tpotSeconds: point.tpotSeconds,
    p99Seconds: queue.responseSeconds(0.99, requestSeconds),
  };
}

/** Returns the number of running requests at which a replica completes this rate; 0 if a lone request is faster. */
function runningAt(replica: Replica, pool: Pool, rate: number): number {
  const rateOf = (running: number): number => servingPoint(replica, pool, running).requestsPerSecond;
  if (rateOf(1) >= rate) return 0;
  let [low, high] = [1, pool.places];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (rateOf(middle) < rate) low = middle;
    else high = middle;
  }
  return high;
}

/** A request alone on its replica is the fastest; no number of replicas answers sooner. */
function assertReachable(
  replica: Replica,
  values: Traffic & { readonly p99: number | null; readonly ttftP99: number | null },
): void {
  const alone = servingPoint(replica, values, 1);
  const { responseSeconds } = queueState({
    ...{ rate: 0, servers: 1, serviceSeconds: 1 / alone.requestsPerSecond, arrivalVariation: 1 },
    serviceVariation: values.serviceVariation,
  });
  const answer = responseSeconds(0.99);
  if (values.p99 !== null && answer >= values.p99) throw tooSlow('a whole answer', answer, values.p99);
  if (values.ttftP99 !== null && alone.ttftSeconds >= values.ttftP99)
    throw tooSlow('the first token', alone.ttftSeconds, values.ttftP99);
}

function tooSlow(part: string, seconds: number, limit: number): PlimsollError {
  return infeasible(
    `${part} takes ${formatSeconds(seconds)} on an idle replica, so more replicas do not help`,
    {
      value: seconds,
      limit,
      hint: 'a larger --tp, a --weights format of fewer bits, another --gpu, or a longer limit',
    },
  );
}

function withoutLimit(): PlimsollError {
  return new PlimsollError({
    code: 'missing-input',
    message: 'the solver replicas needs --p99, --ttft-p99 or both',
    limit: 'a time such as 20s',
    hint: 'plimsoll solve replicas --help',
  });
}
