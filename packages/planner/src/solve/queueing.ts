/**
 * Queues with several servers in a steady state: Erlang's C formula, and the waits and response times that follow from
 * it. With exponential gaps and service times the results are exact (M/M/c). Other spreads scale the wait by
 * (ca^2 + cs^2) / 2, Kingman's bound for one server and Allen and Cunneen's approximation for several.
 */
import { assert, PlimsollError } from '@plimsoll/foundation';

export interface Queue {
  /** Arrivals per second. */
  readonly rate: number;
  /** Mean seconds of service of one request. */
  readonly serviceSeconds: number;
  readonly servers: number;
  /** Coefficients of variation of the gaps between arrivals and of the service times. */
  readonly arrivalVariation: number;
  readonly serviceVariation: number;
}

export interface QueueState {
  readonly utilization: number;
  /** Probability that a request waits. */
  readonly waitProbability: number;
  readonly meanWaitSeconds: number;
  /** Mean number of waiting requests (Little's law). */
  readonly meanQueue: number;
  /** Returns the seconds that this share of the requests waits at most. */
  waitSeconds(share: number): number;
  /**
   * Returns the seconds within which this share of the requests is answered, wait and service together. A request whose
   * service takes another mean time than the queue's names it.
   */
  responseSeconds(share: number, serviceSeconds?: number): number;
}

/** The least number of servers whose queue does not grow without end. */
export function serversNeeded(rate: number, serviceSeconds: number): number {
  return Math.floor(rate * serviceSeconds) + 1;
}

/** Returns the steady state of a queue. Throws if the queue grows without end. */
export function queueState(queue: Queue): QueueState {
  const { rate, serviceSeconds, servers } = queue;
  const offered = rate * serviceSeconds;
  const utilization = offered / servers;
  if (utilization >= 1) throw unstable(queue);
  const waitProbability = erlangC(offered, servers);
  const spread = (queue.arrivalVariation ** 2 + queue.serviceVariation ** 2) / 2;
  // Mean wait of a request that waits; the wait is exponential.
  const conditional = (spread * serviceSeconds) / (servers * (1 - utilization));
  const tail = (seconds: number): number =>
    seconds < 0 ? 1 : conditional === 0 ? 0 : waitProbability * Math.exp(-seconds / conditional);
  const meanWaitSeconds = waitProbability * conditional;
  return {
    utilization,
    waitProbability,
    meanWaitSeconds,
    meanQueue: rate * meanWaitSeconds,
    waitSeconds: (share) =>
      1 - share >= waitProbability ? 0 : Math.max(0, -Math.log((1 - share) / waitProbability) * conditional),
    responseSeconds: (share, own = serviceSeconds) =>
      quantile(
        responseTail({ ...queue, serviceSeconds: own }, { tail, waitProbability, conditional }),
        share,
        own,
      ),
  };
}

function unstable({ rate, serviceSeconds, servers }: Queue): PlimsollError {
  const needed = serversNeeded(rate, serviceSeconds);
  return new PlimsollError({
    code: 'unstable',
    message: `${rate} requests arrive per second and ${servers === 1 ? '1 server completes' : `${servers} servers complete`} ${(servers / serviceSeconds).toPrecision(3)}, so the queue grows without end`,
    value: rate * serviceSeconds,
    limit: `less than ${servers}`,
    hint: `at least ${needed} servers`,
  });
}

/** A probability that no answer shows. */
const negligible = 1e-200;

/**
 * Returns the probability that a request waits, for an offered load of `offered` servers. The recurrence over Erlang's B
 * stays between 0 and 1, so thousands of servers neither overflow nor cancel.
 */
export function erlangC(offered: number, servers: number): number {
  assert(offered >= 0 && offered < servers, `a stable queue, not ${offered} of ${servers} servers`);
  if (offered === 0) return 0;
  let blocked = 1;
  for (let count = 1; count <= servers; count++) {
    blocked = (offered * blocked) / (count + offered * blocked);
    // Beyond the offered load the share falls faster than any power; millions of idle servers add nothing.
    if (blocked < negligible) return 0;
  }
  const utilization = offered / servers;
  return blocked / (1 - utilization * (1 - blocked));
}

interface Wait {
  /** Probability that a wait is longer than this. */
  readonly tail: (seconds: number) => number;
  readonly waitProbability: number;
  readonly conditional: number;
}

/** Returns the probability that wait and service together take longer than this. */
function responseTail(queue: Queue, wait: Wait): (seconds: number) => number {
  const phases = servicePhases(queue);
  return (seconds) => {
    let sum = 0;
    for (const { probability, shift, mean } of phases)
      sum += probability * sumTail(wait, mean, seconds - shift);
    return sum;
  };
}

interface Phase {
  readonly probability: number;
  /** Constant part in seconds; an exponential part follows. */
  readonly shift: number;
  readonly mean: number;
}

/** A service time with the given mean and variation: a constant and an exponential part, or two exponential phases. */
function servicePhases({ serviceSeconds, serviceVariation }: Queue): readonly Phase[] {
  if (serviceVariation <= 1) {
    const mean = serviceVariation * serviceSeconds;
    return [{ probability: 1, shift: serviceSeconds - mean, mean }];
  }
  const square = serviceVariation ** 2;
  const first = (1 + Math.sqrt((square - 1) / (square + 1))) / 2;
  return [first, 1 - first].map((probability) => ({
    probability,
    shift: 0,
    mean: serviceSeconds / (2 * probability),
  }));
}

/** Returns the probability that the wait plus an exponential time of this mean exceeds `seconds`. */
function sumTail({ tail, waitProbability, conditional }: Wait, mean: number, seconds: number): number {
  if (seconds < 0) return 1;
  if (mean === 0) return tail(seconds);
  const alone = (1 - waitProbability) * Math.exp(-seconds / mean);
  if (conditional === 0) return alone + waitProbability * Math.exp(-seconds / mean);
  const difference = conditional - mean;
  if (Math.abs(difference) < 1e-9 * mean)
    return alone + waitProbability * (1 + seconds / mean) * Math.exp(-seconds / mean);
  return (
    alone +
    (waitProbability * (conditional * Math.exp(-seconds / conditional) - mean * Math.exp(-seconds / mean))) /
      difference
  );
}

/** Finds the time whose tail is 1 - share, by doubling and halving. */
function quantile(tail: (seconds: number) => number, share: number, start: number): number {
  const wanted = 1 - share;
  let high = start;
  while (tail(high) > wanted) high *= 2;
  let low = 0;
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (tail(middle) > wanted) low = middle;
    else high = middle;
  }
  return high;
}
