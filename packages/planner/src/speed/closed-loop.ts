/**
 * Many requests on one replica, first order: what a closed loop of `concurrency` clients sees, and what a queue that never
 * empties gets through. A request costs the replica its prefill once, and its share of every decode step it takes part in:
 *
 *   one round of n requests = n x prefill + (output - 1) x decode step of n users at the mean context
 *
 * Not a queueing simulation: lengths are fixed, and requests are taken to be spread evenly over their own progress.
 */
import type { SpeedModel } from './speed-model.ts';

export interface Load {
  readonly inputTokens: number;
  /** Of them, tokens found in a prefix cache; none when absent. */
  readonly cachedTokens?: number | undefined;
  readonly outputTokens: number;
  /** Requests that are sent and not yet answered; Infinity for a queue that never empties. */
  readonly concurrency: number;
  /** Most sequences the replica runs at once: cache and engine limit. */
  readonly activeMax: number;
  /** Prompt tokens an engine puts into one step. */
  readonly batchTokens: number;
  /** Stages that work on different prompts at the same time. */
  readonly pipeline: number;
  /** Groups of devices that prefill different prompts side by side (DP attention). */
  readonly groups: number;
  /**
   * How much lengths differ, as a share of the time a request takes: 0 when all are equal and sent at once, so that every
   * round starts together; the larger, the sooner requests come apart.
   */
  readonly lengthSpread: number;
  /** What a request costs its sender besides the devices: connection, tokeniser, first answer. */
  readonly requestSeconds: number;
}

export interface LoadPoint {
  readonly active: number;
  readonly requestsPerSecond: number;
  readonly outputTokensPerSecond: number;
  /** Means over requests. TTFT contains the wait for a place among the active ones. */
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
}

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

/** What one prompt costs when prompts are prefilled together as far as a step has room. */
function prefillShare(speed: SpeedModel, load: Load, active: number): number {
  const room = Math.max(load.groups, Math.floor((load.batchTokens * load.groups) / load.inputTokens));
  const together = Math.max(1, Math.min(active, room));
  const seconds = speed.prefillSeconds(load.inputTokens, load.cachedTokens ?? 0, together) / together;
  return seconds / Math.min(load.pipeline, Math.max(1, active / together));
}

/** Share of requests that start with the others: how long a burst takes to prefill against how far it has come apart. */
function togetherShare(load: Pick<Load, 'lengthSpread'>, burstSeconds: number, roundSeconds: number): number {
  return burstSeconds / (burstSeconds + load.lengthSpread * roundSeconds);
}

/**
 * Mean wait for the first token of an admitted request. Together: requests are prefilled one after another, so the mean one
 * waits for half of the others. Apart: it waits for the rest of the step under way, and behind other prefills as in a
 * queue with Poisson arrivals and fixed service.
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

/** Prefill and decode on workers of their own. */
export interface SplitLoad {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly concurrency: number;
  /** Most sequences of one decode worker. */
  readonly activeMax: number;
  readonly batchTokens: number;
  readonly prefillWorkers: number;
  /** Groups of a prefill worker's devices that prefill different prompts side by side. */
  readonly prefillGroups: number;
  readonly decodeWorkers: number;
  readonly lengthSpread: number;
  readonly requestSeconds: number;
}

/**
 * A closed loop over split workers. The slower side sets the pace; by Little's law the requests that are not decoding wait
 * for their first token, so a prefill side that is too small shows as TTFT and not as time per token.
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
  // Requests in decode settle where as many come from prefill as leave; a few rounds of substitution find the place.
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
