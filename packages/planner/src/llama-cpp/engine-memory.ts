/**
 * Everything llama.cpp allocates for one model and one set of options, per backend: weights, caches, states, the compute
 * buffer, and the host buffers beside them. Bytes only; `llamaCppLedger` gives them their derivations.
 */
import { assert } from '@plimsoll/foundation';
import { ggmlTypeNamed, type ModelSpec } from '@plimsoll/model-files/spec';
import { storedTensors } from '../gguf-recipes/gguf-spec.ts';
import { type BackendKind, backendTraits, graphTensorBytes } from './backends.ts';
import { type CacheCells, type CacheOptions, cacheCells, layerCache } from './cache-buffers.ts';
import { type EngineModel, engineModel, settledModel } from './engine-model.ts';
import { type EngineRules, newestBuild, rulesOfBuild } from './engine-rules.ts';
import { scheduleGraph } from './graph/backend-schedule.ts';
import type { WorstCase } from './graph/graph-inputs.ts';
import { graphMemory } from './graph/graph-memory.ts';
import { worstCaseGraph } from './graph/worst-case-graph.ts';
import { type HostWeightOptions, type ModelBuffers, modelBuffers } from './model-buffers.ts';
import { type Placement, placeTensors } from './placement.ts';

export interface LlamaCppInput {
  readonly spec: ModelSpec;
  /** Mixture of tensor types, "Q4_K_M"; null when the spec's tensors say what they are stored as. */
  readonly fileType: string | null;
  readonly contextTokens: number;
  /** `-b` and `-ub`. */
  readonly batchTokens?: number;
  readonly microBatchTokens?: number;
  /** `-np`: slots. */
  readonly sequences?: number;
  readonly unifiedCache?: boolean;
  readonly flashAttention?: boolean;
  /** `-ctk`, `-ctv`: ggml types. */
  readonly keyType?: string;
  readonly valueType?: string;
  /** `-ngl`; `all` is more than the model has. */
  readonly gpuLayers?: number | 'all';
  readonly cpuExpertLayers?: number;
  readonly backend: BackendKind;
  readonly devices?: number;
  readonly deviceShares?: readonly number[];
  /** `--no-kv-offload` when false. */
  readonly offloadCache?: boolean;
  readonly fullWindow?: boolean;
  /** Prediction layers have caches although nothing runs them (ik_llama.cpp). */
  readonly cachesPredictionLayers?: boolean;
  readonly rollbackStates?: number;
  /** Rows of logits in the worst case; the engine's rule when absent. */
  readonly outputs?: number;
  /** The engine also gives out embeddings (ollama always asks for them). */
  readonly embeddings?: boolean;
  readonly build?: number;
  /** Several batches on several devices at once; what the backend can when absent. */
  readonly pipelined?: boolean;
  /** True when the file stores latent attention as absorbed matrices; the build's rule when absent. */
  readonly absorbedMla?: boolean;
  readonly host?: Partial<HostWeightOptions>;
}

/** Bytes of one backend: a device, or the CPU with its host buffers. */
export interface BackendMemory {
  readonly weights: number;
  readonly cache: number;
  readonly state: number;
  readonly compute: number;
}

export interface EngineMemory {
  readonly devices: readonly BackendMemory[];
  readonly host: BackendMemory;
  readonly model: ModelBuffers;
  readonly outputBytes: number;
  readonly cells: CacheCells;
  readonly placement: Placement;
  readonly options: ResolvedOptions;
}

/** The input with every default filled in and every clamp applied. */
export interface ResolvedOptions {
  readonly batchTokens: number;
  readonly microBatchTokens: number;
  readonly sequences: number;
  readonly flashAttention: boolean;
  readonly keyType: string;
  readonly valueType: string;
  readonly gpuLayers: number;
  readonly devices: number;
  readonly outputs: number;
  readonly rules: EngineRules;
  readonly cache: CacheOptions;
}

export function engineMemory(input: LlamaCppInput): EngineMemory {
  const options = resolveOptions(input);
  const { spec } = input;
  const { rules } = options;
  const tensors = storedTensors(spec, input.fileType, {
    absorbedMla: options.cache.absorbedMla,
    predictionLayers: spec.predictionLayers.length > 0 && filesHavePredictionLayers(spec.family),
    fusedCountsAsValue: rules.fusedCountsAsValue,
  });
  const layers = Math.max(spec.layers.length, ...tensors.map((tensor) => (tensor.layer ?? -1) + 1));
  const placement = placeTensors({
    tensors,
    layers,
    loadedLayers: spec.layers.length,
    tied: spec.tiedEmbeddings,
    devices: options.devices,
    ...(input.deviceShares && { deviceShares: input.deviceShares }),
    gpuLayers: options.gpuLayers,
    headFirst: rules.headOffloadedFirst,
    cpuExpertLayers: input.cpuExpertLayers ?? 0,
  });
  const model = modelBuffers(placement, input.backend, {
    mapped: true,
    repack: 'none',
    sortedFile: rules.sortedFiles,
    ...input.host,
  });
  const cells = cacheCells(spec, options.cache);
  const caches = cacheMemory(input, placement, cells, options);
  const compute = computeMemory(input, settledModel(engineModel(spec, placement)), cells, options);
  const backend = (index: number, weights: number): BackendMemory => ({
    weights,
    cache: caches.cache[index] ?? 0,
    state: caches.state[index] ?? 0,
    compute: compute[index] ?? 0,
  });
  return {
    devices: model.devices.map((bytes, index) => backend(index, bytes)),
    host: backend(placement.cpu, model.host.mapped + model.host.plain + model.host.repacked),
    model,
    outputBytes: (spec.vocabSize + (input.embeddings ? spec.hiddenSize : 0)) * options.sequences * 4,
    cells,
    placement,
    options,
  };
}

/** GLM-4.5 and later files carry the prediction layer, which the engine skips; DeepSeek files leave it out. */
function filesHavePredictionLayers(family: string): boolean {
  return /^glm/.test(family);
}

function resolveOptions(input: LlamaCppInput): ResolvedOptions {
  const rules = rulesOfBuild(input.build ?? newestBuild);
  const sequences = input.sequences ?? 1;
  const flashAttention = input.flashAttention ?? rules.automaticFlashAttention;
  const batchTokens = Math.min(input.contextTokens, input.batchTokens ?? 2048);
  const microBatchTokens = Math.min(batchTokens, input.microBatchTokens ?? 512);
  const devices = input.backend === 'cpu' ? 0 : (input.devices ?? 1);
  const gpuLayers = input.gpuLayers ?? 'all';
  const rollbackStates = input.rollbackStates ?? 0;
  const keyType = input.keyType ?? 'f16';
  const valueType = input.valueType ?? 'f16';
  assert(sequences >= 1 && input.contextTokens >= 1, 'a context has at least one token and one sequence');
  return {
    batchTokens,
    microBatchTokens,
    sequences,
    flashAttention,
    keyType,
    valueType,
    gpuLayers:
      gpuLayers === 'all' ? input.spec.layers.length + input.spec.predictionLayers.length + 1 : gpuLayers,
    devices,
    outputs:
      input.outputs ?? (rules.serverLimitsOutputs ? sequences * (1 + rollbackStates) : microBatchTokens),
    rules,
    cache: {
      contextTokens: input.contextTokens,
      microBatchTokens,
      sequences,
      unified: input.unifiedCache ?? !rules.streams,
      flashAttention,
      keyType,
      valueType,
      fullWindow: input.fullWindow ?? false,
      rollbackStates,
      absorbedMla: input.absorbedMla ?? rules.latentCache,
      rules,
    },
  };
}

interface CacheMemory {
  readonly cache: readonly number[];
  readonly state: readonly number[];
}

function cacheMemory(
  input: LlamaCppInput,
  placement: Placement,
  cells: CacheCells,
  options: ResolvedOptions,
): CacheMemory {
  const cache = new Array<number>(placement.cpu + 1).fill(0);
  const state = new Array<number>(placement.cpu + 1).fill(0);
  const unused = input.cachesPredictionLayers ? input.spec.predictionLayers : [];
  [...input.spec.layers, ...unused].forEach((layer, index) => {
    const own = placement.layerBackends[index] ?? placement.cpu;
    const backend = (input.offloadCache ?? true) ? own : placement.cpu;
    const bytes = layerCache(input.spec, layer, cells, options.cache);
    cache[backend] = (cache[backend] ?? 0) + bytes.keyBytes + bytes.valueBytes;
    state[backend] = (state[backend] ?? 0) + bytes.stateBytes;
  });
  return { cache, state };
}

/** Bytes of the compute buffer per backend, the CPU last. */
function computeMemory(
  input: LlamaCppInput,
  model: EngineModel,
  cells: CacheCells,
  options: ResolvedOptions,
): readonly number[] {
  const { rules, devices, microBatchTokens } = options;
  const offloads = input.offloadCache ?? true;
  const streams = cells.streams;
  const sequences = streams > 1 || rules.reservesSequences ? options.sequences : 1;
  const tokens = Math.ceil(Math.min(input.contextTokens, microBatchTokens) / sequences) * sequences;
  const worst: WorstCase = {
    tokens,
    outputs: Math.min(options.outputs, tokens),
    sequences,
    streams,
    cells: cells.full,
    windowCells: cells.window,
    states: 1 + options.cache.rollbackStates,
    flashAttention: options.flashAttention,
    keyElementBytes: elementBytes(options.keyType),
    valueElementBytes: elementBytes(options.valueType),
    rules,
  };
  const placed = offloads ? model : withHostCaches(model);
  const allLayers = options.gpuLayers > model.placement.layerBackends.length;
  const graph = worstCaseGraph(placed, worst, {
    attentionPinnedTo: offloads ? null : devices,
    normsPinned: allLayers || tokens < 32,
  });
  const traits = backendTraits[input.backend];
  const able = devices > 1 && allLayers && offloads && (input.cpuExpertLayers ?? 0) === 0;
  const pipelined = able && (input.pipelined ?? traits.pipelines);
  const schedule = scheduleGraph(graph, {
    backends: devices + 1,
    offloadsHostWeights: devices > 0 && traits.offloadsHostWeights,
    inputCopies: pipelined ? pipelineCopies : 1,
  });
  const kinds: readonly BackendKind[] = [...new Array<BackendKind>(devices).fill(input.backend), 'cpu'];
  return graphMemory(graph, schedule, {
    alignments: kinds.map((kind) => backendTraits[kind].alignment),
    allocationBytes: (tensor, backend) => graphTensorBytes(tensor, kinds[backend] ?? 'cpu'),
  });
}

function elementBytes(type: string): number {
  const { blockBytes, blockElements } = ggmlTypeNamed(type);
  return blockBytes / blockElements;
}

/** GGML_SCHED_MAX_COPIES. */
const pipelineCopies = 4;

function withHostCaches(model: EngineModel): EngineModel {
  const { cpu } = model.placement;
  return { ...model, layers: model.layers.map((layer) => ({ ...layer, backend: cpu })) };
}
