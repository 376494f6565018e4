/**
 * Fills in the defaults of vLLM for absent flags (vllm/engine/arg_utils.py and vllm/config of the releases named below).
 */
import { GiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { type DraftKind, draftSettings } from './drafts.ts';
import { type ExpertBalance, expertBalance } from './expert-balance.ts';
import type { GraphMode, PerformanceMode } from './graph-options.ts';
import { type HybridManager, hybridManager } from './hybrid-manager.ts';
import { gibBytes } from './memory-options.ts';
import { type OffloadSettings, offloadSettings } from './offload-options.ts';
import type { VllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';
import type { MambaCacheMode } from './state-options.ts';

/** Adapters of one batch, and the largest rank that they may have. */
export interface LoraSettings {
  readonly adapters: number;
  readonly rank: number;
  /** Whether the factor that is whole by default is cut over devices too. */
  readonly isSharded: boolean;
  readonly hasBiases: boolean;
}

export interface VllmSettings {
  readonly utilization: number;
  readonly maxModelLen: number;
  readonly batchedTokens: number;
  readonly sequences: number;
  /** Tokens that may be scheduled before results come back: windows must keep room for them. */
  readonly inFlightTokens: number;
  readonly blockTokens: number;
  /** Tokens that a page which holds a recurrent state is a multiple of. */
  readonly statePageStepTokens: number;
  readonly eager: boolean;
  readonly prefixCaching: boolean;
  readonly speculativeTokens: number;
  readonly manager: HybridManager;
  /** Null where devices do not balance experts. */
  readonly balance: ExpertBalance | null;
  /** Which recurrent states a sequence keeps: the running one, also that of the last block, or that of every block. */
  readonly stateMode: MambaCacheMode;
  /** Tokens between kept states where a flag states them. */
  readonly stateBlockTokens: number | null;
  readonly drafts: DraftKind;
  /** Whether the vision tower is loaded. */
  readonly loadsVision: boolean;
  /** Devices that share the tokens of a sequence. */
  readonly contextParallel: number;
  /** Most images of one prompt. */
  readonly imagesMax: number;
  /** Most videos of one prompt where a flag states them. */
  readonly videosMax: number | null;
  /** Pixels of the largest image where a flag states them. */
  readonly imagePixelsMax: number | null;
  /** Whether the profiling run leaves the vision tower out. */
  readonly skipsImages: boolean;
  /** Bytes of the cache that a flag sets, whatever the share. */
  readonly kvCacheBytes: number | null;
  readonly blocksOverride: number | null;
  readonly offload: OffloadSettings;
  readonly kvOffloadBytes: number;
  readonly lora: LoraSettings | null;
  readonly graphMode: GraphMode | null;
  readonly captureSizes: readonly number[] | null;
  readonly captureSizeMax: number | null;
  readonly optimizationLevel: number | null;
  readonly performanceMode: PerformanceMode;
}

export function vllmSettings(
  options: VllmOptions,
  release: VllmRelease,
  spec: ModelSpec,
  hardware: HardwareRecord,
): VllmSettings {
  const maxModelLen = options.maxModelLen ?? spec.contextLength;
  const batch =
    release.engine === 'V0'
      ? { tokens: v0BatchedTokens(release, spec, maxModelLen), sequences: 256 }
      : batchDefaults(options, release, hardware);
  const batchedTokens = options.maxNumBatchedTokens ?? batch.tokens;
  // Asynchronous scheduling has two steps under way (vllm/config/vllm.py, max_in_flight_tokens).
  const steps = release.number >= 26 ? 2 : 1;
  return {
    // 0.9 until 0.19, 0.92 from 0.20 (vllm/config/cache.py).
    utilization: options.gpuMemoryUtilization ?? (release.number >= 20 ? 0.92 : 0.9),
    maxModelLen,
    batchedTokens,
    sequences: Math.min(options.maxNumSeqs ?? batch.sequences, batchedTokens),
    inFlightTokens: steps * batchedTokens,
    blockTokens: options.blockTokens ?? 16,
    statePageStepTokens: Math.max(options.blockTokens ?? 16, latentStepTokens(release, spec)),
    eager: options.enforceEager ?? false,
    prefixCaching: options.prefixCaching ?? cachesPrefixes(release, spec),
    stateMode:
      options.mambaCacheMode ?? ((options.prefixCaching ?? cachesPrefixes(release, spec)) ? 'align' : 'none'),
    stateBlockTokens: options.mambaBlockTokens ?? null,
    manager: hybridManager(options, release, spec),
    balance: expertBalance(options),
    ...draftSettings(options),
    loadsVision: !(
      imagesMax(options, release) === 0 &&
      (options.languageModelOnly === true || options.itemLimits?.video === 0)
    ),
    contextParallel: options.decodeContextParallel ?? 1,
    imagesMax: imagesMax(options, release),
    videosMax: options.itemLimits?.video ?? null,
    imagePixelsMax: options.imagePixelsMax ?? null,
    skipsImages: options.skipsItemProfile === true || imagesMax(options, release) === 0,
    kvCacheBytes: options.kvCacheBytes ?? null,
    blocksOverride: options.blocksOverride ?? null,
    offload: offloadSettings(options),
    kvOffloadBytes: gibBytes(options.kvOffloadGib),
    lora: loraSettings(options),
    graphMode: options.graphMode ?? null,
    ...statedCaptures(options),
    optimizationLevel: options.optimizationLevel ?? null,
    performanceMode: options.performanceMode ?? 'balanced',
  };
}

/** Kernels of latent attention need pages of whole 128 tokens in hybrid models (_align_hybrid_block_size). */
function latentStepTokens(release: VllmRelease, spec: ModelSpec): number {
  const isLatent = spec.layers.some(({ attention }) => attention.kind === 'mla');
  return isLatent && release.number >= 27 ? 128 : 1;
}

/** V1 shares prefixes by default; models with recurrent state only from 0.28 (_set_default_chunked_prefill_and_prefix_caching_args). */
export function cachesPrefixes(release: VllmRelease, spec: ModelSpec): boolean {
  if (release.engine === 'V0') return false;
  const keepsState = spec.layers.some(
    ({ attention }) => attention.kind === 'linear' || attention.kind === 'ssm',
  );
  return !keepsState || release.number >= 28;
}

/** vLLM defaults to one adapter of rank 16 (vllm/config/lora.py). */
function loraSettings(options: VllmOptions): LoraSettings | null {
  const { loraEnabled, lorasMax, loraRankMax, lorasSharded, loraBiases } = options;
  if (loraEnabled !== true) return null;
  return {
    adapters: lorasMax ?? 1,
    rank: loraRankMax ?? 16,
    isSharded: lorasSharded === true,
    hasBiases: loraBiases === true,
  };
}

/** Default limit of images of a prompt (vllm/config/multimodal.py); V0 allows one. */
const imagesUnlimited = 999;

function imagesMax({ languageModelOnly, itemLimits }: VllmOptions, release: VllmRelease): number {
  if (languageModelOnly === true) return 0;
  return itemLimits?.image ?? (release.engine === 'V0' ? 1 : imagesUnlimited);
}

/** The single size of --cuda-graph-sizes is the largest of the usual sizes. */
function statedCaptures({
  captureSizes,
  captureSizeMax,
  graphSizes = [],
}: VllmOptions): Pick<VllmSettings, 'captureSizes' | 'captureSizeMax'> {
  const [largest, ...others] = graphSizes;
  return {
    captureSizes: captureSizes ?? (others.length > 0 ? graphSizes : null),
    captureSizeMax: captureSizeMax ?? (others.length > 0 ? null : (largest ?? null)),
  };
}

function batchDefaults(
  options: VllmOptions,
  release: VllmRelease,
  hardware: HardwareRecord,
): { readonly tokens: number; readonly sequences: number } {
  const usual = usualBatch(options, release, hardware);
  // From --performance-mode on, throughput doubles what no flag states (_set_default_max_num_seqs_and_batched_tokens_args).
  const times = options.performanceMode === 'throughput' ? 2 : 1;
  return { tokens: times * usual.tokens, sequences: times * usual.sequences };
}

function usualBatch(
  options: VllmOptions,
  release: VllmRelease,
  hardware: HardwareRecord,
): { readonly tokens: number; readonly sequences: number } {
  const total = hardware.memory.usableBytes;
  const isA100 = hardware.id.includes('a100');
  const small =
    total < 70 * GiB || (isA100 && release.number >= 9) || (isGb10(hardware) && release.number >= 30);
  if (small) return { tokens: options.usage === 'batch' ? 8192 : 2048, sequences: 256 };
  const large = release.number >= 29 && total >= 160 * GiB;
  return { tokens: options.usage === 'batch' || large ? 16384 : 8192, sequences: 1024 };
}

function isGb10(hardware: HardwareRecord): boolean {
  return hardware.computeCapability === '12.1';
}

/**
 * V0 profiles one whole prompt unless chunked prefill is on, which it turns on by itself above 32k (from 0.5.3, for
 * models without windows, latent attention or images).
 */
function v0BatchedTokens(release: VllmRelease, spec: ModelSpec, maxModelLen: number): number {
  const isPlain = spec.vision === null && spec.layers.every((layer) => layer.attention.kind === 'full');
  if (release.number >= 5.03 && maxModelLen > 32768 && isPlain) return release.number >= 7 ? 2048 : 512;
  const images = spec.vision !== null && release.number >= 6.04 ? multimodalTokensMin : 2048;
  return Math.max(maxModelLen, images);
}

/** V0 keeps room for the features of images (vllm/config.py, SchedulerConfig). */
const multimodalTokensMin = 5120;
