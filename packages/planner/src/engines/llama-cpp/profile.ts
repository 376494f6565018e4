/**
 * The profile `llama.cpp`: turns a question into a deployment by the allocation rules of this folder. llama.cpp allocates the
 * whole cache when it starts, so that every context and number of slots is computed anew.
 */
import { bytes } from '@plimsoll/foundation';
import { elementCount, type ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { cacheGroups } from '../../bytes/kv-cache.ts';
import { deviceCount } from '../../bytes/parallelism.ts';
import { weightFormat } from '../../bytes/weight-format.ts';
import type { Deployment } from '../../deployment/deployment.ts';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import { deviceSpeed, stateElementBytes } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import type { SpeedAssumptions } from '../../speed/assumptions.ts';
import { flashAttentionShares, speedAssumptions } from '../../speed/assumptions.ts';
import { speedModel } from '../../speed/speed-model.ts';
import { type EngineProfile, refusalOf } from '../contract/engine-profile.ts';
import { startIfFits } from '../contract/start-check.ts';
import { llamaCppChanges, slotFlags } from './changes.ts';
import { type EngineMemory, engineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { newestBuild } from './engine-rules.ts';
import { llamaCppFace } from './face.ts';
import { fitGpuLayers } from './fit-layers.ts';
import { llamaCppEntries } from './ledger.ts';
import type { LlamaCppOptions } from './options.ts';
import { backendOf, llamaCppCommand, memoryQuestion, mixtureOf } from './request.ts';

/** The mixtures that people download most, largest first. A question may name every mixture that the planner knows. */
const usualMixtures: readonly string[] = [
  'F16',
  'Q8_0',
  'Q6_K',
  'Q5_K_M',
  'Q4_K_M',
  'Q4_0',
  'IQ4_XS',
  'Q3_K_M',
  'Q2_K',
];

export const llamaCpp: EngineProfile<LlamaCppOptions, 'llama.cpp'> = {
  ...llamaCppFace,
  weightFormats: usualMixtures,
  prepare: prepareLlamaCpp,
  // The remaining work of `prepare` sizes graphs of the whole model and refuses nothing.
  refusal: (question) => refusalOf(() => memoryQuestion(question)),
  start: (question, current) => startIfFits(llamaCpp, question, current),
  changes: llamaCppChanges,
  flagsForUsers: slotFlags,
};

function prepareLlamaCpp(request: Question<LlamaCppOptions>): Deployment {
  const { hardware, workload } = request;
  const question = memoryQuestion(request);
  const capacityBytes = hardware.memory.usableBytes;
  const at = (users: number, contextTokens: number, gpuLayers = question.gpuLayers ?? 'all'): DeviceUse =>
    deviceUse({ ...question, gpuLayers, sequences: users, contextTokens: users * contextTokens }, hardware);
  const gpuLayers =
    request.options?.gpuLayers === 'auto'
      ? fitGpuLayers(question, {
          freeBytes: new Array<number>(deviceCount(request.parallelism)).fill(capacityBytes),
        }).gpuLayers
      : (question.gpuLayers ?? 'all');
  const started = at(workload.users, workload.contextTokens, gpuLayers);
  const startedCache = started.cacheBytes;
  const spec = storedSpec(request);
  const format = weightFormat(spec);
  const groups = cacheGroups(spec, {
    kvFormat: request.options?.keyFormat ?? request.kvFormat ?? 'fp16',
    tensor: 1,
    layers: [0, spec.layers.length],
    ...stateElementBytes(spec, format),
  });
  const entries = llamaCppEntries(started.memory, { ...question, gpuLayers }, sharesMemory(hardware));
  return {
    engine: llamaCppFace.name,
    engineVersion: `b${question.build ?? newestBuild}`,
    command: llamaCppCommand(request, gpuLayers, started.memory),
    formats: { weights: question.fileType ?? storedLabel(spec), kvCache: cacheLabel(started.memory) },
    cacheIsFixed: true,
    capacityBytes: bytes(capacityBytes),
    fixed: entries,
    poolBytes: capacityBytes - started.totalBytes + startedCache,
    groups,
    dataGroups: 1,
    contextMax: spec.contextLength,
    sequencesMax: sequencesLimit,
    sequencesLimit: "llama.cpp's LLAMA_MAX_SEQ",
    weightBytes: started.weightBytes,
    sequenceBytes: (contextTokens) => at(1, contextTokens, gpuLayers).cacheBytes,
    // Compute buffers grow with the context too: what is more than at start counts against the pool. They can also
    // shrink by a little, when tensors happen to pack better; that is no room to promise to anybody.
    poolBytesFor: (users, contextTokens) => {
      const use = at(users, contextTokens, gpuLayers);
      const computeGrowth = use.totalBytes - use.cacheBytes - (started.totalBytes - startedCache);
      return use.cacheBytes + Math.max(0, computeGrowth);
    },
    speed: speedModel({
      spec,
      format,
      groups,
      parallelism: { tensor: 1, pipeline: deviceCount(request.parallelism), data: 1, expertParallel: false },
      ...deviceSpeed({
        ...request,
        assumptions: request.assumptions ?? assumptionsWith(request, started.memory),
      }),
      hostShare: hostShare(started, spec),
    }),
    printed: null,
    notes: notes(request, gpuLayers, spec),
  };
}

/** LLAMA_MAX_SEQ: llama.cpp refuses more slots. */
const sequencesLimit = 256;

/**
 * Raises the fitted efficiencies for flash attention. They come from published speeds on graphics cards, most of which were
 * measured without it; with flash attention, reads of the cache are as efficient as on devices measured with it.
 */
function assumptionsWith(request: Question<LlamaCppOptions>, { options }: EngineMemory): SpeedAssumptions {
  const fitted = speedAssumptions({ hardware: request.hardware, engine: llamaCppFace.name });
  if (!options.flashAttention) return fitted;
  const { cacheEfficiency, attentionEfficiency } = flashAttentionShares;
  return {
    ...fitted,
    cacheEfficiency: Math.max(fitted.cacheEfficiency ?? 0, cacheEfficiency),
    attentionEfficiency: Math.max(fitted.attentionEfficiency ?? 0, attentionEfficiency),
  };
}

/** Sums over the fullest device, or over device and host where they share one memory. */
interface DeviceUse {
  readonly memory: EngineMemory;
  readonly totalBytes: number;
  readonly cacheBytes: number;
  readonly weightBytes: number;
}

function deviceUse(input: LlamaCppInput, hardware: HardwareRecord): DeviceUse {
  const memory = engineMemory(input);
  const parts = sharesMemory(hardware) ? [...memory.devices, memory.host] : [];
  const fullest = memory.devices.reduce<EngineMemory['host'] | null>(
    (most, device) => (most === null || totalOf(device) > totalOf(most) ? device : most),
    null,
  );
  const counted = parts.length > 0 ? parts : [fullest ?? memory.host];
  const sum = (pick: (part: EngineMemory['host']) => number): number =>
    counted.reduce((total, part) => total + pick(part), 0);
  return {
    memory,
    totalBytes: sum(totalOf) + (parts.length > 0 || fullest === null ? memory.outputBytes : 0),
    cacheBytes: sum((part) => part.cache + part.state),
    weightBytes: sum((part) => part.weights),
  };
}

function totalOf(part: EngineMemory['host']): number {
  return part.weights + part.cache + part.state + part.compute;
}

/** True if processor and accelerator share one memory, so that host buffers count against the device. */
function sharesMemory(hardware: HardwareRecord): boolean {
  return hardware.memory.unified || backendOf(hardware) === 'cpu';
}

/** Share of a step's weight bytes that the step reads from host memory. */
function hostShare(use: DeviceUse, spec: ModelSpec): number {
  const { memory } = use;
  if (memory.devices.length === 0) return 0;
  const device = memory.devices.reduce((sum, part) => sum + part.weights, 0);
  // The embedding always lies in host memory, but a token reads only one row of it.
  const embedding = spec.tensors.find((tensor) => tensor.role === 'token-embedding')?.stored?.bytes ?? 0;
  const host = Math.max(0, memory.host.weights - embedding);
  return host / Math.max(1, host + device);
}

function storedSpec(request: Question): ModelSpec {
  const mixture = mixtureOf(request);
  return mixture === null ? request.spec : ggufSpec(request.spec, mixture);
}

/** "mostly Q4_K, 4.85 bits each": the most frequent type of a file by bytes, and its mean width. */
function storedLabel(spec: ModelSpec): string {
  const bytesByType = new Map<string, number>();
  let elements = 0;
  let total = 0;
  for (const tensor of [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)]) {
    const { type, bytes: size } = tensor.stored ?? { type: spec.elementType, bytes: 0 };
    bytesByType.set(type, (bytesByType.get(type) ?? 0) + size);
    elements += elementCount(tensor);
    total += size;
  }
  const [type = spec.elementType] = [...bytesByType].sort((a, b) => b[1] - a[1])[0] ?? [];
  return `mostly ${type}, ${((total * 8) / Math.max(1, elements)).toFixed(2)} bits each`;
}

function cacheLabel({ options }: EngineMemory): string {
  return options.keyType === options.valueType
    ? options.keyType
    : `${options.keyType} / ${options.valueType}`;
}

function notes(
  request: Question<LlamaCppOptions>,
  gpuLayers: number | 'all',
  spec: ModelSpec,
): readonly string[] {
  const found: string[] = [];
  if (request.spec.source !== 'gguf' && request.weights === undefined) {
    found.push(
      `a ${mixtureOf(request)} file is assumed; name another with --weights Q8_0, or plan the .gguf itself`,
    );
  }
  if (typeof gpuLayers === 'number' && gpuLayers <= spec.layers.length) {
    found.push(
      `${gpuLayers} of ${spec.layers.length + 1} layers on the device, the rest in host memory; -ngl auto leaves 1 GiB free as llama.cpp's own fitting does`,
    );
  }
  return found;
}
