/**
 * The budget: what is left for the cache that grows, after everything else has been paid for.
 *
 *   available = free - reserve - recurrent state - window spans - weights - draft - workspaces
 *
 * The growing cache takes `kvShare` of it, at least one full sequence if that can fit, at most what all sequences at
 * full length need, and never more than fits. Workspaces are paid before the cache although they are allocated after
 * it: otherwise the cache would starve them.
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

export interface MemoryBudget {
  readonly freeBytes: number;
  /** The process with its threads, tokenizer and requests, and what stays unused beside it. */
  readonly reserveBytes: number;
  readonly stateBytes: number;
  /** Sliding and chunked layers: a fixed span per sequence slot. */
  readonly windowBytes: number;
  readonly weightBytes: number;
  /** The draft model: its weights and its caches. */
  readonly draftBytes: number;
  /** Control, step and head regions of all arenas, staging, features, and rounding to pages. */
  readonly workspaceBytes: number;
  /** What is left for the growing cache; negative by what is missing. */
  readonly availableBytes: number;
  /** The growing cache: `poolBlocks` blocks in every full-attention layer. One sequence's where not even that fits. */
  readonly kvBytes: number;
  readonly poolBlocks: number;
  /** Blocks that all sequences at full length would hold. */
  readonly blocksNeeded: number;
  /** Sequences of full length that fit at once. */
  readonly sequencesHeld: number;
  /** Bytes missing for one sequence of full length; 0 when it fits. */
  readonly shortBytes: number;
  /** Why one sequence does not fit where memory is not the reason: a layer and its cache exceed an arena. */
  readonly exceedsArena: boolean;
}

interface Evaluated {
  readonly load: CacheLoad;
  readonly need: ArenaNeed;
  readonly growingBytes: number;
}

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

/** Bytes that all arenas together may take. */
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

/** The most blocks that fit and stay within the share, between one sequence and all of them. */
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

/** Windows and state are reserved for every sequence, so that without a growing cache all of them are held. */
function sequencesIn(blocks: number, perSequence: number, sequencesMax: number): number {
  return blocks === 0 ? sequencesMax : Math.min(sequencesMax, Math.floor(blocks / perSequence));
}
