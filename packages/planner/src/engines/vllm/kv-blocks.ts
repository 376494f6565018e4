/**
 * Cuts the cache pool into blocks as vLLM does (vllm/v1/core/kv_cache_utils.py). A block is a page in every layer of a
 * group. Layers that cache alike fill groups of equal size, so that a block fits every group. A model whose layers are all
 * alike has one group; a hybrid model has several groups, and a sequence holds blocks in each group.
 *
 *   layers alike       -> bucket            (48 layers of Gemma 3: 40 sliding, 8 full)
 *   buckets, cut alike -> groups of N layers (N = 8: five sliding groups, one full group)
 *   block              -> N pages           (8 x 16 tokens x bytes per token and layer)
 */
import type { CacheGroup } from '../../bytes/kv-cache.ts';
import type { VllmSettings } from './defaults.ts';

/** Layers of one kind, with pages of the common size. */
interface Bucket {
  readonly kind: CacheGroup['kind'];
  readonly layers: number;
  /** Tokens in a page of this kind; a state layer holds the whole sequence in a page. */
  readonly pageTokens: number;
  /** Tokens that a sequence keeps: Infinity, a window or a chunk. */
  readonly tokensMax: number;
}

export interface BlockLayout {
  /** Bytes of one block on one device: a page in each layer of a group. */
  readonly blockBytes: number;
  readonly groups: number;
  /** Smallest number of tokens per block over the groups. */
  readonly blockTokens: number;
  /** Blocks that a sequence of this length needs with a step in flight; the engine's start-up check counts these. */
  sequenceBlocks(contextTokens: number): number;
  /** Blocks that a sequence holds between steps, when windows keep no tokens in flight. */
  steadyBlocks(contextTokens: number): number;
}

export function blockLayout(cache: readonly CacheGroup[], settings: VllmSettings): BlockLayout {
  const attention = cache.filter((group) => group.kind !== 'state');
  const state = cache.filter((group) => group.kind === 'state');
  const stateBytes = state.reduce((most, group) => Math.max(most, group.stateBytes), 0);
  if (attention.length === 0) return stateOnlyLayout(state, stateBytes);
  if (state.length === 0 && isUniform(attention)) return uniformLayout(attention, settings);
  const pageBytes = unifiedPageBytes(attention, stateBytes, settings);
  const buckets: Bucket[] = attention.map((group) => ({
    kind: group.kind,
    layers: group.layers,
    pageTokens: pageTokens(pageBytes, group, settings),
    tokensMax: group.tokensMax,
  }));
  const statePageTokens =
    settings.stateMode === 'all'
      ? (settings.stateBlockTokens ?? Math.min(...buckets.map((bucket) => bucket.pageTokens)))
      : Number.POSITIVE_INFINITY;
  for (const group of state) {
    buckets.push({ kind: 'state', layers: group.layers, pageTokens: statePageTokens, tokensMax: 0 });
  }
  return hybridLayout(buckets, pageBytes, settings);
}

/** True if all layers keep the same tokens: then a block has a page in every layer, and pages may differ in size. */
function isUniform(groups: readonly CacheGroup[]): boolean {
  const first = groups[0];
  return groups.every((group) => group.kind === first?.kind && group.tokensMax === first.tokensMax);
}

function uniformLayout(groups: readonly CacheGroup[], settings: VllmSettings): BlockLayout {
  let tokenBytes = 0;
  for (const group of groups) tokenBytes += (group.layers * group.entryBytes) / group.tokensPerEntry;
  const { blockTokens } = settings;
  const bucket: Bucket = {
    kind: groups[0]?.kind ?? 'full',
    layers: 1,
    pageTokens: blockTokens,
    tokensMax: groups[0]?.tokensMax ?? Number.POSITIVE_INFINITY,
  };
  return {
    blockBytes: tokenBytes * blockTokens,
    groups: 1,
    blockTokens,
    sequenceBlocks: (contextTokens) => bucketBlocks(bucket, contextTokens, settings),
    steadyBlocks: (contextTokens) => bucketBlocks(bucket, contextTokens, { ...settings, inFlightTokens: 1 }),
  };
}

function stateOnlyLayout(state: readonly CacheGroup[], stateBytes: number): BlockLayout {
  const layers = state.reduce((sum, group) => sum + group.layers, 0);
  return {
    blockBytes: layers * stateBytes,
    groups: 1,
    blockTokens: 1,
    sequenceBlocks: () => 1,
    steadyBlocks: () => 1,
  };
}

/**
 * Pages of all layers have the same size. The widest layer keeps its block of 16 tokens, and narrower layers get more
 * tokens per page. If the model has state layers, attention pages grow until a page holds the whole state of a layer.
 */
function unifiedPageBytes(
  attention: readonly CacheGroup[],
  stateBytes: number,
  settings: VllmSettings,
): number {
  const { blockTokens, statePageStepTokens: step } = settings;
  const widest = Math.max(...attention.map((group) => group.entryBytes / group.tokensPerEntry));
  if (stateBytes === 0) return widest * blockTokens;
  return step * Math.ceil(stateBytes / (step * widest)) * widest;
}

function pageTokens(pageBytes: number, group: CacheGroup, settings: VllmSettings): number {
  const tokens = pageBytes / (group.entryBytes / group.tokensPerEntry);
  return Math.max(settings.blockTokens, Math.floor(tokens / settings.blockTokens) * settings.blockTokens);
}

/**
 * vLLM pads groups if the largest kind has less than 1.5 times the layers of the smallest kind
 * (_get_kv_cache_groups_uniform_page_size).
 */
const paddingLimit = 1.5;

/** A group has the layers of the smallest kind, or those of the largest kind if the two numbers are close. */
function hybridLayout(buckets: readonly Bucket[], pageBytes: number, settings: VllmSettings): BlockLayout {
  const counts = buckets.map((bucket) => bucket.layers);
  const smallest = Math.min(...counts);
  const largest = Math.max(...counts);
  const groupLayers = largest < smallest * paddingLimit ? largest : smallest;
  const groupCounts = buckets.map((bucket) => Math.ceil(bucket.layers / groupLayers));
  const steady = { ...settings, inFlightTokens: 1 };
  const sumBlocks = (contextTokens: number, at: VllmSettings): number => {
    let blocks = 0;
    buckets.forEach((bucket, index) => {
      blocks += (groupCounts[index] ?? 0) * bucketBlocks(bucket, contextTokens, at);
    });
    return blocks;
  };
  return {
    blockBytes: pageBytes * groupLayers,
    groups: groupCounts.reduce((sum, count) => sum + count, 0),
    blockTokens: Math.min(...buckets.map((bucket) => bucket.pageTokens)),
    sequenceBlocks: (contextTokens) => sumBlocks(contextTokens, settings),
    steadyBlocks: (contextTokens) => sumBlocks(contextTokens, steady),
  };
}

/** Blocks of one group for one sequence, with room for the tokens of a step (max_memory_usage_bytes of each spec). */
function bucketBlocks(bucket: Bucket, contextTokens: number, settings: VllmSettings): number {
  switch (bucket.kind) {
    case 'full':
      return Math.ceil(contextTokens / (bucket.pageTokens * settings.contextParallel));
    case 'sliding': {
      const kept = Math.min(bucket.tokensMax - 1 + settings.inFlightTokens, contextTokens);
      // The window may start inside a block, so that it reaches into one more block.
      return Math.ceil(kept / bucket.pageTokens) + 1;
    }
    case 'chunked':
      return Math.ceil(
        Math.min(bucket.tokensMax + settings.inFlightTokens, contextTokens) / bucket.pageTokens,
      );
    case 'state':
      if (settings.stateMode === 'all')
        return Math.ceil(contextTokens / bucket.pageTokens) + settings.speculativeTokens;
      // In the mode `align` the engine also keeps the state at the last block boundary.
      return 1 + settings.speculativeTokens + (settings.stateMode === 'align' ? 1 : 0);
    default:
      return bucket.kind satisfies never;
  }
}
