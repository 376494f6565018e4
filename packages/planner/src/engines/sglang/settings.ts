/**
 * SGLang's defaults for missing flags (sglang/srt/server_args.py, __post_init__; from 0.5.19 also
 * sglang/srt/arg_groups). Chunks and graph batches follow from the memory of the card, in steps that are data by
 * release.
 */
import { assert, MiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };
import type { KvFormat } from '../../bytes/kv-format.ts';

import { driverTotalMib } from './card.ts';
import { memoryFraction } from './memory-fraction.ts';
import { draftAlgorithms } from './options.ts';

import { hasAttention, isHybrid, isSparse } from './spec-traits.ts';
import {
  isRole,
  type SglangSettings,
  type Speculation,
  type Start,
  type StateStrategy,
} from './start-settings.ts';

export function sglangSettings(start: Start): SglangSettings {
  const { options, parallelism, hardware } = start;
  const groups = options.dpAttention === true ? parallelism.data : 1;
  const step = stepDefaults(start, driverTotalMib(hardware));
  const speculation = speculationOf(start);
  const requests = options.maxRunningRequests ?? usualRequests(start, speculation);
  const stateStrategy = stateStrategyOf(start);
  const settings = {
    contextLength: start.contextLength,
    chunkedPrefillSize: options.chunkedPrefillSize ?? step.chunk,
    graphMaxBatch: options.cudaGraphMaxBs ?? usualGraphBatch(start, step.graphs),
    pageSize: options.pageSize ?? usualPageSize(start),
    maxRunningRequests: requests === null ? null : Math.max(1, Math.floor(requests / groups)),
    maxTotalTokens: options.maxTotalTokens ?? null,
    radixCache: hasRadixCache(start, speculation, stateStrategy),
    decodeGraphs: options.disableCudaGraph !== true && !isRole(start, 'prefill'),
    prefillGraphs: hasPrefillGraphs(start, speculation !== null),
    attentionTensor: parallelism.tensor / groups,
    attentionGroups: groups,
    speculation,
    windowPool: options.disableWindowPool !== true,
    windowRatio: options.swaFullTokensRatio ?? (hasAttention(start.spec, 'compressed') ? 0.1 : 0.8),
    stateRatio: options.mambaFullMemoryRatio ?? 0.9,
    stateStrategy,
    overlaps: options.disableOverlap !== true,
    maxStateSlots:
      options.maxMambaCacheSize === undefined ? null : Math.floor(options.maxMambaCacheSize / groups),
    reservedBytes: imageBytes(start),
  };
  return { ...settings, memFractionStatic: memoryFraction(start, settings) };
}

/**
 * Returns the number of requests that a rule sets (server_args.py: "Max running requests is reset to 48";
 * deepseek_v4_hook.py); otherwise null.
 */
function usualRequests({ spec }: Start, speculation: Speculation | null): number | null {
  if (speculation !== null) return 48;
  return hasAttention(spec, 'compressed') ? 256 : null;
}

function stepDefaults(
  { parallelism, release }: Start,
  totalMib: number,
): { readonly chunk: number; readonly graphs: number } {
  const rule = facts.steps.rules.findLast(({ from }) => release.number >= from);
  const row = rule?.rows.find(({ belowMib }) => belowMib === null || totalMib < belowMib);
  assert(row !== undefined, 'the last row of each rule takes every card');
  return { chunk: row.chunk, graphs: parallelism.tensor < 4 ? row.graphs : row.graphsWide };
}

/** From 0.5.20 no graph is larger than the number of requests that a flag allows (memory_hook.py). */
function usualGraphBatch({ options, release }: Start, graphs: number): number {
  return release.number < 5.2 ? graphs : Math.min(graphs, options.maxRunningRequests ?? graphs);
}

function speculationOf({ options, spec }: Start): Speculation | null {
  const { speculativeAlgorithm, draft } = options;
  const name = speculativeAlgorithm ?? (draft === undefined ? null : 'EAGLE3');
  if (name === null || !draftAlgorithms.some((known) => known === name)) return null;
  const kind =
    name === 'STANDALONE' ? 'standalone' : name === 'DFLASH' || name === 'DSPARK' ? 'block' : 'eagle';
  // auto_choose_speculative_params: 8 tokens of a tree for Llama, 4 in a chain for the others; block drafts guess 16.
  const usual = kind === 'block' ? 16 : kind === 'eagle' && spec.family === 'llama' ? 8 : 4;
  const steps = options.speculativeSteps;
  const chain = steps !== undefined && (options.speculativeTopk ?? 1) === 1 ? steps + 1 : usual;
  return { kind, draftTokens: options.speculativeDraftTokens ?? chain };
}

/** Until 0.5.13 hybrids without extra buffers give up the prefix cache for a draft (_handle_mamba_radix_cache). */
function hasRadixCache(
  { options, spec, release }: Start,
  speculation: Speculation | null,
  strategy: StateStrategy,
): boolean {
  if (options.disableRadixCache === true) return false;
  return !(isHybrid(spec) && speculation !== null && strategy === 'no_buffer' && release.number < 5.14);
}

function stateStrategyOf({ options, spec, release, hardware }: Start): StateStrategy {
  const asked = options.mambaSchedulerStrategy;
  if (asked === 'no_buffer' || asked === 'extra_buffer' || asked === 'extra_buffer_lazy') return asked;
  const isListed = facts.stateStrategies.extraBuffer.includes(spec.family);
  return isListed && release.number >= 5.14 && hardware.vendor === 'NVIDIA' ? 'extra_buffer' : 'no_buffer';
}

/**
 * Returns the page size of the default kernels of a device: TRT-LLM attention on Blackwell, sparse and compressed
 * attention.
 */
function usualPageSize(start: Start): number {
  const { hardware, release, spec } = start;
  if (hasAttention(spec, 'compressed')) return 256;
  if (isSparse(spec)) return 64;
  const capability = Number(hardware.computeCapability ?? 0);
  const isBlackwell = capability >= 10 && capability < 12;
  return isBlackwell && release.number >= 5.03 && !hasAttention(spec, 'mla') && !isHybrid(spec) ? 64 : 1;
}

/**
 * Graphs of prompt chunks are captured by default from 0.5.10, but not for every combination (0.5.10:
 * _handle_piecewise_cuda_graph; later: _disable_breakable_cudagraph_if_incompatible).
 */
function hasPrefillGraphs(start: Start, hasDraft: boolean): boolean {
  const { options, spec, parallelism, release, hardware } = start;
  if (release.number < 5.1 || options.disablePrefillGraph === true || options.disableCudaGraph === true)
    return false;
  const hasExchange = options.moeA2aBackend !== undefined && options.moeA2aBackend !== 'none';
  const isDisaggregated = isRole(start, 'decode') || (isRole(start, 'prefill') && release.number < 5.15);
  if (hardware.vendor !== 'NVIDIA' || parallelism.pipeline > 1 || isDisaggregated) return false;
  if (hasAttention(spec, 'compressed')) return false;
  const rule = facts.prefillGraphs.rules.findLast(({ from }) => release.number >= from);
  if (rule === undefined) return false;
  if (hasDraft && !rule.drafts) return false;
  if (options.dpAttention === true && !rule.groups) return false;
  if (hasExchange && !rule.exchange) return false;
  if (hasAttention(spec, 'mla') && !capturesLatent(rule.latent, isSparse(spec))) return false;
  if (spec.vision !== null && options.languageOnly !== true && !rule.images.includes(spec.family))
    return false;
  return !rule.without.includes(spec.family);
}

function capturesLatent(rule: string, isThinned: boolean): boolean {
  if (rule === 'dense') return !isThinned;
  return rule === 'sparse' ? isThinned : rule === 'all';
}

/** Multimodal models keep the cache of image features out of the pools from 0.5.18 (SGLANG_VLM_CACHE_SIZE_MB). */
function imageBytes({ spec, options, release }: Start): number {
  if (spec.vision === null || options.languageOnly === true || release.number < 5.18) return 0;
  return facts.imageCacheMib.value * MiB;
}

/**
 * Returns the default type of cached keys and values: sparse attention takes fp8 on Blackwell, compressed attention on
 * every device.
 */
export function usualKvFormat(spec: ModelSpec, hardware: HardwareRecord): KvFormat | undefined {
  if (hasAttention(spec, 'compressed')) return 'fp8';
  if (!isSparse(spec)) return spec.quantization?.kvCache ?? undefined;
  return Number(hardware.computeCapability ?? 0) >= 10 ? 'fp8' : 'bf16';
}
