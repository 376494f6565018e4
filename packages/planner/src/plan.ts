/**
 * The main path: request -> deployment (engine profile) -> ledger -> capacity -> speed -> advice. Pure: callers resolve
 * names and render text.
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import { activeParameterCount, type ModelSpec, textParameterCount } from '@plimsoll/model-files/spec';
import { type Advice, type AdvisedRequest, advise } from './advice/advice.ts';
import { growthBytesPerToken } from './bytes/kv-cache.ts';
import type { Ledger, LedgerEntry } from './bytes/ledger.ts';
import { deviceCount } from './bytes/parallelism.ts';
import {
  contextMaxFor,
  type Deployment,
  type DeviceMemory,
  type EngineFigures,
  holdsSequence,
  neededBytes,
  poolTokens,
  shareNeeded,
  solve,
  usersMax,
} from './deployment/deployment.ts';
import { type Price, priceOf } from './deployment/price.ts';
import type { Start } from './engines/contract/start.ts';
import type { EngineName, PlanRequest } from './engines/engine-list.ts';
import { engineProfile, prepare } from './engines/engines.ts';
import type { Workload } from './question/workload.ts';

export interface Plan {
  readonly model: {
    readonly id: string;
    readonly family: string;
    readonly parameters: number;
    readonly activeParameters: number;
    readonly contextLength: number;
    readonly weights: string;
    readonly kvCache: string;
  };
  readonly hardware: {
    readonly id: string;
    readonly name: string;
    readonly devices: number;
    /** Bytes of one device: the size on the data sheet, and the size that a process can use. */
    readonly nominalBytes: number;
    readonly usableBytes: number;
    readonly pricePerHourUsd: number | null;
  };
  readonly engine: {
    readonly name: EngineName;
    readonly version: string | null;
    readonly command: string | null;
  };
  readonly workload: Workload;
  readonly fits: boolean;
  /**
   * States whether the engine starts on the request. If the users fit but it does not start, `engine.command` has the
   * fix.
   */
  readonly start: Start;
  /** Bytes of one device's pool that the workload leaves free; if the pool is too small, minus the missing bytes. */
  readonly spareBytes: number;
  /** Entries of one device, and of the host if the engine holds memory there. */
  readonly ledger: Ledger;
  /** Every device, where the engine puts different parts on them, else null: `ledger` shows the fullest. */
  readonly perDevice: readonly DeviceMemory[] | null;
  readonly capacity: {
    readonly poolBytes: number;
    /** Tokens that the pool holds if every sequence has this context. */
    readonly poolTokens: number;
    readonly bytesPerToken: number;
    readonly bytesPerUser: number;
    /** Largest number of users with this context. */
    readonly usersMax: number;
    /** Longest context of these users, in tokens. */
    readonly contextMax: number;
    /** Smallest share of a device's memory at which this workload fits; null if no share suffices. */
    readonly utilizationNeeded: number | null;
    readonly printed: EngineFigures | null;
    /** Cache blocks of a model with recurrent state; null if the model has none or the engine counts none. */
    readonly stateBlocks: number | null;
  };
  readonly speed: {
    readonly ttftSeconds: number;
    readonly promptTokens: number;
    readonly tpotSeconds: number;
    readonly tokensPerSecond: number;
    readonly bound: 'memory' | 'compute';
  };
  /** Null if the device has no price or the workload does not fit. */
  readonly price: Price | null;
  readonly advice: readonly Advice[];
  readonly notes: readonly string[];
}

/** A plan with the requests behind its advice, for callers that plan these requests next. */
export interface AdvisedPlan {
  readonly plan: Plan;
  /** One entry for each piece of the plan's advice, in the same order. */
  readonly advised: readonly AdvisedRequest[];
}

/** Plans a request. Throws the PlimsollError that `refusalOf` returns for the request. */
export function plan(request: PlanRequest): Plan {
  return planWithRequests(request).plan;
}

/** Like `plan`, and also returns the request of each piece of advice. */
export function planWithRequests(request: PlanRequest): AdvisedPlan {
  const deployment = prepare(request);
  const advised = advise(request, deployment);
  return { plan: planOf(request, deployment, advised), advised };
}

function planOf(request: PlanRequest, deployment: Deployment, advised: readonly AdvisedRequest[]): Plan {
  const { workload, spec } = request;
  const hardware = deployment.hardware ?? request.hardware;
  const solution = solve(deployment, workload);
  const start = engineProfile(request.engine).start(request, deployment);
  const holdsOne = holdsSequence(deployment, workload.contextTokens);
  const fits = solution.feasible && holdsOne;
  return {
    model: {
      id: spec.id,
      family: spec.family,
      parameters: textParameterCount(spec),
      activeParameters: activeParameterCount(spec),
      contextLength: spec.contextLength,
      ...deployment.formats,
    },
    hardware: {
      id: hardware.id,
      name: hardware.name,
      devices: deployment.devices ?? deviceCount(request.parallelism),
      nominalBytes: hardware.memory.nominalBytes,
      usableBytes: hardware.memory.usableBytes,
      pricePerHourUsd: hardware.pricePerHourUsd,
    },
    engine: {
      name: request.engine,
      version: deployment.engineVersion,
      command: fits ? (start.fix?.command ?? deployment.command) : deployment.command,
    },
    workload,
    fits,
    start,
    spareBytes: deployment.poolBytes - solution.cacheBytes,
    ledger: { entries: [...deployment.fixed, ...cacheEntries(deployment, workload)] },
    perDevice: deployment.perDevice ?? null,
    capacity: capacityOf(request, deployment),
    speed: {
      ttftSeconds: solution.ttftSeconds,
      promptTokens: workload.promptTokens ?? workload.contextTokens,
      tpotSeconds: solution.tpotSeconds,
      tokensPerSecond: solution.tokensPerSecond,
      bound: deployment.speed.decodeBound(workload.users, workload.contextTokens),
    },
    price: holdsOne ? priceOf(request, deployment, solution) : null,
    advice: advised.map(({ advice }) => advice),
    notes: [...deployment.notes, ...limitNotes(deployment, workload), ...unmodelledNotes(spec)],
  };
}

/** Notes that a setting of the engine limits the users, if memory does not. */
function limitNotes(deployment: Deployment, { contextTokens }: Workload): readonly string[] {
  const { sequencesMax, sequencesLimit } = deployment;
  if (sequencesLimit === null || usersMax(deployment, contextTokens) < sequencesMax) return [];
  if (neededBytes(deployment, sequencesMax + 1, contextTokens) > deployment.poolBytes) return [];
  return [`${sequencesLimit} limits the users to ${formatCount(sequencesMax)}; memory has room for more`];
}

/** Names listed in a note, and characters of each. */
const namesListedMax = 5;
const nameLengthMax = 60;

/** Notes that the model's files have parts that the plan does not count. */
function unmodelledNotes({ notModelled }: ModelSpec): readonly string[] {
  if (notModelled.length === 0) return [];
  const listed = notModelled.slice(0, namesListedMax).map((name) => name.slice(0, nameLengthMax));
  const more = notModelled.length > listed.length ? ` and ${notModelled.length - listed.length} more` : '';
  return [`not modelled, so their bytes are not counted: ${listed.join(', ')}${more}`];
}

function capacityOf(request: PlanRequest, deployment: Deployment): Plan['capacity'] {
  const { contextTokens, users } = request.workload;
  return {
    poolBytes: deployment.poolBytes,
    poolTokens: poolTokens(deployment, contextTokens),
    bytesPerToken: growthBytesPerToken(deployment.groups),
    bytesPerUser: deployment.sequenceBytes(contextTokens),
    usersMax: usersMax(deployment, contextTokens),
    contextMax: contextMaxFor(deployment, users),
    utilizationNeeded: shareNeeded(deployment, request.workload),
    printed: deployment.printed,
    stateBlocks: deployment.stateBlocks ?? null,
  };
}

/** Ledger entries of the workload: one per kind of cache, and one for the rounding of the engine's blocks. */
function cacheEntries(deployment: Deployment, workload: Workload): readonly LedgerEntry[] {
  if (deployment.cacheIsFixed) return [];
  const users = Math.ceil(workload.users / deployment.dataGroups);
  const whole = neededBytes(deployment, workload.users, workload.contextTokens);
  const entries: LedgerEntry[] = [];
  let exact = 0;
  for (const group of deployment.groups) {
    const kept = Math.ceil(Math.min(workload.contextTokens, group.tokensMax) / group.tokensPerEntry);
    const perUser = group.layers * (kept * group.entryBytes + group.stateBytes);
    exact += users * perUser;
    const perLayer = group.kind === 'state' ? group.terms : `${formatCount(kept)} entries x ${group.terms}`;
    entries.push({
      category: group.kind === 'state' ? 'state' : 'kv-cache',
      tag: group.tag,
      tier: 'device',
      bytes: bytes(users * perUser),
      derivation: {
        formula: 'users x layers x cached entries x bytes per entry',
        substituted: `${users} x ${group.layers} layers x ${perLayer}`,
        source: 'attention layout of the model',
      },
    });
  }
  if (whole > exact) {
    entries.push({
      category: 'kv-cache',
      tag: 'room in blocks',
      tier: 'device',
      bytes: bytes(whole - exact),
      derivation: {
        formula: 'whole blocks in every group, with room for tokens in flight - cached entries',
        substituted: `${formatCount(whole)} - ${formatCount(exact)}`,
        source: `${deployment.engine} cache layout`,
      },
    });
  }
  return entries;
}
