/**
 * A ModelSpec as a small JSON file, for pages that plan without carrying the readers of every family. Equal layers are one
 * object in a spec and stay one here: each kind is written once and layers point at it, so that a spec of 61 layers is a few
 * kilobytes and its sums cost as little after reading as before.
 */
import type { LayerSpec, ModelSpec } from './model-spec.ts';

interface SpecJson extends Omit<ModelSpec, 'layers' | 'predictionLayers'> {
  readonly layerKinds: readonly LayerSpec[];
  /** Index into `layerKinds`, per layer. */
  readonly layers: readonly number[];
  readonly predictionLayers: readonly number[];
}

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

/** Reads what `modelSpecToJson` wrote; the text comes from this project's own build, so its shape is taken on trust. */
export function modelSpecFromJson(text: string): ModelSpec {
  const { layerKinds, layers, predictionLayers, ...rest } = JSON.parse(text) as SpecJson;
  const layersAt = (indexes: readonly number[]): readonly LayerSpec[] =>
    indexes.flatMap((index) => layerKinds[index] ?? []);
  return { ...rest, layers: layersAt(layers), predictionLayers: layersAt(predictionLayers) };
}
