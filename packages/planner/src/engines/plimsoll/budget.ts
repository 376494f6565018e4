/**
 * The budget: the bytes that are left for the growing cache after everything else is subtracted.
 *
 *   available = free - reserve - recurrent state - window spans - weights - draft - workspaces
 *
 * The growing cache takes the share `kvShare` of the available bytes: at least one full sequence if one fits, at most
 * the need of all sequences at full length. Workspaces are subtracted before the cache although the engine allocates
 * them after it; otherwise the cache would leave them no room.
 */
import type { CacheLoad } from './cache-layout.ts';
import { sequenceBlocks } from './cache-layout.ts';
import {
  type ArenaNeed,
  arenaNeed,
  blocksNeeded,
  cacheSums,
  type EngineParts,
  entryBytes,
  headroomEntries,
  hostBytes,
  loadOf,
} from './engine-parts.ts';
import type { EngineSettings } from './settings.ts';

export interface MemoryBudget {
  readonly freeBytes: number;
  /** The process with its threads, tokenizer and requests, and the bytes that stay unused. */
  readonly reserveBytes: number;
  readonly stateBytes: number;
  /** Sliding and chunked layers: a fixed span per sequence slot. */
  readonly windowBytes: number;
  readonly weightBytes: number;
  /** The draft model: its weights and its caches. */
  readonly draftBytes: number;
  /** Control, step and head regions of all arenas, staging, features, and rounding to pages. */
  readonly workspaceBytes: number;
  /** Bytes left for the growing cache; if there are none, minus the missing bytes. */
  readonly availableBytes: number;
  /**
   * Bytes of the growing cache: `poolBlocks` blocks in every full-attention layer; those of one sequence if none fits.
   */
  readonly kvBytes: number;
  readonly poolBlocks: number;
  /** Blocks that all sequences at full length would hold. */
  readonly blocksNeeded: number;
  /** Sequences of full length that fit at once. */
  readonly sequencesHeld: number;
  /** Bytes missing for one sequence of full length; 0 if it fits. */
  readonly shortBytes: number;
  /** True if a layer and its cache exceed an arena, so that no amount of memory lets a sequence fit. */
  readonly exceedsArena: boolean;
}

interface Evaluated {
  readonly load: CacheLoad;
  readonly need: ArenaNeed;
  readonly growingBytes: number;
}

/** Computes the budget of an engine in `freeBytes` of memory. */
export function memoryBudget(parts: EngineParts, freeBytes: number): MemoryBudget {
  const { settings } = parts;
  const limitBytes = arenaLimit(parts, freeBytes);
  const perSequence = sequenceBlocks(settings.contextMax, settings.blockTokens);
  const needed = hasGrowingCache(parts) ? blocksNeeded(settings) : 0;
  const least = Math.min(perSequence, needed);
  const fits = (blocks: number): boolean => {
    const { need } = evaluate(parts, blocks);
    return need.placement !== null && need.boundBytes <= limitBytes;
  };
  let blocks = least;
  if (fits(least)) blocks = poolBlocks(parts, { limitBytes, least, needed, fits });
  return budgetAt(parts, freeBytes, blocks);
}

/** Returns the bytes that all arenas together may take. */
export function arenaLimit(parts: EngineParts, freeBytes: number): number {
  return freeBytes - hostBytes(parts) - entryBytes(headroomEntries(parts, freeBytes));
}

function hasGrowingCache(parts: EngineParts): boolean {
  return cacheSums(parts.model, loadOf(parts.settings, 1)).growing > 0;
}

function evaluate(parts: EngineParts, blocks: number): Evaluated {
  const load = loadOf(parts.settings, blocks);
  return { load, need: arenaNeed(parts, load), growingBytes: cacheSums(parts.model, load).growing };
}

interface PoolQuestion {
  readonly limitBytes: number;
  readonly least: number;
  readonly needed: number;
  readonly fits: (blocks: number) => boolean;
}

/** Finds the most blocks that fit and stay within the share, between the need of one sequence and of all sequences. */
function poolBlocks(parts: EngineParts, { limitBytes, least, needed, fits }: PoolQuestion): number {
  const rest = limitBytes - evaluate(parts, 0).need.boundBytes;
  const shareBytes = parts.settings.kvShare * rest;
  const allowed = (blocks: number): boolean =>
    fits(blocks) && (parts.settings.kvShare === 1 || evaluate(parts, blocks).growingBytes <= shareBytes);
  if (allowed(needed)) return needed;
  let low = least;
  let high = needed;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (allowed(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function budgetAt(parts: EngineParts, freeBytes: number, blocks: number): MemoryBudget {
  const { load, need, growingBytes } = evaluate(parts, blocks);
  const { windows, state } = cacheSums(parts.model, load);
  const draft = parts.draft === null ? null : cacheSums(parts.draft, load);
  const draftWeights = parts.draft === null ? 0 : parts.draft.weights.bytes;
  const draftBytes = draft === null ? 0 : draftWeights + draft.growing + draft.windows + draft.state;
  const weightBytes = parts.model.weights.bytes;
  const reserveBytes = entryBytes(parts.runtime) + entryBytes(headroomEntries(parts, freeBytes));
  const inArenas = weightBytes + draftBytes + growingBytes + windows + state;
  const workspaceBytes = need.boundBytes - inArenas + entryBytes(parts.hostBuffers);
  const { settings } = parts;
  const perSequence = sequenceBlocks(settings.contextMax, settings.blockTokens);
  const availableBytes =
    freeBytes - reserveBytes - state - windows - weightBytes - draftBytes - workspaceBytes;
  const isPlaced = need.placement !== null;
  const isHeld = isPlaced && availableBytes >= growingBytes;
  return {
    freeBytes,
    reserveBytes,
    stateBytes: state,
    windowBytes: windows,
    weightBytes,
    draftBytes,
    workspaceBytes,
    availableBytes,
    kvBytes: growingBytes,
    poolBlocks: blocks,
    blocksNeeded: hasGrowingCache(parts) ? blocksNeeded(settings) : 0,
    sequencesHeld: isHeld ? sequencesIn(blocks, perSequence, settings.sequencesMax) : 0,
    shortBytes: Math.max(0, growingBytes - availableBytes),
    exceedsArena: !isPlaced,
  };
}

/** Counts the sequences of this length that a planned pool holds at once. */
export function sequencesHeld(
  { budget, settings }: { readonly budget: MemoryBudget; readonly settings: EngineSettings },
  contextTokens: number,
): number {
  const { blockTokens, sequencesMax } = settings;
  return sequencesIn(budget.poolBlocks, sequenceBlocks(contextTokens, blockTokens), sequencesMax);
}

/**
 * Counts the sequences that fit. Windows and state are reserved for every sequence, so a model without a growing cache
 * holds them all.
 */
function sequencesIn(blocks: number, perSequence: number, sequencesMax: number): number {
  return blocks === 0 ? sequencesMax : Math.min(sequencesMax, Math.floor(blocks / perSequence));
}
