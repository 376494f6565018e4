/**
 * Computes everything that llama.cpp allocates for one model and one set of options, per backend: weights, caches, states,
 * compute buffer and host buffers. This file has bytes only; `llamaCppLedger` adds their derivations.
 */
import { ggmlTypeNamed, type ModelSpec } from '@plimsoll/model-files/spec';
import { type BackendKind, backendTraits, graphTensorBytes } from './backends.ts';
import { type CacheCells, cacheCells, cachedBytes, layerCache } from './cache-buffers.ts';
import type { EngineModel } from './engine-model.ts';
import { type LlamaCppInput, type ResolvedOptions, resolveOptions } from './engine-options.ts';
import { scheduleGraph } from './graph/backend-schedule.ts';
import type { WorstCase } from './graph/graph-inputs.ts';
import { graphMemory } from './graph/graph-memory.ts';
import { worstCaseGraph } from './graph/worst-case-graph.ts';
import { type LoadedModel, loadedModel } from './loaded-model.ts';
import type { ModelBuffers } from './model-buffers.ts';
import type { Placement } from './placement.ts';

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

/** `sizesGraphs` false leaves out compute buffers, whose graphs cost a hundred times as much as the rest. */
export function engineMemory(input: LlamaCppInput, sizesGraphs = true): EngineMemory {
  const options = resolveOptions(input);
  const { spec } = input;
  const loaded = loadedModel(input, options);
  const { placement, buffers } = loaded;
  const cells = cacheCells(spec, options.cache);
  const caches = cacheMemory(spec, loaded, cells, options);
  const compute = sizesGraphs ? computeMemory(input, loaded, cells, options) : [];
  const backend = (index: number, weights: number): BackendMemory => ({
    weights,
    cache: caches.cache[index] ?? 0,
    state: caches.state[index] ?? 0,
    compute: compute[index] ?? 0,
  });
  return {
    devices: buffers.devices.map((bytes, index) => backend(index, bytes)),
    host: backend(placement.cpu, buffers.host.mapped + buffers.host.plain + buffers.host.repacked),
    model: buffers,
    outputBytes: (spec.vocabSize + (input.embeddings ? spec.hiddenSize : 0)) * options.sequences * 4,
    cells,
    placement,
    options,
  };
}

interface CacheMemory {
  readonly cache: readonly number[];
  readonly state: readonly number[];
}

function cacheMemory(
  spec: ModelSpec,
  { placement, cachingLayers }: LoadedModel,
  cells: CacheCells,
  options: ResolvedOptions,
): CacheMemory {
  const cache = new Array<number>(placement.cpu + 1).fill(0);
  const state = new Array<number>(placement.cpu + 1).fill(0);
  for (const { layer, backend, caches, states } of cachingLayers) {
    const bytes = layerCache(spec, layer, cells, options.cache);
    cache[backend] = (cache[backend] ?? 0) + caches * cachedBytes(bytes);
    state[backend] = (state[backend] ?? 0) + states * bytes.stateBytes;
  }
  // Shares of layers are fractions whose sums are whole bytes.
  return { cache: cache.map(Math.round), state: state.map(Math.round) };
}

/** Contexts whose compute buffers a loaded model remembers. A sweep over users and contexts asks for a few hundred. */
const computeCountMax = 2048;

/** Bytes of the compute buffer per backend, the CPU last. */
function computeMemory(
  input: LlamaCppInput,
  { graphModel, computeBytes }: LoadedModel,
  cells: CacheCells,
  options: ResolvedOptions,
): readonly number[] {
  const worst = worstCase(input, cells, options);
  const { rules: _, ...sizes } = worst;
  const key = [...Object.values(sizes), isPipelined(input, options, graphModel)].join(' ');
  const known = computeBytes.get(key);
  if (known !== undefined) return known;
  if (computeBytes.size >= computeCountMax) computeBytes.clear();
  const measured = graphBytes(input, graphModel, worst, options);
  computeBytes.set(key, measured);
  return measured;
}

function worstCase(input: LlamaCppInput, cells: CacheCells, options: ResolvedOptions): WorstCase {
  const { rules, microBatchTokens } = options;
  const { streams } = cells;
  const sequences = streams > 1 || rules.reservesSequences ? options.sequences : 1;
  const tokens = Math.ceil(Math.min(input.contextTokens, microBatchTokens) / sequences) * sequences;
  return {
    tokens,
    slots: options.sequences,
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
}

function graphBytes(
  input: LlamaCppInput,
  model: EngineModel,
  worst: WorstCase,
  options: ResolvedOptions,
): readonly number[] {
  const offloads = input.offloadCache ?? true;
  const placed = offloads ? model : withHostCaches(model);
  const { gpuLayers, devices } = options;
  const allLayers = gpuLayers > model.placement.layerBackends.length;
  const graph = worstCaseGraph(placed, worst, {
    attentionPinnedTo: offloads ? null : devices,
    normsPinned: allLayers || worst.tokens < 32,
  });
  const traits = backendTraits[input.backend];
  const schedule = scheduleGraph(graph, {
    backends: devices + 1,
    offloadsHostWeights:
      devices > 0 &&
      traits.offloadsHostWeights &&
      input.offloadOperations !== false &&
      input.division?.kind !== 'tensors',
    inputCopies: isPipelined(input, options, model) ? pipelineCopies : 1,
  });
  const kinds: readonly BackendKind[] = [...new Array<BackendKind>(devices).fill(input.backend), 'cpu'];
  const sizes = graphMemory(graph, schedule, {
    alignments: kinds.map((kind) => backendTraits[kind].alignment),
    allocationBytes: (tensor, backend) => graphTensorBytes(tensor, kinds[backend] ?? 'cpu'),
  });
  if (input.division?.kind !== 'tensors') return sizes;
  // The engine sizes the buffer of each device for whole tensors (ggml-backend-meta.cpp, alloc_buffer).
  return sizes.map((size, backend) => (backend < devices ? (sizes[0] ?? 0) : size));
}

/** Several devices work on several batches at once if every layer is on a device. */
function isPipelined(
  input: LlamaCppInput,
  { gpuLayers, devices }: ResolvedOptions,
  { placement }: Pick<EngineModel, 'placement'>,
): boolean {
  const movesTensors = (input.cpuExpertLayers ?? 0) > 0 || (input.overrides ?? []).length > 0;
  const isAble =
    devices > 1 &&
    gpuLayers > placement.layerBackends.length &&
    (input.offloadCache ?? true) &&
    !movesTensors &&
    input.division === undefined;
  return isAble && (input.pipelined ?? backendTraits[input.backend].pipelines);
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
