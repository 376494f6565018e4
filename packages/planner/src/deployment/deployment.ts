/**
 * A deployment: one model on one kind of device under one engine, prepared so that questions about users and context
 * are arithmetic on a few numbers. Everything the planner answers goes through `solve`, so there is one memory
 * arithmetic however a question is asked.
 */
import { assert, type Bytes, bytes } from '@plimsoll/foundation';
import { type CacheGroup, sequenceBytes } from '../bytes/kv-cache.ts';
import type { LedgerEntry } from '../bytes/ledger.ts';
import type { Workload } from '../question/workload.ts';
import type { SpeedModel } from '../speed/speed-model.ts';

export interface Deployment {
  /** Name of the profile that prepared it. */
  readonly engine: string;
  /** Release the profile followed; null where the profile has no versions. */
  readonly engineVersion: string | null;
  /** Command line that starts the engine like this; null for the profile without an engine. */
  readonly command: string | null;
  /** What weights and cache are held in, as printed: `bf16`, `Q4_K_M`, `q8_0`. */
  readonly formats: { readonly weights: string; readonly kvCache: string };
  /** True when the engine allocates the cache of all its sequences at start-up, so that it is among the fixed entries. */
  readonly cacheIsFixed: boolean;
  /** Memory of one device as a process sees it. */
  readonly capacityBytes: Bytes;
  /** Everything held on a device or the host whatever the users do. */
  readonly fixed: readonly LedgerEntry[];
  /** What is left on one device for cached tokens and state; negative when the fixed part alone does not fit. */
  readonly poolBytes: number;
  readonly groups: readonly CacheGroup[];
  /** Groups of users that are served side by side by copies of the attention layers (DP attention). */
  readonly dataGroups: number;
  /** Longest context the model, or the engine as configured, accepts. */
  readonly contextMax: number;
  /** Sequences the engine runs at once whatever the memory; Infinity where it has no such limit. */
  readonly sequencesMax: number;
  /** What sets `sequencesMax`, by the name a person finds it under; null where nothing does. */
  readonly sequencesLimit: string | null;
  readonly weightBytes: number;
  /** Bytes one sequence of this length takes on one device, in the engine's own blocks. Never falls with the length. */
  readonly sequenceBytes: (contextTokens: number) => number;
  /**
   * Bytes of the pool that these users take, where that is more than users x sequenceBytes: engines whose buffers grow
   * with the context they are started for. Never falls with users or context.
   */
  readonly poolBytesFor?: (users: number, contextTokens: number) => number;
  readonly speed: SpeedModel;
  /** What the engine prints about its cache at start-up, where it prints anything. */
  readonly printed: EngineFigures | null;
  /** Doubts and rules a person should know about: version differences, approximations. */
  readonly notes: readonly string[];
}

/** Start-up figures as the engine derives them, which is not always what a sequence can use. */
export interface EngineFigures {
  readonly kvTokens: number;
  readonly blocks: number;
  readonly blockTokens: number;
  /** Sequences of the longest accepted context that fit at once. */
  readonly concurrency: number;
}

/** The numbers of one (context, users) point. Times in seconds, sizes in bytes on one device. */
export interface Solution {
  readonly feasible: boolean;
  readonly cacheBytes: number;
  readonly totalBytes: number;
  /** Total over capacity. */
  readonly utilization: number;
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
  /** Tokens per second over all users. */
  readonly tokensPerSecond: number;
}

/** Answers one point. Does not allocate beyond its result, so that sweeps cost microseconds. */
export function solve(deployment: Deployment, workload: Workload): Solution {
  const { contextTokens, users } = workload;
  assert(
    contextTokens >= 1 && users >= 1,
    `a workload needs tokens and users, not ${contextTokens} and ${users}`,
  );
  const cacheBytes = neededBytes(deployment, users, contextTokens);
  const totalBytes = deployment.capacityBytes - deployment.poolBytes + cacheBytes;
  const tpotSeconds = deployment.speed.decodeSeconds(users, contextTokens);
  return {
    feasible:
      cacheBytes <= deployment.poolBytes &&
      contextTokens <= deployment.contextMax &&
      users <= deployment.sequencesMax,
    cacheBytes,
    totalBytes,
    utilization: totalBytes / deployment.capacityBytes,
    ttftSeconds: deployment.speed.prefillSeconds(
      workload.promptTokens ?? contextTokens,
      workload.cachedTokens ?? 0,
    ),
    tpotSeconds,
    tokensPerSecond: users / tpotSeconds,
  };
}

/** Bytes of one device's pool that `users` sequences of this length take. */
export function neededBytes(deployment: Deployment, users: number, contextTokens: number): number {
  if (deployment.poolBytesFor !== undefined) return deployment.poolBytesFor(users, contextTokens);
  return Math.ceil(users / deployment.dataGroups) * deployment.sequenceBytes(contextTokens);
}

/** Most sequences of this length that fit at once; 0 when not even one does. */
export function usersMax(deployment: Deployment, contextTokens: number): number {
  if (deployment.poolBytes <= 0 || contextTokens > deployment.contextMax) return 0;
  if (deployment.poolBytesFor !== undefined) {
    const plain = Math.floor(deployment.poolBytes / plainBytes(deployment, contextTokens));
    const near = Math.min(Math.max(1, plain), deployment.sequencesMax);
    // What an engine adds grows about as the cache does, so one answer tells the size of the next guess.
    const share = deployment.poolBytes / neededBytes(deployment, near, contextTokens);
    return largest(
      deployment.sequencesMax,
      (users) => fits(deployment, users, contextTokens),
      Math.floor(near * share),
    );
  }
  const perUser = deployment.sequenceBytes(contextTokens);
  if (perUser === 0) return deployment.sequencesMax;
  const fitting = Math.floor(deployment.poolBytes / perUser) * deployment.dataGroups;
  return Math.min(fitting, deployment.sequencesMax);
}

/** Longest context that `users` sequences can have at once, up to the model's own limit; 0 when none fits. */
export function contextMaxFor(deployment: Deployment, users: number): number {
  if (users > deployment.sequencesMax) return 0;
  const exact = (tokens: number): boolean => fits(deployment, users, tokens);
  if (deployment.poolBytesFor === undefined) return largest(deployment.contextMax, exact);
  const plain = (tokens: number): boolean => users * plainBytes(deployment, tokens) <= deployment.poolBytes;
  return largest(deployment.contextMax, exact, largest(deployment.contextMax, plain));
}

/** What the layers cache of one sequence, without the engine's rules: cheap, and near what it will say. */
function plainBytes({ groups }: Deployment, contextTokens: number): number {
  return groups.reduce((total, group) => total + sequenceBytes(group, contextTokens, 1), 0);
}

function fits(deployment: Deployment, users: number, contextTokens: number): boolean {
  return neededBytes(deployment, users, contextTokens) <= deployment.poolBytes;
}

/**
 * Largest whole number up to `limit` that holds, for a property that stops holding once; 0 when none does. It is looked for
 * around `near` with growing steps: an engine's own rules can cost a graph to ask, and plain division is seldom far off.
 */
function largest(limit: number, holds: (value: number) => boolean, near = 1): number {
  const start = Math.min(Math.max(near, 1), limit);
  let low = 0;
  let high = limit + 1;
  if (holds(start)) {
    low = start;
    for (let step = 1; low < limit && high > limit; step *= 2) {
      const next = Math.min(limit, low + step);
      if (holds(next)) low = next;
      else high = next;
    }
  } else {
    high = start;
    for (let step = 1; low === 0 && high > 1; step *= 2) {
      const next = Math.max(1, high - step);
      if (holds(next)) low = next;
      else high = next;
    }
  }
  while (low > 0 && high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * The share of a device's memory at which these users fit: the inverse question. The pool grows by exactly what the limit
 * grows by, so it is one division. Null where no share is enough, and for engines that take no share of the device: those
 * hold their cache among the fixed entries already.
 */
export function shareNeeded(deployment: Deployment, { users, contextTokens }: Workload): number | null {
  if (deployment.cacheIsFixed) return null;
  const needed = neededBytes(deployment, users, contextTokens);
  const engineBytes = fixedDeviceBytes(deployment.fixed.filter((entry) => entry.category !== 'headroom'));
  const share = Math.ceil(((engineBytes + needed) / deployment.capacityBytes) * 100) / 100;
  return share <= 1 ? share : null;
}

/** Cached tokens the pool holds when sequences have this length: the figure people compare between engines. */
export function poolTokens(deployment: Deployment, contextTokens: number): number {
  if (deployment.poolBytes <= 0) return 0;
  const perUser = deployment.sequenceBytes(contextTokens);
  if (perUser === 0) return 0;
  return Math.floor((deployment.poolBytes / perUser) * contextTokens) * deployment.dataGroups;
}

/** Bytes the fixed entries take on one device. */
export function fixedDeviceBytes(entries: readonly LedgerEntry[]): Bytes {
  let total = 0;
  for (const entry of entries) if (entry.tier === 'device') total += entry.bytes;
  return bytes(total);
}
