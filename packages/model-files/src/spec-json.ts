/**
 * Writes a ModelSpec as a small JSON file, for pages that plan without the readers of every family. Equal layers are
 * one object in a spec: the file holds each distinct layer once and the layers as indexes, so that a spec of 61 layers
 * takes a few kilobytes and its sums stay as cheap after reading.
 */
import type { LayerSpec, ModelSpec } from './model-spec.ts';

interface SpecJson extends Omit<ModelSpec, 'layers' | 'predictionLayers'> {
  readonly layerKinds: readonly LayerSpec[];
  /** Index into `layerKinds`, per layer. */
  readonly layers: readonly number[];
  readonly predictionLayers: readonly number[];
}

/** Writes a spec as JSON text. */
export function modelSpecToJson(spec: ModelSpec): string {
  const kinds = new Map<LayerSpec, number>();
  const indexOf = (layer: LayerSpec): number => {
    const index = kinds.get(layer) ?? kinds.size;
    kinds.set(layer, index);
    return index;
  };
  const layers = spec.layers.map(indexOf);
  const predictionLayers = spec.predictionLayers.map(indexOf);
  const json: SpecJson = { ...spec, layerKinds: [...kinds.keys()], layers, predictionLayers };
  return JSON.stringify(json);
}

/** Reads text that `modelSpecToJson` wrote. This project's own build writes the text, so the shape is not checked. */
export function modelSpecFromJson(text: string): ModelSpec {
  const { layerKinds, layers, predictionLayers, ...rest } = JSON.parse(text) as SpecJson;
  const layersAt = (indexes: readonly number[]): readonly LayerSpec[] =>
    indexes.flatMap((index) => layerKinds[index] ?? []);
  return { ...rest, layers: layersAt(layers), predictionLayers: layersAt(predictionLayers) };
}
