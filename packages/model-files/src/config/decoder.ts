/**
 * Reads the common decoder: embedding, layers of attention and feed-forward with norms, final norm, head. A family
 * gives its traits as one record; an absent trait is as in Llama.
 */
import type { LayerSpec, TensorSpec } from '../model-spec.ts';
import { type AttentionTraits, fullSpan, groupedQuery, type Span } from './attention.ts';
import type { ConfigReader } from './config-reader.ts';
import { type Dimensions, readDimensions, readIntermediateSize } from './dimensions.ts';
import { type AttentionPart, freezeLayer, layerOf, layersOf, type MlpPart } from './layers.ts';
import { type DenseMlpOptions, denseMlp } from './mlp.ts';
import { linear, norm, tensor } from './tensors.ts';

/** The language part of a model, before quantisation and vision. */
export interface TextModel {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly tiedEmbeddings: boolean;
  readonly layers: readonly LayerSpec[];
  readonly tensors: readonly TensorSpec[];
  readonly predictionLayers: readonly LayerSpec[];
}

export interface ModelNames {
  readonly embedding: string;
  readonly finalNorm: string;
  readonly head: string;
}

const llamaNames: ModelNames = {
  embedding: 'model.embed_tokens',
  finalNorm: 'model.norm',
  head: 'lm_head',
};

/** The parts of a layer except its attention span, which each layer chooses. */
export interface DecoderTraits {
  /** The default of the code for `tie_word_embeddings`. */
  readonly tied?: boolean;
  readonly names?: Partial<ModelNames>;
  readonly attention?: AttentionTraits;
  readonly span?: (layer: number) => Span;
  readonly dense?: Partial<DenseMlpOptions>;
  /** True for a layer with experts; if undefined, no layer has experts. */
  readonly isExpertLayer?: (layer: number) => boolean;
  readonly experts?: () => MlpPart;
  /** Names of the norms of a layer. Each has the width of the hidden size. */
  readonly norms?: readonly string[];
  readonly normBias?: boolean;
  readonly headBias?: boolean;
  /** False for norms without weights (OLMo). */
  readonly finalNorm?: boolean;
  readonly layerTensors?: readonly TensorSpec[];
  readonly modelTensors?: readonly TensorSpec[];
  readonly predictionLayers?: PredictionTraits;
}

/** Multi-token-prediction layers: copies of one kind of layer, with the tensors that join two inputs. */
export interface PredictionTraits {
  readonly count: number;
  readonly mlp: 'dense' | 'experts';
  readonly tensors: readonly TensorSpec[];
}

export function readDecoder(config: ConfigReader, traits: DecoderTraits): TextModel {
  const size = readDimensions(config);
  const names = { ...llamaNames, ...traits.names };
  const tied = config.boolean('tie_word_embeddings', traits.tied ?? false);
  const build = (variant: Span & { readonly experts: boolean }): LayerSpec =>
    layerOf(decoderAttention(size, variant, traits.attention), decoderMlp(config, traits, variant.experts), [
      ...layerNorms(size.hiddenSize, traits),
      ...(traits.layerTensors ?? []),
    ]);
  const layers = layersOf(
    size.layerCount,
    (layer) => ({
      ...(traits.span?.(layer) ?? fullSpan),
      experts: traits.isExpertLayer?.(layer) ?? false,
    }),
    build,
  );
  return {
    hiddenSize: size.hiddenSize,
    vocabSize: size.vocabSize,
    tiedEmbeddings: tied,
    layers,
    tensors: [...modelTensors({ ...size, tied, names, ...traits }), ...(traits.modelTensors ?? [])],
    predictionLayers: predictionLayers(traits.predictionLayers, (experts) => build({ ...fullSpan, experts })),
  };
}

export function decoderAttention(size: Dimensions, span: Span, traits: AttentionTraits = {}): AttentionPart {
  return groupedQuery({ ...size, keyHeadDim: size.headDim, valueHeadDim: size.headDim }, span, traits);
}

function decoderMlp(config: ConfigReader, traits: DecoderTraits, experts: boolean): MlpPart {
  if (experts && traits.experts !== undefined) return traits.experts();
  const hiddenSize = traits.dense?.hiddenSize ?? readDimensions(config).hiddenSize;
  const intermediateSize = traits.dense?.intermediateSize ?? readIntermediateSize(config);
  return denseMlp({ ...traits.dense, hiddenSize, intermediateSize });
}

function layerNorms(hiddenSize: number, traits: DecoderTraits): TensorSpec[] {
  const names = traits.norms ?? ['input_layernorm', 'post_attention_layernorm'];
  return names.flatMap((name) => norm(name, hiddenSize, traits.normBias));
}

function predictionLayers(
  traits: PredictionTraits | undefined,
  build: (experts: boolean) => LayerSpec,
): readonly LayerSpec[] {
  if (traits === undefined || traits.count === 0) return [];
  const layer = build(traits.mlp === 'experts');
  const joined = freezeLayer({ ...layer, tensors: [...layer.tensors, ...traits.tensors] });
  return new Array<LayerSpec>(traits.count).fill(joined);
}

export interface ModelTensorOptions {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly tied: boolean;
  readonly names?: Partial<ModelNames>;
  readonly normBias?: boolean;
  readonly headBias?: boolean;
  /** False for norms without weights (OLMo). */
  readonly finalNorm?: boolean;
}

/** Lists embedding, final norm and head. A tied head is the embedding and is not listed. */
export function modelTensors(options: ModelTensorOptions): TensorSpec[] {
  const { hiddenSize, vocabSize, tied, normBias, headBias, finalNorm = true } = options;
  const names = { ...llamaNames, ...options.names };
  return [
    tensor(`${names.embedding}.weight`, 'token-embedding', vocabSize, hiddenSize),
    ...(finalNorm ? norm(names.finalNorm, hiddenSize, normBias) : []),
    ...(tied ? [] : linear(names.head, 'lm-head', { out: vocabSize, in: hiddenSize }, headBias)),
  ];
}
