/**
 * The part of a start that does not depend on the context: places of tensors, buffers of weights, layers of the graph. A
 * plan asks about hundreds of contexts, so that this part is remembered per model.
 */
import type { LayerSpec, ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, rememberFew } from '../../bytes/memo.ts';
import { convertedSpec, storedTensors } from '../../gguf-recipes/gguf-spec.ts';
import { asOneBackend, slicesOf } from './division.ts';
import { type EngineModel, engineModel, settledModel } from './engine-model.ts';
import type { LlamaCppInput, ResolvedOptions } from './engine-options.ts';
import { type ModelBuffers, modelBuffers } from './model-buffers.ts';
import { type Placement, placeTensors } from './placement.ts';
import { dividedModel, layerShares } from './tensor-slices.ts';

export interface LoadedModel {
  readonly placement: Placement;
  readonly buffers: ModelBuffers;
  /** The layers and weights that graphs are built from. */
  readonly graphModel: EngineModel;
  /** Layers that cache alike on one backend, with their count. */
  readonly cachingLayers: readonly CachingLayers[];
  /** Bytes of the compute buffer per backend, by the worst case of a context. */
  readonly computeBytes: Map<string, readonly number[]>;
}

export interface CacheShare {
  readonly backend: number;
  /** Caches and states of whole layers on this backend; a fraction where devices share them. */
  readonly caches: number;
  readonly states: number;
}

export interface CachingLayers extends CacheShare {
  readonly layer: LayerSpec;
}

/** Ways to load one model that are remembered: precisions and splits in a form, layer counts that a fit tries. */
const loadedCountMax = 24;
const memo = createMemo<LoadedModel>();

export function loadedModel(input: LlamaCppInput, options: ResolvedOptions): LoadedModel {
  const { fileType, backend, deviceShares, cpuExpertLayers, overrides, host } = input;
  const { gpuLayers, devices, rules, cache } = options;
  const key = JSON.stringify([
    [fileType, backend, deviceShares, cpuExpertLayers, overrides, host],
    [gpuLayers, devices, rules.build, cache.absorbedMla, input.offloadCache, input.offloadOperations],
    [input.cachesPredictionLayers, input.loadsPredictionLayers, input.division],
  ]);
  return rememberFew({ memo, owner: input.spec, countMax: loadedCountMax }, key, () => load(input, options));
}

function load(input: LlamaCppInput, options: ResolvedOptions): LoadedModel {
  const spec = convertedSpec(input.spec);
  const { rules } = options;
  const loadsPrediction = input.loadsPredictionLayers === true;
  const tensors = storedTensors(spec, input.fileType, {
    absorbedMla: options.cache.absorbedMla,
    predictionLayers:
      spec.predictionLayers.length > 0 && (loadsPrediction || filesHavePredictionLayers(spec.family)),
    fusedCountsAsValue: rules.fusedCountsAsValue,
  });
  const { division } = input;
  const isOneBackend = division?.kind === 'tensors';
  const placed = placeTensors({
    tensors,
    layers: tensors.reduce((most, { layer }) => Math.max(most, (layer ?? -1) + 1), spec.layers.length),
    loadedLayers: spec.layers.length + (loadsPrediction ? spec.predictionLayers.length : 0),
    tied: spec.tiedEmbeddings,
    devices: isOneBackend ? Math.min(1, options.devices) : options.devices,
    ...(input.deviceShares && !isOneBackend && { deviceShares: input.deviceShares }),
    gpuLayers: options.gpuLayers,
    headFirst: rules.headOffloadedFirst,
    overrides: input.overrides ?? [],
    cpuExpertLayers: input.cpuExpertLayers ?? 0,
  });
  const placement = isOneBackend ? asOneBackend(placed, options.devices) : placed;
  const hostOptions = {
    mapped: true,
    repack: 'none' as const,
    sortedFile: rules.sortedFiles,
    sharesPages: false,
    ...input.host,
  };
  const slices = division === undefined ? undefined : slicesOf(division, spec, placement);
  return {
    placement,
    buffers: modelBuffers(placement, input.backend, hostOptions, slices),
    graphModel: settledModel(engineModel(spec, placement)),
    cachingLayers: cachingLayers(input, placement),
    computeBytes: new Map(),
  };
}

/**
 * GLM-4.5 and later files carry the prediction layer, which the engine skips. DeepSeek files leave it out, and so do those of
 * GLM-4.7-Flash, which has DeepSeek's architecture.
 */
function filesHavePredictionLayers(family: ModelSpec['family']): boolean {
  return /^glm(?!4_moe_lite)/.test(family);
}

/** Groups layers that cache alike. Equal layers of a spec are one object. */
function cachingLayers(input: LlamaCppInput, placement: Placement): readonly CachingLayers[] {
  const unused = input.cachesPredictionLayers ? input.spec.predictionLayers : [];
  const groups = new Map<LayerSpec, Map<number, CachingLayers>>();
  const sharesAt = cacheSharesOf(input, placement);
  [...input.spec.layers, ...unused].forEach((layer, index) => {
    const known = groups.get(layer) ?? new Map<number, CachingLayers>();
    groups.set(layer, known);
    for (const { backend, caches, states } of sharesAt(index)) {
      const sum = known.get(backend);
      known.set(backend, {
        layer,
        backend,
        caches: (sum?.caches ?? 0) + caches,
        states: (sum?.states ?? 0) + states,
      });
    }
  });
  return [...groups.values()].flatMap((known) => [...known.values()]);
}

/** Returns the function that gives the backends of a layer's cache and state, and the share of each backend. */
export function cacheSharesOf(
  { spec, division, offloadCache = true }: LlamaCppInput,
  { layerBackends, tensors, cpu }: Placement,
): (layer: number) => readonly CacheShare[] {
  const model = division?.kind === 'tensors' ? dividedModel(spec, division, tensors) : null;
  return (layer) => {
    const backend = offloadCache ? (layerBackends[layer] ?? cpu) : cpu;
    if (model === null || backend === cpu) return [{ backend, caches: 1, states: 1 }];
    const { cache, state } = layerShares(layer, model);
    return cache.map((caches, device) => ({ backend: device, caches, states: state[device] ?? 0 }));
  };
}
