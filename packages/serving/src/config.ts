/**
 * The scheduler's configuration: resources, limits of a step, policy. The scheduler checks it once and trusts it
 * afterwards.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { HostCacheRule } from './host-cache.ts';
import type { SchedulingPolicy } from './policies.ts';

/** Layers with the same cache layout share a pool: all full-attention layers, or all layers with one sliding window. */
export interface PoolConfig {
  readonly name: string;
  readonly blockCount: number;
  /** Tokens that a position attends to, including itself; null = all tokens before it. */
  readonly window: number | null;
  /** Blocks in host memory, for spilled sequences and for `hostCache`. Default 0. */
  readonly hostBlockCount?: number;
}

/** Recurrent state (SSM, linear attention): one slot per running sequence, however long its context. */
export interface StateSlotLimits {
  readonly count: number;
  /** Slots in host memory for spilled sequences. Default 0. */
  readonly hostCount?: number;
}

export type Admission = 'first-chunk' | 'prompt' | 'expected-output' | 'sequence';
export type StepOrder = 'decode-first' | 'prefill-first' | 'arrival';

export interface ServingConfig {
  /** Tokens per block, the same in all groups. */
  readonly blockSize: number;
  readonly groups: readonly PoolConfig[];
  /** Undefined for a model without recurrent layers. */
  readonly stateSlots?: StateSlotLimits;
  /** Longest sequence: prompt and output tokens. */
  readonly contextMax: number;
  /** Sequences that may hold memory at once. */
  readonly runningMax: number;
  /** Maximum number of tokens in a step; at least runningMax, so that every decoding sequence advances in every step. */
  readonly tokenBudget: number;
  /** Maximum number of tokens of one prompt in a step. Default: the token budget. */
  readonly prefillChunkMax?: number;
  /**
   * Aim for the duration of a step in which sequences decode: prompts get as many tokens in it as the rate that `step`
   * receives allows, within 16 to 512. Default 0.15.
   */
  readonly stepSecondsAim?: number;
  /**
   * Finds blocks by content. Has no effect with state slots: a recurrent state is a fold over all tokens, so the blocks
   * of a prefix are useless without the state at its end. Default true.
   */
  readonly prefixCaching?: boolean;
  /**
   * Keeps evicted blocks of the prefix cache in the host blocks of the groups. A sequence that needs them waits in state
   * `receiving` until `Scheduler.arrive`. For groups without windows, and for content without tokens alone, because no
   * plan carries the copies to the host. Default: evicted content is lost.
   */
  readonly hostCache?: HostCacheRule;
  /** Share of each pool that an admission leaves free while other sequences run, so that they can grow. Default 0.01. */
  readonly admissionReserve?: number;
  /**
   * What must fit in the cache before a sequence starts, besides `admissionReserve`: the first chunk of its prompt; its
   * whole prompt next to the rest of begun prompts; both and the outputs expected from those of finished sequences; or
   * the longest possible output of every sequence, so that none is ever preempted. Default 'expected-output'.
   */
  readonly admission?: Admission;
  /**
   * What a step takes first. `decode-first`: a token of every decoding sequence, then prompts. `prefill-first`: prompts
   * alone if a prompt can run, otherwise decodes. `arrival`: running sequences in the policy's order, then new prompts.
   * Default 'decode-first'.
   */
  readonly order?: StepOrder;
  /** Share of a step that a long prompt leaves to prompts that end in the step (prompt-budget.ts). Default 0.25. */
  readonly heldShare?: number;
  /**
   * How far the order of eviction spreads the blocks of one sequence; 0 is LRU. `BlockPool.releaseChain` defines it.
   * Default 0.25.
   */
  readonly evictionSpread?: number;
  /** Maximum number of waiting requests; the next request is refused with code `queue-full`. Default: no limit. */
  readonly waitingMax?: number;
  /** Maximum sum of prompt tokens over requests that wait for their first admission. Default: no limit. */
  readonly waitingTokensMax?: number;
  /** A request that waits longer than this for its first admission expires. Default: no limit. */
  readonly queueSecondsMax?: number;
  /** Number of later requests that may overtake a waiting request that does not fit yet. Default 0. */
  readonly skipHeadMax?: number;
  readonly policy: SchedulingPolicy;
}

/** The config with its defaults filled in. */
export interface CheckedConfig extends ServingConfig {
  readonly prefillChunkMax: number;
  readonly stepSecondsAim: number;
  readonly prefixCaching: boolean;
  readonly admissionReserve: number;
  readonly admission: Admission;
  readonly order: StepOrder;
  readonly heldShare: number;
  readonly evictionSpread: number;
  readonly waitingMax: number;
  readonly waitingTokensMax: number;
  readonly queueSecondsMax: number;
  readonly skipHeadMax: number;
}

export function checkConfig(config: ServingConfig): CheckedConfig {
  const checked: CheckedConfig = {
    ...config,
    prefillChunkMax: config.prefillChunkMax ?? config.tokenBudget,
    stepSecondsAim: config.stepSecondsAim ?? 0.15,
    prefixCaching: (config.prefixCaching ?? true) && config.stateSlots === undefined,
    admissionReserve: config.admissionReserve ?? 0.01,
    admission: config.admission ?? 'expected-output',
    order: config.order ?? 'decode-first',
    heldShare: config.heldShare ?? 0.25,
    evictionSpread: config.evictionSpread ?? 0.25,
    waitingMax: config.waitingMax ?? Number.MAX_SAFE_INTEGER,
    waitingTokensMax: config.waitingTokensMax ?? Number.MAX_SAFE_INTEGER,
    queueSecondsMax: config.queueSecondsMax ?? Number.MAX_VALUE,
    skipHeadMax: config.skipHeadMax ?? 0,
  };
  requireWhole('blockSize', checked.blockSize, 1);
  requireWhole('contextMax', checked.contextMax, 2);
  requireWhole('runningMax', checked.runningMax, 1);
  requireWhole('tokenBudget', checked.tokenBudget, checked.runningMax, 'runningMax');
  requireWhole('prefillChunkMax', checked.prefillChunkMax, 1);
  if (checked.prefillChunkMax > checked.tokenBudget) {
    refuse('prefillChunkMax', checked.prefillChunkMax, `at most the token budget, ${checked.tokenBudget}`);
  }
  if (!(checked.admissionReserve >= 0 && checked.admissionReserve < 1)) {
    refuse('admissionReserve', checked.admissionReserve, 'at least 0 and below 1');
  }
  if (!(checked.heldShare >= 0 && checked.heldShare < 1)) {
    refuse('heldShare', checked.heldShare, 'at least 0 and below 1');
  }
  if (!(checked.evictionSpread >= 0 && checked.evictionSpread < Infinity)) {
    refuse('evictionSpread', checked.evictionSpread, 'at least 0');
  }
  requireWhole('waitingMax', checked.waitingMax, 1);
  requireWhole('waitingTokensMax', checked.waitingTokensMax, 1);
  requireWhole('skipHeadMax', checked.skipHeadMax, 0);
  if (!(checked.stepSecondsAim > 0)) refuse('stepSecondsAim', checked.stepSecondsAim, 'above 0');
  if (!(checked.queueSecondsMax > 0)) refuse('queueSecondsMax', checked.queueSecondsMax, 'above 0');
  if (checked.groups.length === 0 && checked.stateSlots === undefined) {
    refuse('groups', 0, 'at least one cache group, or state slots');
  }
  for (const group of checked.groups) {
    requireWhole(`groups.${group.name}.blockCount`, group.blockCount, 1);
    requireWhole(`groups.${group.name}.hostBlockCount`, group.hostBlockCount ?? 0, 0);
    if (group.window === null) continue;
    requireWhole(`groups.${group.name}.window`, group.window, 1);
    if (checked.hostCache !== undefined) {
      refuse(`groups.${group.name}.window`, group.window, 'null, because hostCache keeps no windows');
    }
  }
  if (checked.stateSlots !== undefined) {
    requireWhole('stateSlots.count', checked.stateSlots.count, 1);
    requireWhole('stateSlots.hostCount', checked.stateSlots.hostCount ?? 0, 0);
  }
  return checked;
}

function requireWhole(name: string, value: number, least: number, because?: string): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  refuse(name, value, `a whole number, at least ${because === undefined ? least : `${because} = ${least}`}`);
}

function refuse(name: string, value: number, limit: string): never {
  throw new PlimsollError({
    code: 'bad-serving-config',
    message: `${name} is ${value}; it must be ${limit}`,
    value,
    limit,
    hint: `change ${name} in the serving configuration`,
  });
}
