/**
 * DeepSeek V2, V3 and V3.2, and models with the same architecture: Kimi K2, GLM-4.7-Flash, GLM-5. Latent attention, a few
 * dense layers, then routed experts with shared experts.
 */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { modelTensors, type TextModel } from '../decoder.ts';
import { readHiddenSize, readIntermediateSize, readLayerCount, readVocabSize } from '../dimensions.ts';
import { freezeLayer, layerOf, layersOf, type MlpPart } from '../layers.ts';
import { readMla } from '../mla.ts';
import { denseMlp, expertMlp } from '../mlp.ts';
import { linear, norm, tensor } from '../tensors.ts';
import type { FamilyTable } from './family.ts';

interface DeepseekVariant {
  readonly [key: string]: boolean;
  readonly experts: boolean;
  readonly indexer: boolean;
}

/**
 * Reads the layers with an indexer. In GLM-5.2 three of four layers reuse the choice of the previous layer:
 * `indexer_types` lists them.
 */
function indexerLayers(config: ConfigReader): (layer: number) => boolean {
  const types = config.texts('indexer_types');
  // The list replaces the rule in these keys; without the list they stay unread, and the spec lists them.
  if (types !== null) config.ignore('index_topk_freq', 'index_topk_pattern', 'index_skip_topk_offset');
  return (layer) => types?.[layer] !== 'shared';
}

function readDeepseek(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const vocabSize = readVocabSize(config);
  const tied = config.boolean('tie_word_embeddings', false);
  const isExpertLayer = sparseLayers(config);
  const hasIndexer = indexerLayers(config);
  config.ignore('layer_types', 'mlp_layer_types', 'mlp_bias', 'num_experts');
  const build = ({ experts, indexer }: DeepseekVariant): LayerSpec =>
    layerOf(
      readMla(config, hiddenSize, { indexer }),
      experts
        ? deepseekExperts(config, hiddenSize)
        : denseMlp({ hiddenSize, intermediateSize: readIntermediateSize(config) }),
      [...norm('input_layernorm', hiddenSize), ...norm('post_attention_layernorm', hiddenSize)],
    );
  const layers = layersOf(
    readLayerCount(config),
    (layer) => ({ experts: isExpertLayer(layer), indexer: hasIndexer(layer) }),
    build,
  );
  const predicted = readPredictionCount(config);
  // GLM-5 omits the copies: its safetensors total has room for only one embedding and one head.
  const copies = config.text('model_type') !== 'glm_moe_dsa';
  return {
    hiddenSize,
    vocabSize,
    tiedEmbeddings: tied,
    layers,
    tensors: modelTensors({ hiddenSize, vocabSize, tied }),
    predictionLayers: repeated(predicted, () =>
      withTensors(
        build({ experts: true, indexer: true }),
        nextTokenTensors({ hiddenSize, vocabSize, copies }),
      ),
    ),
  };
}

export function readPredictionCount(config: ConfigReader, key = 'num_nextn_predict_layers'): number {
  return config.integer(key, { fallback: 0, minimum: 0, maximum: 64 });
}

export function repeated(count: number, build: () => LayerSpec): readonly LayerSpec[] {
  return count === 0 ? [] : new Array<LayerSpec>(count).fill(freezeLayer(build()));
}

export function withTensors(layer: LayerSpec, tensors: readonly TensorSpec[]): LayerSpec {
  return { ...layer, tensors: [...layer.tensors, ...tensors] };
}

export interface NextTokenOptions {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** True if the file repeats embedding and head for the prediction layer, as DeepSeek V3 does. */
  readonly copies: boolean;
}

/** Lists the tensors of a prediction layer that join the last hidden state with the embedding of the next token. */
export function nextTokenTensors({ hiddenSize, vocabSize, copies }: NextTokenOptions): TensorSpec[] {
  return [
    ...norm('enorm', hiddenSize),
    ...norm('hnorm', hiddenSize),
    ...linear('eh_proj', 'other', { out: hiddenSize, in: 2 * hiddenSize }),
    ...norm('shared_head.norm', hiddenSize),
    ...(copies ? [tensor('embed_tokens.weight', 'token-embedding', vocabSize, hiddenSize)] : []),
    ...(copies ? linear('shared_head.head', 'lm-head', { out: vocabSize, in: hiddenSize }) : []),
  ];
}

/** The first `first_k_dense_replace` layers are dense; every `moe_layer_freq`-th later layer has experts. */
export function sparseLayers(config: ConfigReader): (layer: number) => boolean {
  const dense = config.integer('first_k_dense_replace', { fallback: 0, minimum: 0 });
  if (Array.isArray(config.raw('moe_layer_freq'))) {
    const flags = config.integers('moe_layer_freq');
    return (layer) => flags?.[layer] === 1;
  }
  const period = config.integer('moe_layer_freq', { fallback: 1 });
  return (layer) => layer >= dense && layer % period === 0;
}

export function deepseekExperts(config: ConfigReader, hiddenSize: number): MlpPart {
  const width = config.integer('moe_intermediate_size');
  const shared = config.integer('n_shared_experts', { fallback: 0, minimum: 0 });
  return expertMlp({
    hiddenSize,
    experts: config.integer('n_routed_experts'),
    expertsPerToken: config.integer('num_experts_per_tok'),
    expertIntermediateSize: width,
    sharedIntermediateSize: shared * width,
    // Selection without an auxiliary loss needs a bias per expert.
    ...(config.text('topk_method') === 'noaux_tc' && { scoreCorrection: 'gate.e_score_correction_bias' }),
  });
}

const deepseekV2 = { read: readDeepseek };
/** From V3 on the code always has the correction, even if the file does not name the method. */
const deepseekV3 = {
  read: (config: ConfigReader): TextModel => readDeepseek(config.withDefaults({ topk_method: 'noaux_tc' })),
};

export const deepseekFamilies: FamilyTable = {
  deepseek_v2: deepseekV2,
  deepseek_v3: deepseekV3,
  deepseek_v32: deepseekV3,
  kimi_k2: deepseekV3,
  glm4_moe_lite: deepseekV3,
  glm_moe_dsa: deepseekV3,
};
