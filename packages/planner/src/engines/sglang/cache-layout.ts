/**
 * The bytes of a token and of a request in SGLang's pools on one device of a pipeline stage. Layers that keep every
 * token share a pool. Windowed layers have their own pool in the models that SGLang lists, and keep every token in
 * other models (sglang/srt/model_executor/pool_configurator.py; before 0.5.11 model_runner.py, profile_max_num_token).
 */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files/spec';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };
import { type CacheGroup, cacheGroups } from '../../bytes/kv-cache.ts';
import { type KvFormat, kvVectorBytes } from '../../bytes/kv-format.ts';
import { kvHeadsPerDevice } from '../../bytes/parallelism.ts';
import { compressedCell } from './compressed-cell.ts';
import type { Draft } from './draft.ts';
import type { SglangRelease } from './release.ts';
import type { SglangSettings } from './start-settings.ts';

export interface CacheLayout {
  /** Bytes of a token in the layers that keep every token, and in the layers of a draft that the budget counts. */
  readonly fullCellBytes: number;
  /** Bytes that the budget counts for a token of the pool, including its part of the window pool. */
  readonly budgetCellBytes: number;
  readonly window: WindowPool | null;
  /** Bytes of pools whose size follows from the number of requests. */
  readonly fixedBytes: number;
  /** Bytes of the recurrent state of one slot; 0 without such layers. */
  readonly slotBytes: number;
  /** Returns the bytes of pools of this size on the device, without the pools of a draft. */
  readonly poolBytes: (tokens: number, windowTokens: number | null) => number;
  /** How the model's own layers keep a sequence, for the ledger. */
  readonly groups: readonly CacheGroup[];
}

export interface WindowPool {
  readonly cellBytes: number;
  /** Tokens of this pool for each token of the full pool. */
  readonly ratio: number;
  /** Tokens of a sequence that stay in the pool. */
  readonly windowTokens: number;
  /** Size in tokens, if it follows from the number of requests; null if it follows from the ratio. */
  readonly cappedTokens: number | null;
}

export interface LayoutInput {
  readonly spec: ModelSpec;
  readonly kvFormat: KvFormat;
  readonly settings: SglangSettings;
  readonly release: SglangRelease;
  readonly isAmd: boolean;
  /** True if prompts read a 4-bit cache from an fp8 copy of one layer, which the pool holds too. */
  readonly copiesLayer: boolean;
  /** Layers of the stage, half-open [start, end). */
  readonly layers: readonly [number, number];
  readonly recurrentElementBytes: number;
  readonly convolutionElementBytes: number;
  /** The draft whose cache the budget counts; null if it counts none. */
  readonly draft: Draft | null;
}

export function cacheLayout(input: LayoutInput): CacheLayout {
  return compressedLayout(input) ?? plainLayout(input);
}

function compressedLayout(input: LayoutInput): CacheLayout | null {
  const cell = compressedCell(input);
  if (cell === null) return null;
  const { bytesPerToken, fixedBytes, groups, windowTokens } = cell;
  const window = { cellBytes: 0, ratio: input.settings.windowRatio, windowTokens, cappedTokens: null };
  return {
    fullCellBytes: bytesPerToken,
    budgetCellBytes: bytesPerToken,
    ...{ window, fixedBytes, groups },
    slotBytes: 0,
    poolBytes: (tokens) => Math.floor(tokens * bytesPerToken) + fixedBytes,
  };
}

function plainLayout(input: LayoutInput): CacheLayout {
  const { spec, release, settings, draft } = input;
  const hasWindowPool =
    settings.windowPool &&
    facts.windowPools.families.some(({ family, from }) => family === spec.family && release.number >= from);
  const all = cacheGroups(spec, {
    kvFormat: input.kvFormat,
    tensor: settings.attentionTensor,
    layers: input.layers,
    recurrentElementBytes: input.recurrentElementBytes,
    convolutionElementBytes: input.convolutionElementBytes,
    keepsWholeWindowedLayers: !hasWindowPool,
  });
  const groups = all.filter(({ kind }) => kind !== 'state').map((group) => withScales(group, input));
  const states = all.filter(({ kind }) => kind === 'state');
  const full = groups.filter(({ kind }) => kind === 'full');
  const windowed = groups.filter(({ kind }) => kind === 'sliding' || kind === 'chunked');
  const ownCell = sumOf(full, cellBytes) + (input.copiesLayer ? layerCopyBytes(input) : 0);
  const fullLayers = sumOf(full, ({ layers }) => layers);
  const drafted = draft === null ? 0 : draftCell(draft, ownCell, fullLayers);
  const window = windowed.length === 0 ? null : windowPool(windowed, input);
  const uncounted = sumOf(spec.layers.slice(...input.layers), ({ attention }) =>
    uncountedBytes(attention, input),
  );
  const windowShare = window === null ? 0 : (fullLayers === 0 ? 1 : window.ratio) * window.cellBytes;
  return {
    fullCellBytes: ownCell + drafted,
    budgetCellBytes: ownCell + drafted + windowShare - uncounted,
    window,
    fixedBytes: 0,
    slotBytes: sumOf(states, (group) => group.layers * group.stateBytes),
    poolBytes: (tokens, windowTokens) =>
      Math.floor(tokens * ownCell + (windowTokens ?? 0) * (window?.cellBytes ?? 0)),
    groups,
  };
}

function sumOf<Item>(items: readonly Item[], amountOf: (item: Item) => number): number {
  let sum = 0;
  for (const item of items) sum += amountOf(item);
  return sum;
}

function cellBytes({ layers, entryBytes, tokensPerEntry }: CacheGroup): number {
  return (layers * entryBytes) / tokensPerEntry;
}

/** Returns the fp8 bytes of a token's keys and values in one layer (NVFP4KVCacheMethod.compute_cell_size). */
function layerCopyBytes({ spec, layers, settings }: LayoutInput): number {
  for (const { attention } of spec.layers.slice(...layers)) {
    if (!('kvHeads' in attention)) continue;
    return 2 * kvHeadsPerDevice(attention.kvHeads, settings.attentionTensor) * attention.keyHeadDim;
  }
  return 0;
}

/**
 * Returns the bytes of a draft: EAGLE drafts count as layers of the model, block drafts by their own geometry
 * (_dflash_draft_cell_size).
 */
function draftCell(draft: Draft, ownCell: number, fullLayers: number): number {
  if (draft.kind === 'block' || fullLayers === 0) return draft.cellBytes;
  return (ownCell * draft.layers) / fullLayers;
}

function windowPool(windowed: readonly CacheGroup[], input: LayoutInput): WindowPool {
  const { settings, release } = input;
  const windowTokens = Math.max(...windowed.map(({ tokensMax }) => tokensMax));
  return {
    cellBytes: sumOf(windowed, cellBytes),
    // The first release with MiMo V2 gave both kinds of layers as many tokens.
    ratio: release.number < 5.08 ? 1 : settings.windowRatio,
    windowTokens,
    cappedTokens: cappedWindow(windowTokens, input),
  };
}

/**
 * Without the radix cache, the number of requests determines the size of the pool (SWAChunkCapPoolConfigurator, from
 * 0.5.16).
 */
function cappedWindow(windowTokens: number, { settings, release }: LayoutInput): number | null {
  const { maxRunningRequests, pageSize, chunkedPrefillSize, radixCache, speculation, overlaps } = settings;
  if (radixCache || maxRunningRequests === null || release.number < 5.16) return null;
  const drafted = speculation?.draftTokens ?? 1;
  const perRequest = windowTokens + drafted + pageSize + (speculation === null ? pageSize : 2 * drafted);
  return perRequest * maxRunningRequests + (overlaps ? 2 : 1) * chunkedPrefillSize + pageSize;
}

/** fp8 rows of sparse attention keep scales and 16-bit rotary keys: 656 B instead of 576 (from 0.5.9, not on AMD devices). */
function withScales(group: CacheGroup, { kvFormat, release, spec, isAmd }: LayoutInput): CacheGroup {
  const attention = sparseAttention(spec);
  if (attention === null || kvFormat !== 'fp8' || release.number < 5.09) return group;
  if (isAmd && release.number >= 5.14) return group;
  const extra = scaledRowBytes(attention) - plainRowBytes(attention);
  return {
    ...group,
    entryBytes: group.entryBytes + extra,
    terms: `${group.entryBytes + extra} B latent with scales and indexer key`,
  };
}

type Latent = Extract<AttentionSpec, { kind: 'mla' }>;

function sparseAttention({ layers }: ModelSpec): Latent | null {
  for (const { attention } of layers)
    if (attention.kind === 'mla' && attention.indexer !== undefined) return attention;
  return null;
}

function plainRowBytes({ kvLoraRank, ropeHeadDim }: Latent): number {
  return kvLoraRank + ropeHeadDim;
}

function scaledRowBytes({ kvLoraRank, ropeHeadDim }: Latent): number {
  return kvLoraRank + Math.floor(kvLoraRank / 128) * 4 + ropeHeadDim * 2;
}

/**
 * Returns the bytes of a token that a layer keeps and the budget of the release does not count; negative if the budget
 * counts more.
 */
function uncountedBytes(attention: AttentionSpec, input: LayoutInput): number {
  const { release, kvFormat, settings, isAmd } = input;
  if (attention.kind === 'mla' && attention.indexer !== undefined) {
    const isScaled = kvFormat === 'fp8' && release.number >= 5.09 && !(isAmd && release.number >= 5.14);
    const scales =
      isScaled && release.number < 5.17 ? scaledRowBytes(attention) - plainRowBytes(attention) : 0;
    const index =
      release.number < 5.04 ? attention.indexer.headDim + 4 * Math.ceil(attention.indexer.headDim / 128) : 0;
    return scales + index;
  }
  if (!('kvHeads' in attention) || attention.sharesKvWithLayer !== undefined || release.number >= 5.07)
    return 0;
  const { kvHeads, keyHeadDim, valueHeadDim } = attention;
  const heads = kvHeadsPerDevice(kvHeads, settings.attentionTensor);
  return heads * (kvVectorBytes(valueHeadDim, kvFormat) - kvVectorBytes(keyHeadDim, kvFormat));
}
