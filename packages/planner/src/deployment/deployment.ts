/**
 * A deployment: one model on one kind of device under one engine, prepared so that questions about users and context
 * are arithmetic on a few numbers. Every answer of the planner goes through `solve`, so there is one memory arithmetic
 * for all questions.
 */
import { assert, type Bytes, bytes } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import { type CacheGroup, sequenceBytes } from '../bytes/kv-cache.ts';
import type { LedgerEntry } from '../bytes/ledger.ts';
import type { Workload } from '../question/workload.ts';
import type { SpeedModel } from '../speed/speed-model.ts';
import { largestBelow, largestWithin } from './boundary-search.ts';

export interface Deployment {
  /** Name of the profile that prepared the deployment. */
  readonly engine: string;
  /** Release that the profile follows; null if the profile has no versions. */
  readonly engineVersion: string | null;
  /** Command line that starts this deployment; null for the profile without an engine, or if no flags can start it. */
  readonly command: string | null;
  /** The YAML file that the command names, with options that have no flag; undefined if the command needs no file. */
  readonly startFile?: StartFile | undefined;
  /** Formats of weights and cache, as printed: `bf16`, `Q4_K_M`, `q8_0`. */
  readonly formats: { readonly weights: string; readonly kvCache: string };
  /** True if the engine allocates the cache of all sequences at start-up; `fixed` then includes it. */
  readonly cacheIsFixed: boolean;
  /** Number of devices of the whole plan; undefined if it is the product of the split. */
  readonly devices?: number;
  /** The device that the entries describe; undefined if it is the question's. */
  readonly hardware?: HardwareRecord;
  /** Bytes of one device that a process can use. */
  readonly capacityBytes: Bytes;
  /** Entries on a device or the host that do not depend on the users. */
  readonly fixed: readonly LedgerEntry[];
  /** Bytes left on one device for cached tokens and state; negative if the fixed entries alone do not fit. */
  readonly poolBytes: number;
  readonly groups: readonly CacheGroup[];
  /** Number of user groups that copies of the attention layers serve in parallel (DP attention). */
  readonly dataGroups: number;
  /** Longest context in tokens that the model, or the engine as configured, accepts. */
  readonly contextMax: number;
  /** Most sequences that the engine runs at once, regardless of memory; Infinity if it has no such limit. */
  readonly sequencesMax: number;
  /** The setting that limits `sequencesMax`, by the name that a user can look up; null if there is no limit. */
  readonly sequencesLimit: string | null;
  /** Most tokens that one data group computes in a step, as the engine is started; Infinity without an engine. */
  readonly stepTokensMax: number;
  /** Bytes of the weights on one device. */
  readonly weightBytes: number;
  /**
   * Bytes of one sequence of this length on one device, in the engine's own blocks. Never decreases with the length.
   */
  readonly sequenceBytes: (contextTokens: number) => number;
  /**
   * Bytes of the pool that these users take, for engines whose buffers grow with the configured context; undefined if
   * it is users x sequenceBytes. Never decreases with users or context.
   */
  readonly poolBytesFor?: (users: number, contextTokens: number) => number;
  /** A lower bound of `poolBytesFor` that costs little, so that searches ask for the exact number near their result only. */
  readonly leastPoolBytesFor?: (users: number, contextTokens: number) => number;
  readonly speed: SpeedModel;
  /** Figures of the cache that the engine prints at start-up; null if it prints none. */
  readonly printed: EngineFigures | null;
  /**
   * Number of cache blocks that hold recurrent state or keys and values; null or undefined without recurrent layers.
   */
  readonly stateBlocks?: number | null;
  /** Every device, where an engine puts different parts on them; undefined where all hold the same. */
  readonly perDevice?: readonly DeviceMemory[];
  /** Sentences for the user: rules of the engine, differences between versions, approximations. */
  readonly notes: readonly string[];
}

/** A file of options that an engine reads when it starts. */
export interface StartFile {
  readonly name: string;
  readonly options: Readonly<Record<string, StartValue | Readonly<Record<string, StartValue>>>>;
}

type StartValue = string | number | boolean;

/** What one of several devices holds. */
export interface DeviceMemory {
  /** The engine's name of the device: CUDA0. */
  readonly name: string;
  readonly hardware: string;
  readonly usableBytes: number;
  readonly weightBytes: number;
  /** Caches and states. */
  readonly cacheBytes: number;
  readonly workBytes: number;
  /** Negative by how much is missing. */
  readonly spareBytes: number;
}

/** Start-up figures as the engine computes them; sequences cannot always use all of these tokens. */
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
  /** totalBytes / capacityBytes. */
  readonly utilization: number;
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
  /** Tokens per second over all users. */
  readonly tokensPerSecond: number;
}

/**
 * Answers one (context, users) point; asserts that both are at least 1. Allocates only its result, so that a point of a
 * sweep costs microseconds.
 */
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

/** Whether the pool holds one sequence of this length: engines refuse to start otherwise. */
export function holdsSequence(deployment: Deployment, contextTokens: number): boolean {
  return deployment.poolBytes >= deployment.sequenceBytes(contextTokens);
}

/** Returns the bytes of one device's pool that `users` sequences of this length take. */
export function neededBytes(deployment: Deployment, users: number, contextTokens: number): number {
  if (deployment.poolBytesFor !== undefined) return deployment.poolBytesFor(users, contextTokens);
  return Math.ceil(users / deployment.dataGroups) * deployment.sequenceBytes(contextTokens);
}

/** Returns the largest number of sequences of this length that fit at once; 0 if none fits. */
export function usersMax(deployment: Deployment, contextTokens: number): number {
  if (deployment.poolBytes <= 0 || contextTokens > deployment.contextMax) return 0;
  if (deployment.poolBytesFor !== undefined) {
    const near = deployment.poolBytes / plainBytes(deployment, contextTokens);
    const boundary = { limit: deployment.sequencesMax, room: deployment.poolBytes, near };
    return largestBelow(boundary, {
      exact: (users) => neededBytes(deployment, users, contextTokens),
      least: (users) => deployment.leastPoolBytesFor?.(users, contextTokens) ?? null,
    });
  }
  const perUser = deployment.sequenceBytes(contextTokens);
  if (perUser === 0) return deployment.sequencesMax;
  const fitting = Math.floor(deployment.poolBytes / perUser) * deployment.dataGroups;
  return Math.min(fitting, deployment.sequencesMax);
}

/**
 * Returns the longest context in tokens that `users` sequences can have at once, up to the model's limit; 0 if none
 * fits.
 */
export function contextMaxFor(deployment: Deployment, users: number): number {
  if (users > deployment.sequencesMax) return 0;
  const limit = deployment.contextMax;
  const room = deployment.poolBytes;
  const needed = (tokens: number): number => neededBytes(deployment, users, tokens);
  if (deployment.poolBytesFor === undefined) return largestWithin({ limit, room, near: 1 }, needed);
  const near = largestWithin({ limit, room, near: 1 }, (tokens) => users * plainBytes(deployment, tokens));
  return largestBelow(
    { limit, room, near },
    {
      exact: needed,
      least: (tokens) => deployment.leastPoolBytesFor?.(users, tokens) ?? null,
    },
  );
}

/** Estimates the bytes of one sequence without the engine's rules: cheap, and close to the exact number. */
function plainBytes({ groups }: Deployment, contextTokens: number): number {
  return groups.reduce((total, group) => total + sequenceBytes(group, contextTokens, 1), 0);
}

/**
 * Returns the smallest share of a device's memory at which these users fit, rounded up to hundredths. The pool grows by
 * the same bytes as the limit, so one division answers. Null if no share suffices, and for engines that allocate the
 * cache of all sequences at start-up: they take no share.
 */
export function shareNeeded(deployment: Deployment, { users, contextTokens }: Workload): number | null {
  if (deployment.cacheIsFixed) return null;
  const needed = neededBytes(deployment, users, contextTokens);
  const engineBytes = fixedDeviceBytes(deployment.fixed.filter((entry) => entry.category !== 'headroom'));
  const share = Math.ceil(((engineBytes + needed) / deployment.capacityBytes) * 100) / 100;
  return share <= 1 ? share : null;
}

/**
 * Returns the number of cached tokens that the pool holds if sequences have this length: the usual figure to compare
 * engines.
 */
export function poolTokens(deployment: Deployment, contextTokens: number): number {
  if (deployment.poolBytes <= 0) return 0;
  const perUser = deployment.sequenceBytes(contextTokens);
  if (perUser === 0) return 0;
  return Math.floor((deployment.poolBytes / perUser) * contextTokens) * deployment.dataGroups;
}

/** Sums the bytes of the entries that lie on one device. */
export function fixedDeviceBytes(entries: readonly LedgerEntry[]): Bytes {
  let total = 0;
  for (const entry of entries) if (entry.tier === 'device') total += entry.bytes;
  return bytes(total);
}
