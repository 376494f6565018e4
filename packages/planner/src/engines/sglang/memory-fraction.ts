/**
 * The default of --mem-fraction-static (sglang/srt/server_args.py; from 0.5.19 arg_groups/memory_hook.py). Releases
 * before 0.4.8 have a table by tensor parallelism. Later releases reserve MiB for activations and graphs: first by the
 * size of the card, from 0.5.3 by the tokens of a step.
 */
import { assert } from '@plimsoll/foundation';
import facts from '@plimsoll/registry/engines/sglang.json' with { type: 'json' };
import { driverTotalMib } from './card.ts';
import { hasAttention, isSparse } from './spec-traits.ts';
import { isRole, type SglangSettings, type Start } from './start-settings.ts';

type Settings = Omit<SglangSettings, 'memFractionStatic'>;

export function memoryFraction(start: Start, settings: Settings): number {
  const asked = start.options.memFractionStatic;
  const share = (asked ?? usualFraction(start, settings)) * imageFactor(start, asked !== undefined);
  return share * kernelFactor(start, settings);
}

function usualFraction(start: Start, settings: Settings): number {
  const totalMib = driverTotalMib(start.hardware);
  const { number } = start.release;
  // The first release with sparse attention has a special share.
  if (Math.abs(number - 5.03) < 0.001 && isSparse(start.spec)) return 0.8;
  if (number < 4.08) return tableFraction(start, settings, totalMib);
  const reservedMib =
    number < 5.03 ? reserveByCard(start, settings, totalMib) : reserveByStep(start, settings, totalMib);
  return Math.max(0.05, Math.round((1 - reservedMib / totalMib) * 1000) / 1000);
}

const gibInMib = 1024;

function tableFraction({ parallelism, release }: Start, { speculation }: Settings, totalMib: number): number {
  const { tensor, pipeline } = parallelism;
  const devices = release.number >= 4.07 ? tensor * pipeline : tensor;
  const row = facts.fractionTable.rows.find((candidate) => devices >= candidate.devices);
  assert(row !== undefined, 'the last row takes a single device');
  const isSmall = totalMib <= 80 * gibInMib;
  if (release.number < 4.06 || (release.number < 4.07 && isSmall)) return row.share;
  if (release.number < 4.07) return (totalMib - 13 * gibInMib) / totalMib;
  const share = isSmall ? row.share : 0.88;
  if (totalMib > 180_000) return 0.79;
  if (totalMib <= 96 * gibInMib) return speculation === null ? share : share * 0.95;
  const reserve = (speculation === null ? 18 : 20) * gibInMib;
  return Math.min(share + (48 * gibInMib * (1 - share)) / totalMib, (totalMib - reserve) / totalMib);
}

function reserveByCard(
  { parallelism, options, release }: Start,
  { speculation }: Settings,
  totalMib: number,
): number {
  const row = facts.reserveByCard.rows.find(({ belowMib }) => belowMib === null || totalMib < belowMib);
  assert(row !== undefined, 'the last row takes every card');
  const base = row.gib + row.perDevice * parallelism.tensor * parallelism.pipeline;
  const isStandalone = speculation?.kind === 'standalone' && release.number >= 5.02;
  const draft = speculation === null ? 0 : isStandalone ? 6 : 2;
  return (base + draft + (options.dpAttention === true ? 4 : 0)) * gibInMib;
}

function reserveByStep(start: Start, settings: Settings, totalMib: number): number {
  const { parallelism, options, release } = start;
  const { graphMaxBatch } = settings;
  const groups = options.dpAttention === true ? parallelism.data : 0;
  const graphs = settings.decodeGraphs || release.number < 5.15 ? graphMaxBatch * 2 : 0;
  const padding = graphs === 0 ? 0 : graphMaxBatch * groups * (graphMaxBatch > 300 ? 4.5 : 3);
  const devices = parallelism.tensor * parallelism.pipeline;
  const reserve =
    512 +
    1.5 * Math.max(activationTokens(start, settings), 2048) +
    graphs +
    (devices / 8) * gibInMib +
    padding +
    prefillGraphMib(start, settings);
  const floor = totalMib > 60 * gibInMib ? Math.max(reserve, 10 * gibInMib) : reserve;
  return floor + draftMib(start, settings) + exchangeMib(start);
}

/**
 * Returns the tokens of the largest step: a chunk of a prompt, or the tokens that running requests verify if the server
 * reads no prompts.
 */
function activationTokens(start: Start, settings: Settings): number {
  if (!isRole(start, 'decode') || start.release.number < 5.15) return settings.chunkedPrefillSize;
  const requests = settings.maxRunningRequests ?? settings.graphMaxBatch;
  return requests * (settings.speculation?.draftTokens ?? 1);
}

/** Returns 8 MiB for each captured size; latent attention takes 1.5 GiB for any sizes. */
function prefillGraphMib({ spec, options }: Start, { prefillGraphs, chunkedPrefillSize }: Settings): number {
  if (!prefillGraphs) return 0;
  // DeepEP's buffers are touched while prompt chunks are captured (0.5.17).
  const exchange = options.moeA2aBackend === 'deepep' ? gibInMib : 0;
  return exchange + (hasAttention(spec, 'mla') ? 1.5 * gibInMib : 8 * prefillGraphSizes(chunkedPrefillSize));
}

/** Numbers of tokens for which prompt chunks are captured (generate_prefill_cuda_graph_batch_sizes): [first, last, step]. */
const sizeSteps: readonly (readonly [number, number, number])[] = [
  [4, 32, 4],
  [48, 256, 16],
  [288, 512, 32],
  [576, 1024, 64],
  [1280, 4096, 256],
  [4608, Number.POSITIVE_INFINITY, 512],
];

function prefillGraphSizes(tokensMax: number): number {
  let sizes = 0;
  for (const [first, last, step] of sizeSteps)
    if (tokensMax >= first) sizes += Math.floor((Math.min(tokensMax, last) - first) / step) + 1;
  return sizes;
}

/** Returns the MiB of a draft, which until 0.5.13 come from the memory that the share leaves free. */
function draftMib({ release }: Start, { speculation }: Settings): number {
  if (speculation === null || release.number >= 5.14) return 0;
  if (speculation.kind === 'standalone') return 6 * gibInMib;
  return (release.number >= 5.1 ? 4 : 2) * gibInMib;
}

/** Returns the MiB of DeepEP's buffers (from 0.5.15). */
function exchangeMib({ options, release }: Start): number {
  return options.moeA2aBackend === 'deepep' && release.number >= 5.15 ? 2 * gibInMib : 0;
}

/**
 * Returns the factor of vision models, whose pools get less. Until 0.4.9 it also reduces a share that the user sets;
 * later it follows from the size of the vision tower (adjust_mem_fraction_for_vlm).
 */
function imageFactor({ spec, options, release }: Start, isAsked: boolean): number {
  if (spec.vision === null) return 1;
  if (release.number < 4.05) return 0.95;
  if (release.number < 4.1) return 0.9;
  if (isAsked || options.languageOnly === true) return 1;
  const { hiddenSize } = spec.vision;
  const layers = facts.towersByDepth.families.includes(spec.family) ? usualTowerLayers : spec.vision.layers;
  const complexity = (layers * hiddenSize ** 2) / (usualTowerLayers * 1024 ** 2);
  return 0.95 * Math.min(1.05, Math.max(0.8, 1 - 0.1 * (complexity - 1)));
}

/** ViT-L/14, against which towers are measured, has 24 layers of width 1024. */
const usualTowerLayers = 24;

/**
 * Returns the factor of AITER kernels on AMD devices, which applies to every share, also the user's, for contexts above
 * 8192.
 */
function kernelFactor(
  { spec, hardware, options, release, contextLength }: Start,
  { attentionTensor }: Settings,
): number {
  if (hardware.vendor !== 'AMD' || release.number < 4.07 || contextLength <= 8192) return 1;
  const first = spec.layers.find(({ attention }) => 'queryHeads' in attention)?.attention;
  const usual =
    first?.kind === 'mla'
      ? latentKernel(first.queryHeads / attentionTensor, first.indexer !== undefined)
      : 'aiter';
  return (options.attentionBackend ?? usual) === 'aiter' ? 0.85 : 1;
}

/** AITER has latent attention for 16 and 128 heads on a device; sparse attention has kernels of its own. */
function latentKernel(heads: number, isSparse: boolean): string {
  return !isSparse && (heads === 16 || heads === 128) ? 'aiter' : 'triton';
}
