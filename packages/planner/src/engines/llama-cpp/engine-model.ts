/**
 * Describes a placed model for the graph builder: the weights of each layer and the backend of each weight. As in llama.cpp,
 * the presence of a tensor (a query norm, a bias) shows most features of a family; `FamilyTraits` has the others.
 */
import { defined } from '@plimsoll/foundation';
import type { AttentionSpec, MlpSpec, ModelSpec } from '@plimsoll/model-files/spec';
import { type FamilyTraits, familyTraits } from './family-traits.ts';
import { settledLayers } from './layer-periods.ts';
import type { PlacedTensor, Placement } from './placement.ts';

export interface EngineLayer {
  readonly index: number;
  readonly attention: AttentionSpec;
  readonly mlp: MlpSpec;
  /** Weights by name inside the layer: `attn_q.weight`. */
  readonly weights: ReadonlyMap<string, PlacedTensor>;
  /** Backend that holds the layer's cache. */
  readonly backend: number;
}

export interface EngineModel {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly traits: FamilyTraits;
  readonly layers: readonly EngineLayer[];
  /** Weights outside layers by name: `output.weight`. */
  readonly weights: ReadonlyMap<string, PlacedTensor>;
  readonly placement: Placement;
}

export function engineModel(spec: ModelSpec, placement: Placement): EngineModel {
  const perLayer = new Map<number, Map<string, PlacedTensor>>();
  const weights = new Map<string, PlacedTensor>();
  for (const tensor of placement.tensors) {
    if (tensor.layer === null) {
      weights.set(tensor.name, tensor);
      continue;
    }
    const layer = perLayer.get(tensor.layer) ?? new Map<string, PlacedTensor>();
    layer.set(tensor.name.replace(/^blk\.\d+\./, ''), tensor);
    perLayer.set(tensor.layer, layer);
  }
  return {
    hiddenSize: spec.hiddenSize,
    vocabSize: spec.vocabSize,
    traits: familyTraits(spec.family),
    layers: spec.layers.map(({ attention, mlp }, index) => ({
      index,
      attention,
      mlp,
      weights: perLayer.get(index) ?? new Map(),
      backend: defined(placement.layerBackends[index], `layer ${index} has no backend`),
    })),
    weights,
    placement,
  };
}

/** Leaves out repeating layers. The graph of the shorter model reaches the same largest extents. */
export function settledModel(model: EngineModel): EngineModel {
  const kinds = new Map<object, number>();
  const numberOf = (part: object): number => {
    const known = kinds.get(part) ?? kinds.size;
    kinds.set(part, known);
    return known;
  };
  const { cpu } = model.placement;
  const keys = model.layers.map((layer) => {
    const own = `${numberOf(layer.attention)} ${numberOf(layer.mlp)} ${layer.backend}`;
    const home = model.placement.layerBackends[layer.index];
    // A device may copy weights from host memory into the graph, so their sizes tell layers apart. Without devices the only
    // backend reads every weight where it lies.
    const weights = cpu === 0 ? [] : [...layer.weights.values()].filter((weight) => weight.backend === cpu);
    return `${own} ${home} ${layer.weights.size} ${weights.map((weight) => weight.bytes).join()}`;
  });
  return { ...model, layers: settledLayers(keys).map((index) => defined(model.layers[index], 'kept layer')) };
}
