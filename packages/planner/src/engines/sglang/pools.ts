/**
 * Divides the rest of SGLang's budget into pools (0.4 to 0.5.15: model_executor/model_runner*.py; from 0.5.16:
 * mem_cache/kv_cache_configurator.py, _resolve_memory_pool_config):
 *
 *   rest    = free after the weights - free before them x (1 - fraction)
 *   states  = slots of recurrent state; by default 9 of 19 parts of the rest
 *   tokens  = remaining bytes / bytes of a token, in whole pages
 */
import type { CacheLayout } from './cache-layout.ts';
import type { SglangRelease } from './release.ts';
import type { SglangSettings } from './start-settings.ts';

export interface PoolInput {
  /** Free memory of the fullest device before and after the weights, in bytes. */
  readonly freeBeforeBytes: number;
  readonly freeAfterBytes: number;
  readonly layout: CacheLayout;
  readonly settings: SglangSettings;
  readonly release: SglangRelease;
  /** Tokens of the pipeline stage with the fewest tokens; null for a single stage. */
  readonly tokensMax: number | null;
}

export interface StatePool {
  /** Number of slots, printed as max_mamba_cache_size. */
  readonly slots: number;
  /** Slots that one running request takes. */
  readonly perRequest: number;
  /** Bytes of the slots on the device; the pool has one slot more than it prints. */
  readonly bytes: number;
  /** Bytes of the states after each draft token, to which a rejected draft returns. */
  readonly verifyBytes: number;
}

export interface Pools {
  /** Bytes that the budget leaves for states and tokens; negative if the weights exceed the share. */
  readonly restBytes: number;
  /** max_total_num_tokens; 0 if not even a page fits. */
  readonly tokens: number;
  /** Tokens of the pool of windowed layers; null without one. */
  readonly windowTokens: number | null;
  readonly kvBytes: number;
  readonly state: StatePool | null;
  /** max_running_requests of one data-parallel group. */
  readonly requests: number;
}

export function sizePools(input: PoolInput): Pools {
  const { layout, settings } = input;
  const restBytes = input.freeAfterBytes - input.freeBeforeBytes * (1 - settings.memFractionStatic);
  const states = layout.slotBytes === 0 ? null : stateSlots(restBytes - settings.reservedBytes, input);
  const forTokens = restBytes - settings.reservedBytes - (states?.budgetBytes ?? 0) - layout.fixedBytes;
  const { tokens, windowTokens } = tokenCounts(Math.max(0, forTokens), input);
  const requests = runningRequests(tokens, states, input);
  return {
    restBytes,
    tokens,
    windowTokens,
    kvBytes: layout.poolBytes(tokens, windowTokens),
    state: states === null ? null : statePool(states, requests, input),
    requests,
  };
}

interface Slots {
  readonly slots: number;
  readonly perRequest: number;
  readonly budgetBytes: number;
}

/** From 0.5.17 the padding slot of both buffers is in the budget. */
function paddingSlots({ release }: PoolInput): number {
  return release.number >= 5.17 ? 1 : 0;
}

function stateSlots(restBytes: number, input: PoolInput): Slots {
  const { layout, settings, release } = input;
  const { slotBytes } = layout;
  const padding = paddingSlots(input);
  const draftTokens = settings.speculation?.draftTokens ?? 0;
  const perRequest = slotsPerRequest(settings);
  const chosen = chosenSlots(settings, release);
  if (chosen !== null) {
    const verified = settings.radixCache
      ? Math.min(settings.maxRunningRequests ?? chosen, Math.floor(chosen / perRequest))
      : chosen;
    const verifyBytes = draftTokens === 0 ? 0 : (verified + padding) * draftTokens * slotBytes;
    return { slots: chosen, perRequest, budgetBytes: (chosen + padding) * slotBytes + verifyBytes };
  }
  const ratio = settings.stateRatio;
  const budget = (Math.max(0, restBytes) * ratio) / (1 + ratio);
  const each = slotBytes * (1 + draftTokens / perRequest);
  const slots = Math.max(0, Math.floor((budget - padding * slotBytes * (1 + draftTokens)) / each));
  const verified = Math.min(settings.maxRunningRequests ?? slots, Math.floor(slots / perRequest));
  const verifyBytes = draftTokens === 0 ? 0 : (verified + padding) * draftTokens * slotBytes;
  return { slots, perRequest, budgetBytes: (slots + padding) * slotBytes + verifyBytes };
}

/**
 * Returns the slots that follow from the requests, because without the radix cache a slot belongs to a request; null if
 * the memory determines the slots.
 */
function chosenSlots(settings: SglangSettings, release: SglangRelease): number | null {
  if (settings.maxStateSlots !== null) return settings.maxStateSlots;
  if (settings.radixCache) return null;
  if (settings.maxRunningRequests !== null) return settings.maxRunningRequests;
  return release.number < 5.1 ? 512 : null;
}

/** Running requests hold a slot, prefixes hold others, and overlapped steps swap two more (MAMBA_CACHE_SIZE_MAX_*). */
function slotsPerRequest(settings: SglangSettings): number {
  if (!settings.radixCache) return 1;
  switch (settings.stateStrategy) {
    case 'no_buffer':
      return 3;
    case 'extra_buffer':
      return settings.overlaps ? 5 : 4;
    case 'extra_buffer_lazy':
      return 4;
    default:
      return settings.stateStrategy satisfies never;
  }
}

function statePool({ slots, perRequest }: Slots, requests: number, input: PoolInput): StatePool {
  const { layout, settings } = input;
  const draftTokens = settings.speculation?.draftTokens ?? 0;
  return {
    slots,
    perRequest,
    bytes: (slots + 1) * layout.slotBytes,
    verifyBytes: draftTokens === 0 ? 0 : (requests + 1) * draftTokens * layout.slotBytes,
  };
}

function tokenCounts(
  bytes: number,
  { layout, settings, tokensMax }: PoolInput,
): { readonly tokens: number; readonly windowTokens: number | null } {
  const { pageSize } = settings;
  const limit = Math.min(
    settings.maxTotalTokens ?? Number.POSITIVE_INFINITY,
    tokensMax ?? Number.POSITIVE_INFINITY,
  );
  const wholePages = (tokens: number): number => Math.floor(tokens / pageSize) * pageSize;
  const { window } = layout;
  if (window?.cappedTokens != null) {
    const windowTokens = Math.ceil(window.cappedTokens / pageSize) * pageSize;
    const room = Math.max(0, bytes - windowTokens * window.cellBytes);
    const tokens = wholePages(Math.min(Math.floor(room / layout.fullCellBytes), limit));
    return { tokens, windowTokens: Math.min(windowTokens, tokens) };
  }
  const cell = layout.budgetCellBytes;
  const room = cell === 0 ? Number.POSITIVE_INFINITY : Math.floor(bytes / cell);
  const most = Math.min(room, limit);
  // A model without cached tokens has a pool of the size of its context.
  const tokens = wholePages(Number.isFinite(most) ? most : settings.contextLength);
  return { tokens, windowTokens: window === null ? null : wholePages(Math.floor(tokens * window.ratio)) };
}

/** 512 requests of the context for each pool of its size, within 2048 and 4096 (_resolve_max_num_reqs). */
function runningRequests(tokens: number, states: Slots | null, { settings }: PoolInput): number {
  const estimated = Math.min(Math.max(Math.trunc((tokens / settings.contextLength) * 512), 2048), 4096);
  const asked = settings.maxRunningRequests ?? estimated;
  const requests = Math.min(asked, Math.floor(tokens / 2));
  return states === null ? requests : Math.min(requests, Math.floor(states.slots / states.perRequest));
}
