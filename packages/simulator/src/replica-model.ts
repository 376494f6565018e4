/**
 * Turns a deployment of the planner into the model of a replica: the pools of blocks that its scheduler gets, the limits
 * and the order of its steps, and their times. Memory and speed come from the deployment alone.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '@plimsoll/planner';
import type { policyOf } from '@plimsoll/planner/engines';
import { policies, type ServingConfig } from '@plimsoll/serving';
import {
  type HostCacheModel,
  type HostCacheQuestion,
  hostCacheModel,
} from './host-cache/host-cache-model.ts';
import type { ReplicaModel } from './replica.ts';
import type { ReplicaLayout } from './replica-layout.ts';
import {
  besideDraft,
  refuseSpeculation,
  type SpeculationQuestion,
  speculationModel,
} from './speculation-model.ts';

/** How the engine's scheduler fills a step; the rows are data of the engines. */
export type StepRules = Pick<ReturnType<typeof policyOf>, 'order' | 'admission' | 'reserve' | 'skipHeadMax'>;

export interface ReplicaQuestion {
  readonly deployment: Deployment;
  readonly rules: StepRules;
  /** Most sequences at once; null for the engine's own limit. */
  readonly sequencesMax: number | null;
  /** Most tokens in a step. */
  readonly stepTokensMax: number;
  readonly prefixCaching: boolean;
  /** Mean tokens of a sequence over its life, which divides the memory among windowed and whole caches. */
  readonly meanTokens: number;
  /** Default: no speculative decoding. */
  readonly speculation?: SpeculationQuestion | null | undefined;
  /** Default: evicted blocks are lost. */
  readonly hostCache?: HostCacheQuestion | null | undefined;
}

/** Tokens per block of an engine that prints none. */
const usualBlockTokens = 16;
/** Sequences at once if neither the engine nor the scenario limits them. */
const usualSequencesMax = 256;

const admissions = {
  'first-chunk': 'first-chunk',
  'whole-prompt': 'prompt',
  'whole-sequence': 'sequence',
} as const;

export function replicaModel(asked: ReplicaQuestion): ReplicaModel {
  const { speculation = null } = asked;
  if (speculation !== null) refuseSpeculation(asked.deployment);
  const deployment = besideDraft(asked.deployment, speculation?.draft ?? null, asked.meanTokens);
  const question = { ...asked, deployment };
  const { rules } = question;
  const microBatches = deployment.speed.pipeline.stageShares.length;
  const schedulers = microBatches * deployment.dataGroups;
  const runningMax = Math.max(1, Math.ceil(sequencesOf(question) / schedulers));
  const blockSize = deployment.printed?.blockTokens ?? usualBlockTokens;
  const { hostCache: asksHost = null } = asked;
  const host = asksHost === null ? null : hostCacheModel(asksHost, deployment, { blockSize, schedulers });
  const pools = poolsOf(question, { blockSize, runningMax, microBatches });
  const serving: ServingConfig = {
    blockSize,
    ...(host === null ? pools : withHost(pools, host)),
    contextMax: deployment.contextMax,
    runningMax,
    tokenBudget: Math.max(question.stepTokensMax, runningMax),
    prefixCaching: question.prefixCaching,
    order: rules.order,
    admission: admissions[rules.admission],
    admissionReserve: rules.reserve,
    skipHeadMax: rules.skipHeadMax,
    // These engines give a prompt all tokens of a step, and evict the least recently used block.
    heldShare: 0,
    evictionSpread: 0,
    policy: policies.fcfs,
  };
  return {
    serving,
    stepSeconds: (rows) => deployment.speed.stepSeconds(rows),
    layout: layoutOf(deployment),
    ...(host !== null && { hostLink: host.link }),
    speculation: speculation === null ? undefined : speculationModel(speculation),
  };
}

/** Undefined for one scheduler whose steps follow each other. */
function layoutOf({ speed, dataGroups }: Deployment): ReplicaLayout | undefined {
  const { stageShares, hopSeconds } = speed.pipeline;
  if (dataGroups === 1 && stageShares.length === 1) return undefined;
  return { dataGroups, stageShares, hopSeconds, stepSeconds: (groups) => speed.groupedStepSeconds(groups) };
}

function sequencesOf({ deployment, sequencesMax }: ReplicaQuestion): number {
  const own = deployment.sequencesMax === Infinity ? usualSequencesMax : deployment.sequencesMax;
  return sequencesMax === null ? own : Math.min(sequencesMax, own);
}

type Pools = Pick<ServingConfig, 'groups' | 'stateSlots'>;

function withHost(
  { groups, ...pools }: Pools,
  { blockCount, rule }: HostCacheModel,
): Pools & Pick<ServingConfig, 'hostCache'> {
  return {
    ...pools,
    groups: groups.map((group) => ({ ...group, hostBlockCount: blockCount })),
    hostCache: rule,
  };
}

/** Most of the pool that windowed caches get for the prompts of a step. */
const stepShareMax = 0.5;

interface PoolShape {
  readonly blockSize: number;
  readonly runningMax: number;
  /** Schedulers that share the memory of a device. */
  readonly microBatches: number;
}

/**
 * Divides the pool among the groups of layers in proportion to the bytes that a sequence of the mean length takes in
 * each. Engines with one pool for all groups move this border as they run; a fixed border is a little worse than theirs
 * where the lengths of sequences vary much.
 */
function poolsOf(question: ReplicaQuestion, { blockSize, runningMax, microBatches }: PoolShape): Pools {
  const { deployment, meanTokens } = question;
  const { groups, poolBytes } = deployment;
  const cached = groups.filter(({ entryBytes, layers }) => entryBytes * layers > 0);
  const tokensPerSequence = blockSize * Math.max(1, Math.ceil(meanTokens / blockSize));
  // The engine's own blocks may pad what the groups sum up to.
  const own = deployment.sequenceBytes(Math.min(tokensPerSequence, deployment.contextMax));
  const shares = cached.map(({ layers, entryBytes, tokensPerEntry, tokensMax }) => {
    const blockBytes = (layers * entryBytes * blockSize) / tokensPerEntry;
    const kept =
      tokensMax === Infinity ? tokensPerSequence : Math.min(tokensPerSequence, tokensMax + blockSize);
    const isWindowed = kept < tokensPerSequence;
    return { blockBytes, bytes: blockBytes * Math.ceil(kept / blockSize), tokensMax, isWindowed };
  });
  const stateBytes = groups.reduce((sum, group) => sum + group.layers * group.stateBytes, 0);
  const summed = shares.reduce((sum, { bytes }) => sum + bytes, stateBytes);
  const padding = Math.max(1, own / summed);
  // The prompts of a step need a windowed cache for all their tokens, before the window leaves them.
  const stepBlocks = Math.ceil(Math.min(question.stepTokensMax, deployment.contextMax) / blockSize);
  const stepBytes =
    shares.reduce((sum, share) => sum + (share.isWindowed ? share.blockBytes : 0), 0) * stepBlocks;
  const ownBytes = poolBytes / microBatches;
  const promptShare = Math.min(stepShareMax, stepBytes / ownBytes);
  const sequences = ((1 - promptShare) * ownBytes) / (summed * padding);
  const promptBlocks = stepBytes === 0 ? 0 : Math.floor((stepBlocks * promptShare * ownBytes) / stepBytes);
  const pools = shares.map(({ blockBytes, bytes, tokensMax, isWindowed }, index) => ({
    name: `group ${index}`,
    blockCount: Math.max(0, Math.floor((sequences * bytes) / blockBytes) + (isWindowed ? promptBlocks : 0)),
    window: tokensMax === Infinity ? null : tokensMax,
  }));
  refuseEmpty(pools, poolBytes);
  if (stateBytes === 0) return { groups: pools };
  return { groups: pools, stateSlots: { count: Math.max(1, Math.min(runningMax, Math.floor(sequences))) } };
}

function refuseEmpty(pools: readonly { readonly blockCount: number }[], poolBytes: number): void {
  if (pools.every(({ blockCount }) => blockCount > 0)) return;
  throw new PlimsollError({
    code: 'over-memory-budget',
    message: `the model leaves ${Math.round(poolBytes)} bytes of the device for the KV cache`,
    value: Math.round(poolBytes),
    limit: 'at least one block in every group',
    hint: 'use more devices (layout tp), smaller weights, or a device with more memory',
  });
}
