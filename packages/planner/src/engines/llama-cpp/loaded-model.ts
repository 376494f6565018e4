/**
 * The part of a start that does not depend on the context: places of tensors, buffers of weights, layers of the graph. A
 * plan asks about hundreds of contexts, so that this part is remembered per model.
 */
import type { LayerSpec, ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, rememberFew } from '../../bytes/memo.ts';
import { storedTensors } from '../../gguf-recipes/gguf-spec.ts';
import { type EngineModel, engineModel, settledModel } from './engine-model.ts';
import type { LlamaCppInput, ResolvedOptions } from './engine-options.ts';
import { type ModelBuffers, modelBuffers } from './model-buffers.ts';
import { type Placement, placeTensors } from './placement.ts';

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

export interface CachingLayers {
  readonly layer: LayerSpec;
  readonly backend: number;
  readonly count: number;
}

/** Ways to load one model that are remembered: precisions and splits in a form, layer counts that a fit tries. */
const loadedCountMax = 24;
const memo = createMemo<LoadedModel>();

export function loadedModel(input: LlamaCppInput, options: ResolvedOptions): LoadedModel {
  const { fileType, backend, deviceShares, cpuExpertLayers, overrides, host } = input;
  const { gpuLayers, devices, rules, cache } = options;
  const key = JSON.stringify([
    [fileType, backend, deviceShares, cpuExpertLayers, overrides, host],
    [gpuLayers, devices, rules.build, cache.absorbedMla, input.offloadCache],
    [input.cachesPredictionLayers, input.loadsPredictionLayers],
  ]);
  return rememberFew({ memo, owner: input.spec, countMax: loadedCountMax }, key, () => load(input, options));
}

function load(input: LlamaCppInput, options: ResolvedOptions): LoadedModel {
  const { spec } = input;
  const { rules } = options;
  const loadsPrediction = input.loadsPredictionLayers === true;
  const tensors = storedTensors(spec, input.fileType, {
    absorbedMla: options.cache.absorbedMla,
    predictionLayers:
      spec.predictionLayers.length > 0 && (loadsPrediction || filesHavePredictionLayers(spec.family)),
    fusedCountsAsValue: rules.fusedCountsAsValue,
  });
  const placement = placeTensors({
    tensors,
    layers: tensors.reduce((most, { layer }) => Math.max(most, (layer ?? -1) + 1), spec.layers.length),
    loadedLayers: spec.layers.length + (loadsPrediction ? spec.predictionLayers.length : 0),
    tied: spec.tiedEmbeddings,
    devices: options.devices,
    ...(input.deviceShares && { deviceShares: input.deviceShares }),
    gpuLayers: options.gpuLayers,
    headFirst: rules.headOffloadedFirst,
    overrides: input.overrides ?? [],
    cpuExpertLayers: input.cpuExpertLayers ?? 0,
  });
  return {
    placement,
    buffers: modelBuffers(placement, input.backend, {
      mapped: true,
      repack: 'none',
      sortedFile: rules.sortedFiles,
      sharesPages: false,
      ...input.host,
    }),
    graphModel: settledModel(engineModel(spec, placement)),
    cachingLayers: cachingLayers(input, placement),
    computeBytes: new Map(),
  };
}

/** GLM-4.5 and later files carry the prediction layer, which the engine skips; DeepSeek files leave it out. */
function filesHavePredictionLayers(family: ModelSpec['family']): boolean {
  return /^glm/.test(family);
}

/** Groups layers that cache alike. Equal layers of a spec are one object. */
function cachingLayers(input: LlamaCppInput, placement: Placement): readonly CachingLayers[] {
  const unused = input.cachesPredictionLayers ? input.spec.predictionLayers : [];
  const groups = new Map<LayerSpec, Map<number, number>>();
  [...input.spec.layers, ...unused].forEach((layer, index) => {
    const own = placement.layerBackends[index] ?? placement.cpu;
    const backend = (input.offloadCache ?? true) ? own : placement.cpu;
    const counts = groups.get(layer) ?? new Map<number, number>();
    groups.set(layer, counts.set(backend, (counts.get(backend) ?? 0) + 1));
  });
  return [...groups].flatMap(([layer, counts]) =>
    [...counts].map(([backend, count]) => ({ layer, backend, count })),
  );
}
