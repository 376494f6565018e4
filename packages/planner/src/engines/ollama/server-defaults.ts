/** What Ollama's server decides before it starts llama-server: context, devices, batch, mapping of the file. */
import { GiB, MiB } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/ollama.json' with { type: 'json' };
import { deviceCount } from '../../bytes/parallelism.ts';
import { ggufFileBytes } from '../../gguf-recipes/gguf-spec.ts';
import type { Question } from '../../question/question.ts';
import { backendOf } from '../llama-cpp/machine.ts';
import { mixtureOf } from '../llama-cpp/request.ts';
import type { OllamaOptions } from './options.ts';
import { ollamaRelease } from './release.ts';

type Asked = Question<OllamaOptions>;

export function devicesOf({ hardware, devices, parallelism }: Asked): readonly HardwareRecord[] {
  return devices ?? new Array<HardwareRecord>(deviceCount(parallelism)).fill(hardware);
}

export function isOnCpu({ hardware, options }: Asked): boolean {
  return backendOf(hardware) === 'cpu' || options?.gpuLayers === 0;
}

/** The context without OLLAMA_CONTEXT_LENGTH and num_ctx: a tier of all devices' memory, and no more than trained. */
export function defaultContext(question: Asked): number {
  const { spec, engineVersion, options } = question;
  const { tiers, tokensBefore } = facts.contextTiers;
  const overhead = options?.gpuOverheadBytes ?? 0;
  const bytes = backendOf(question.hardware) === 'cpu' ? [] : devicesOf(question).map(usableOf);
  const total = bytes.reduce((sum, usable) => sum + usable - overhead, 0);
  const tier = tiers.find(({ memoryGibMin }) => total >= memoryGibMin * GiB)?.tokens ?? tokensBefore;
  const tokens = ollamaRelease(engineVersion).tieredContext ? tier : tokensBefore;
  return Math.min(tokens, spec.contextLength);
}

function usableOf({ memory }: HardwareRecord): number {
  return memory.usableBytes;
}

/** The server's own estimate (llm/llama_server.go, PredictServerVRAM): the file, and a cache of equal layers in f16. */
export function predictedBytes(question: Asked): number {
  const { spec, workload } = question;
  const tokens = workload.contextTokens * workload.users;
  return fileBytes(question) + 4 * cachedElements(spec) * tokens;
}

function fileBytes(question: Asked): number {
  const { spec } = question;
  const mixture = mixtureOf(question);
  if (mixture !== null) return ggufFileBytes(spec, mixture);
  const tensors = [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)];
  return tensors.reduce((sum, { stored }) => sum + (stored?.bytes ?? 0), 0);
}

/** Layers x least key heads x (width / most query heads), as the metadata of a file states them. */
function cachedElements({ layers, hiddenSize }: ModelSpec): number {
  const heads = layers.flatMap(({ attention }) =>
    'kvHeads' in attention ? [{ kv: attention.kvHeads, query: attention.queryHeads }] : [],
  );
  const kvHeads = Math.max(1, heads.length === 0 ? 1 : Math.min(...heads.map(({ kv }) => kv)));
  const queryHeads = Math.max(0, ...heads.map(({ query }) => query));
  return queryHeads === 0 ? 0 : layers.length * kvHeads * Math.floor(hiddenSize / queryHeads);
}

/** Index of the single device that the server chooses; null if it spreads the model over all. */
export function singleDevice(question: Asked): number | null {
  const devices = devicesOf(question);
  if (devices.length <= 1 || question.options?.spreads === true || isOnCpu(question)) return null;
  const predicted = predictedBytes(question);
  const fitting = devices
    .map((device, index) => ({ index, usable: usableOf(device) }))
    .filter(({ usable }) => predicted <= usable * facts.batches.usableShare)
    .sort((left, right) => right.usable - left.usable);
  return fitting[0]?.index ?? null;
}

/** `-b` and `-ub`: larger batches for longer contexts, if the estimate leaves room for them. */
export function automaticBatch(question: Asked, usesFlashAttention: boolean): number {
  const { tokens, constrainedTokens, larger, usableShare } = facts.batches;
  const chosen = singleDevice(question);
  const devices = devicesOf(question).filter((_, index) => chosen === null || index === chosen);
  const context = question.workload.contextTokens * question.workload.users;
  if (!usesFlashAttention && backendOf(question.hardware) === 'cuda') {
    const isSmall = devices.some((device) => usableOf(device) <= 8 * GiB);
    return context > 4096 && isSmall ? constrainedTokens : tokens;
  }
  const available = isOnCpu(question) ? 0 : devices.reduce((sum, device) => sum + usableOf(device), 0);
  const predicted = predictedBytes(question);
  const fitting = larger.find(({ contextAbove, memoryShareMax, surchargeMib }) => {
    if (context <= contextAbove) return false;
    if (available === 0) return true;
    const room = available * usableShare - predicted;
    return predicted <= available * memoryShareMax && surchargeMib * MiB <= room;
  });
  return fitting?.tokens ?? tokens;
}

/** Returns false where flash attention has no kernels, so that the server switches it off (ml/device.go). */
export function hasFlashAttention({ hardware }: Asked): boolean {
  const capability = Number(hardware.computeCapability ?? Number.NaN);
  return Number.isNaN(capability) || (capability >= 6 && capability !== 7.2);
}

/** The server maps the file, except for a model on the CPU or in part on Metal. */
export function mapsFile(question: Asked): boolean {
  if (isOnCpu(question)) return false;
  const isPartial = predictedBytes(question) > usableOf(question.hardware);
  return !(backendOf(question.hardware) === 'metal' && isPartial);
}
