/** Builds decoders with layers of several kinds: a family states the kind of each layer and builds each kind once. */
import type { LayerSpec, TensorSpec } from '../model-spec.ts';
import type { ConfigReader } from './config-reader.ts';
import { type ModelTensorOptions, modelTensors, type TextModel } from './decoder.ts';
import { readHiddenSize, readLayerCount, readVocabSize } from './dimensions.ts';
import { type LayerVariant, layersOf } from './layers.ts';

export interface HybridTraits<Variant extends LayerVariant>
  extends Partial<Omit<ModelTensorOptions, 'hiddenSize'>> {
  readonly layerCount?: number;
  readonly variantOf: (layer: number) => Variant;
  readonly build: (variant: Variant) => LayerSpec;
  readonly predictionLayers?: readonly LayerSpec[];
  readonly extraTensors?: readonly TensorSpec[];
}

export function readHybrid<Variant extends LayerVariant>(
  config: ConfigReader,
  traits: HybridTraits<Variant>,
): TextModel {
  const hiddenSize = readHiddenSize(config);
  const vocabSize = traits.vocabSize ?? readVocabSize(config);
  const tied = config.boolean('tie_word_embeddings', traits.tied ?? false);
  const count = traits.layerCount ?? readLayerCount(config);
  const tensors = modelTensors({ ...traits, hiddenSize, vocabSize, tied });
  return {
    hiddenSize,
    vocabSize,
    tiedEmbeddings: tied,
    layers: layersOf(count, traits.variantOf, traits.build),
    tensors: [...tensors, ...(traits.extraTensors ?? [])],
    predictionLayers: traits.predictionLayers ?? [],
  };
}
