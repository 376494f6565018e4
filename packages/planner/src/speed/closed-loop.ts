/**
 * First-order model of many requests on one replica: latencies of a closed loop of `concurrency` clients, and
 * throughput of a queue that never empties. A request costs the replica one prefill, and a share of each of its decode
 * steps:
 *
 *   one round of n requests = n x prefill + (output - 1) x decode step of n users at the mean context
 *
 * This is no queueing simulation: lengths are fixed, and the model assumes that requests are spread evenly over their
 * progress.
 */
import type { SpeedModel } from './speed-model.ts';

/** A load on one replica. All tokens are per request. */
export interface Load {
  readonly inputTokens: number;
  /** Input tokens found in a prefix cache. Default: 0. */
  readonly cachedTokens?: number | undefined;
  readonly outputTokens: number;
  /** Requests that are sent and not yet answered; Infinity for a queue that never empties. */
  readonly concurrency: number;
  /** Most sequences that the replica runs at once: the limit of the cache and of the engine. */
  readonly activeMax: number;
  /** Most prompt tokens in one step. */
  readonly batchTokens: number;
  /** Number of pipeline stages, which work on different prompts at the same time. */
  readonly pipeline: number;
  /** Groups of devices that prefill different prompts in parallel (DP attention). */
  readonly groups: number;
  /**
   * Spread of the request lengths, as a share of the time of a request. 0 if all requests are equal and sent at once,
   * so that every round starts together; the larger the spread, the fewer requests start together.
   */
  readonly lengthSpread: number;
  /** Seconds of a request outside the devices: connection, tokeniser, first answer. */
  readonly requestSeconds: number;
}

/** Throughput and mean latencies of a load. */
export interface LoadPoint {
  /** Requests that the replica runs at once. */
  readonly active: number;
  readonly requestsPerSecond: number;
  readonly outputTokensPerSecond: number;
  /** Mean over requests, including the wait for a place among the active requests. */
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
}

/** Computes throughput and mean latencies of a load on one replica. */
export function loadPoint(speed: SpeedModel, load: Load): LoadPoint {
  const { inputTokens, outputTokens, concurrency } = load;
  const active = Math.max(1, Math.min(concurrency, load.activeMax));
  const prefill = prefillShare(speed, load, active);
  const decode = speed.decodeSeconds(active, inputTokens + outputTokens / 2);
  const steps = Math.max(0, outputTokens - 1);
  const round = active * prefill + steps * decode;
  const requestsPerSecond = active / round;
  const first = firstToken(speed, load, { active, prefill, decode, round });
  const waiting = concurrency === Number.POSITIVE_INFINITY ? 0 : Math.max(0, concurrency - active);
  return {
    active,
    requestsPerSecond,
    outputTokensPerSecond: requestsPerSecond * outputTokens,
    ttftSeconds: first + waiting / requestsPerSecond + load.requestSeconds,
    tpotSeconds: steps === 0 ? decode : Math.max(decode, (round - first) / steps),
  };
}

/** Returns the seconds per prompt if prefill steps hold as many prompts as fit. */
function prefillShare(speed: SpeedModel, load: Load, active: number): number {
  const room = Math.max(load.groups, Math.floor((load.batchTokens * load.groups) / load.inputTokens));
  const together = Math.max(1, Math.min(active, room));
  const seconds = speed.prefillSeconds(load.inputTokens, load.cachedTokens ?? 0, together) / together;
  return seconds / Math.min(load.pipeline, Math.max(1, active / together));
}

/**
 * Returns the share of requests that start together: the prefill time of a burst, over that time plus the spread of a
 * round.
 */
function togetherShare(load: Pick<Load, 'lengthSpread'>, burstSeconds: number, roundSeconds: number): number {
  return burstSeconds / (burstSeconds + load.lengthSpread * roundSeconds);
}

/**
 * Returns the mean seconds until the first token of an admitted request. Requests that start together are prefilled one
 * after another, so the mean request waits for half of the others. A request that starts alone waits for the rest of
 * the current step, and for other prefills as in a queue with Poisson arrivals and fixed service times (M/D/1).
 */
function firstToken(
  speed: SpeedModel,
  load: Load,
  at: { readonly active: number; readonly prefill: number; readonly decode: number; readonly round: number },
): number {
  const own = speed.prefillSeconds(load.inputTokens, load.cachedTokens ?? 0);
  if (at.active <= 1) return own;
  const together = Math.max(own, ((at.active + 1) / 2) * at.prefill);
  const busy = Math.min(0.95, ((at.active - 1) * at.prefill) / at.round);
  const apart = own + at.decode / 2 + (busy * at.prefill) / (2 * (1 - busy));
  const share = togetherShare(load, at.active * at.prefill, at.round);
  return share * together + (1 - share) * Math.min(apart, together + at.decode);
}

/** A load on separate workers for prefill and decode. */
export interface SplitLoad {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly concurrency: number;
  /** Most sequences that one decode worker runs at once. */
  readonly activeMax: number;
  readonly batchTokens: number;
  readonly prefillWorkers: number;
  /** Groups of a prefill worker's devices that prefill different prompts in parallel. */
  readonly prefillGroups: number;
  readonly decodeWorkers: number;
  readonly lengthSpread: number;
  readonly requestSeconds: number;
}

/**
 * Computes a closed loop over separate workers. The slower phase limits the rate. By Little's law, all requests outside
 * decode wait for their first token, so too few prefill workers raise TTFT but not the time per token.
 */
export function splitPoint(prefill: SpeedModel, decode: SpeedModel, load: SplitLoad): LoadPoint {
  const { inputTokens, outputTokens, concurrency, decodeWorkers } = load;
  const context = inputTokens + outputTokens / 2;
  const steps = Math.max(1, outputTokens - 1);
  const own = prefill.prefillSeconds(inputTokens);
  const waitingEach = Math.max(1, concurrency / load.prefillWorkers);
  const room = Math.max(
    load.prefillGroups,
    Math.floor((load.batchTokens * load.prefillGroups) / inputTokens),
  );
  const together = Math.max(1, Math.min(room, waitingEach));
  const cost = prefill.prefillSeconds(inputTokens, 0, together) / together;
  const prefillRate = load.prefillWorkers / cost;
  // The number of requests in decode settles where as many enter from prefill as finish; substitution converges to it.
  let active = Math.min(concurrency / decodeWorkers, load.activeMax);
  let step = decode.decodeSeconds(Math.max(1, active), context);
  let rate = 0;
  for (let round = 0; round < 12; round++) {
    step = decode.decodeSeconds(Math.max(1, active), context);
    rate = Math.min(
      prefillRate,
      (active * decodeWorkers) / (steps * step),
      concurrency / (own + steps * step),
    );
    active = (active + Math.min((rate * steps * step) / decodeWorkers, load.activeMax)) / 2;
  }
  const waiting = (concurrency - active * decodeWorkers) / rate;
  const firstRound = Math.max(own, ((waitingEach + 1) / 2) * cost);
  const later = Math.max(own, waiting);
  const share = togetherShare(load, waitingEach * cost, concurrency / rate);
  return {
    active: active * decodeWorkers,
    requestsPerSecond: rate,
    outputTokensPerSecond: rate * outputTokens,
    ttftSeconds: Math.max(later, share * firstRound + (1 - share) * later) + load.requestSeconds,
    tpotSeconds: step,
  };
}
