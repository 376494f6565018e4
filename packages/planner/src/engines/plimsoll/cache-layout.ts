/**
 * The caches of the sequences, layer by layer. Each of the three kinds of layer has its own rule:
 *
 *   full attention      blocks of one pool that all sequences share: the only part that grows with context
 *   sliding or chunked  a fixed span per sequence slot: the window, the current chunk, and one more block
 *   recurrent           one state per sequence slot, for any context
 *
 * Bytes per entry and per state come from `cacheGroups`, and the blocks of a sequence from `sequenceBytes`: the same
 * functions as for every other engine.
 */
import type { LayerSpec, ModelSpec } from '@plimsoll/model-files/spec';
import { type CacheGroup, cacheGroups, sequenceBytes } from '../../bytes/kv-cache.ts';
import { createMemo, remember } from '../../bytes/memo.ts';
import { elementBytes } from '../../bytes/weight-format.ts';
import type { EngineSettings } from './settings.ts';

/** The cache of one layer in one group; most layers have exactly one. */
export interface LayerCache {
  /** The cache group, with its window widened to the tokens that a sequence holds during a step. */
  readonly group: CacheGroup;
  /** True if its blocks come from the pool that grows with context. */
  readonly grows: boolean;
}

export type CacheSettings = Pick<
  EngineSettings,
  'kvFormat' | 'blockTokens' | 'prefillChunkTokens' | 'keepsWholeWindow'
>;

/** Returns the caches of every layer. Equal layers share one list. */
export function layerCaches(spec: ModelSpec, settings: CacheSettings): readonly (readonly LayerCache[])[] {
  const { kvFormat, blockTokens, prefillChunkTokens, keepsWholeWindow } = settings;
  const key = [kvFormat, blockTokens, prefillChunkTokens, keepsWholeWindow].join();
  return remember(cacheMemo, spec, key, () => {
    const known = new Map<LayerSpec, readonly LayerCache[]>();
    return spec.layers.map((layer, index) => {
      const caches = known.get(layer) ?? cachesOfLayer(spec, index, settings);
      known.set(layer, caches);
      return caches;
    });
  });
}

const cacheMemo = createMemo<readonly (readonly LayerCache[])[]>();

function cachesOfLayer(spec: ModelSpec, index: number, settings: CacheSettings): readonly LayerCache[] {
  const groups = cacheGroups(spec, {
    kvFormat: settings.kvFormat,
    tensor: 1,
    layers: [index, index + 1],
    // Recurrences accumulate their errors, so the engine keeps state and convolution tails in fp32.
    recurrentElementBytes: elementBytes.fp32,
    convolutionElementBytes: elementBytes.fp32,
    keepsWholeWindowedLayers: settings.keepsWholeWindow,
  });
  return groups.map((group) => {
    const grows = group.kind !== 'state' && group.tokensMax === Number.POSITIVE_INFINITY;
    const span = group.tokensMax + settings.prefillChunkTokens + settings.blockTokens;
    return { group: group.kind === 'state' ? group : { ...group, tokensMax: span }, grows };
  });
}

/** Returns the blocks of the growing pool that a sequence of this length holds. */
export function sequenceBlocks(contextTokens: number, blockTokens: number): number {
  return Math.ceil(contextTokens / blockTokens);
}

/** Sequences of one length, and the size of the pool that they share. */
export interface CacheLoad {
  readonly sequences: number;
  readonly contextTokens: number;
  /** Blocks of the pool that all growing layers share. */
  readonly poolBlocks: number;
  readonly blockTokens: number;
}

/** Returns the bytes of one layer's cache. */
export function layerCacheBytes({ group, grows }: LayerCache, load: CacheLoad): number {
  const { sequences, contextTokens, poolBlocks, blockTokens } = load;
  return grows
    ? sequenceBytes(group, poolBlocks * blockTokens, blockTokens)
    : sequences * sequenceBytes(group, contextTokens, blockTokens);
}

/** Returns the tokens that fit in a sequence slot of a windowed layer; null for other layers. */
export function windowSlotTokens({ group, grows }: LayerCache, load: CacheLoad): number | null {
  if (grows || group.kind === 'state') return null;
  const kept = Math.min(load.contextTokens, group.tokensMax);
  return Math.ceil(kept / load.blockTokens) * load.blockTokens;
}

/** A serving group: layers that share block numbers, because they attend to the same tokens. */
export interface BlockGroup {
  readonly kind: 'full' | 'sliding' | 'chunked';
  /** Tokens that a position attends to; null = all tokens before it. */
  readonly window: number | null;
  readonly layers: readonly number[];
}

/** Returns the groups of a model, the growing group first. Each group has its own block table per sequence. */
export function blockGroups(spec: ModelSpec, settings: CacheSettings): readonly BlockGroup[] {
  const key = `groups,${[settings.kvFormat, settings.blockTokens, settings.prefillChunkTokens, settings.keepsWholeWindow].join()}`;
  return remember(blockGroupMemo, spec, key, () => collectBlockGroups(spec, settings));
}

const blockGroupMemo = createMemo<readonly BlockGroup[]>();

function collectBlockGroups(spec: ModelSpec, settings: CacheSettings): readonly BlockGroup[] {
  const groups = new Map<string, { kind: BlockGroup['kind']; window: number | null; layers: number[] }>();
  layerCaches(spec, settings).forEach((caches, layer) => {
    for (const { group, grows } of caches) {
      if (group.kind === 'state') continue;
      const extra = settings.prefillChunkTokens + settings.blockTokens;
      const window = grows ? null : group.tokensMax - extra;
      const key = `${group.kind} ${window}`;
      const known = groups.get(key) ?? { kind: group.kind, window, layers: [] };
      if (known.layers.at(-1) !== layer) known.layers.push(layer);
      groups.set(key, known);
    }
  });
  return [...groups.values()].sort(
    (left, right) => Number(left.window !== null) - Number(right.window !== null),
  );
}

/** Returns the largest value; 0 if there is none. */
export function largest(values: Iterable<number>): number {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  return most;
}
