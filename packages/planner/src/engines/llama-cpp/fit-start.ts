/**
 * `--fit`: what llama.cpp changes of a start so that it leaves memory free on every device (common/fit.cpp,
 * common_params_fit_impl). It projects the memory without allocating, shortens a context that the user left open, and
 * then moves layers or experts to host memory, unless the user placed them.
 */
import { GiB } from '@plimsoll/foundation';
import { type Companion, companionMemory } from './companions.ts';
import { type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { deviceBytes, fitLayers, type LayerFit } from './fit-layers.ts';

/** `--fit-target`: what stays free on a device. */
export const usualFitMarginBytes = GiB;

/** `--fit-ctx`: the shortest context to which a fit reduces. */
export const usualFitContextMin = 4096;

/** A reduced context is a multiple of this per stream. */
const contextStep = 256;

export interface FitLimits {
  /** Free bytes of each device; for a CPU the memory of the machine. */
  readonly freeBytes: readonly number[];
  readonly marginBytes: readonly number[];
  /** Shortest context per stream; null keeps the context as it is. */
  readonly contextMin: number | null;
  /** Contexts for speculative decoding, which take memory of the same devices. */
  readonly companions?: readonly Companion[];
  /** False if the user placed layers, so that the fit leaves them in place. */
  readonly movesLayers: boolean;
}

/** The start after the fit. The number of layers is `all` where every layer fits. */
export function fitStart(asked: LlamaCppInput, limits: FitLimits): LlamaCppInput {
  const target = limits.freeBytes.map((free, device) => free - (limits.marginBytes[device] ?? 0));
  const used = usedBytes(asked, limits);
  if (leavesRoom(used, target)) return asked;
  const reduced = reduceContext({ asked, used, target, limits });
  const isOneMemory = target.length === 1 || asked.backend === 'cpu';
  if (reduced.isEnough && isOneMemory) return reduced.input;
  if (asked.backend === 'cpu' || !limits.movesLayers) return reduced.input;
  return { ...reduced.input, ...fittedLayers(reduced.input, target, limits) };
}

function fittedLayers(input: LlamaCppInput, target: readonly number[], limits: FitLimits): LayerFit {
  const { spec } = input;
  const measure = (placed: Partial<LlamaCppInput>): readonly number[] =>
    usedBytes({ ...input, ...placed }, limits);
  const hasExperts = spec.layers.some(({ mlp }) => mlp.kind === 'moe');
  const allExperts = { pattern: 'blk\\.\\d+\\.ffn_(up|down|gate_up|gate)_(ch|)exps', backend: target.length };
  const denseSurplusBytes = hasExperts ? surplusOf(measure({ overrides: [allExperts] }), target) : 0;
  return fitLayers({
    blocks: spec.layers.length,
    hasExperts,
    targetBytes: target,
    measure,
    denseSurplusBytes,
  });
}

/** Bytes per device, or of the whole machine if it has no device. */
function usedBytes(input: LlamaCppInput, { companions = [] }: FitLimits): readonly number[] {
  const own = placedBytes(engineMemory(input));
  const further = companionMemory(companions, input).map(placedBytes);
  return own.map((bytes, device) => bytes + sum(further.map((extra) => extra[device] ?? 0)));
}

function placedBytes(memory: EngineMemory): readonly number[] {
  if (memory.devices.length > 0) return deviceBytes(memory);
  const { weights, cache, state, compute } = memory.host;
  return [weights + cache + state + compute];
}

function leavesRoom(used: readonly number[], target: readonly number[]): boolean {
  return used.every((bytes, device) => bytes <= (target[device] ?? 0));
}

function surplusOf(used: readonly number[], target: readonly number[]): number {
  return sum(target) - sum(used);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

interface ContextQuestion {
  readonly asked: LlamaCppInput;
  /** Bytes of the asked start per device. */
  readonly used: readonly number[];
  readonly target: readonly number[];
  readonly limits: FitLimits;
}

/** Step 2: a shorter context by linear interpolation between the shortest and the asked one. */
function reduceContext({ asked, used, target, limits }: ContextQuestion): {
  readonly input: LlamaCppInput;
  readonly isEnough: boolean;
} {
  const { devices: parts, options } = engineMemory(asked);
  const streams = options.cache.unified ? 1 : options.sequences;
  const least = (limits.contextMin ?? Number.POSITIVE_INFINITY) * streams;
  const most = asked.contextTokens;
  if (surplusOf(used, target) >= 0 || most <= least) return { input: asked, isEnough: false };
  const devices = target.length;
  // Whole layers waste about half a layer per device, and tensors of experts a sixth.
  const layers = asked.spec.layers.length;
  const hasExperts = asked.spec.layers.some(({ mlp }) => mlp.kind === 'moe');
  const perLayer = Math.trunc(sum(parts.map(({ weights }) => weights)) / layers);
  const waste = devices > 1 ? Math.trunc(((devices + 1) * perLayer) / (hasExperts ? 6 : 2)) : 0;
  const wanted = sum(target) - waste;
  const shortest = sum(usedBytes({ ...asked, contextTokens: least }, limits));
  if (wanted <= shortest) return { input: { ...asked, contextTokens: least }, isEnough: false };
  const grown = least + Math.trunc(((most - least) * (wanted - shortest)) / (sum(used) - shortest));
  const whole = grown - (grown % (contextStep * streams));
  return { input: { ...asked, contextTokens: Math.max(whole, least) }, isEnough: true };
}
