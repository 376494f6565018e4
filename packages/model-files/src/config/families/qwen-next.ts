/** Qwen3-Next, Qwen3.5 and their vision variants: three linear-attention layers per gated full-attention layer. */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import { fullSpan } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import { decoderAttention, type TextModel } from '../decoder.ts';
import { readDimensions, readIntermediateSize } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf, type MlpPart } from '../layers.ts';
import { readGatedDeltaNet } from '../linear-attention.ts';
import { denseMlp } from '../mlp.ts';
import { readLayerTypes } from '../spans.ts';
import { linear, norm } from '../tensors.ts';
import { repeated, withTensors } from './deepseek.ts';
import { qwenExpertLayers, qwenExperts } from './experts.ts';
import type { Family, FamilyTable } from './family.ts';

interface NextTraits {
  readonly packing: 'two' | 'four';
  readonly experts: 'none' | 'separate' | 'stacked';
  /** Default number of prediction layers: Qwen3-Next ships one that its config does not state. */
  readonly predicted: number;
}

function readNext(config: ConfigReader, traits: NextTraits): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const bias = config.boolean('attention_bias', false);
  const gatedQuery = config.boolean('attn_output_gate', true);
  config.ignore('mtp_use_dedicated_embeddings', 'mlp_only_layers');
  const isLinear = linearLayers(config);
  const isExpertLayer = traits.experts === 'none' ? () => false : qwenExpertLayers(config);
  const mlp = (experts: boolean): MlpPart =>
    experts
      ? qwenExperts(config, { stacked: traits.experts === 'stacked' })
      : denseMlp({ hiddenSize, intermediateSize: readIntermediateSize(config) });
  const attention = (linearAttention: boolean) =>
    linearAttention
      ? readGatedDeltaNet(config, hiddenSize, traits.packing)
      : decoderAttention(size, fullSpan, { qkvBias: bias, outputBias: bias, qkNorm: 'head', gatedQuery });
  const build = (variant: { readonly linear: boolean; readonly experts: boolean }): LayerSpec =>
    layerOf(attention(variant.linear), mlp(variant.experts), [
      ...norm('input_layernorm', hiddenSize),
      ...norm('post_attention_layernorm', hiddenSize),
    ]);
  const predicted = config.integer('mtp_num_hidden_layers', {
    fallback: traits.predicted,
    minimum: 0,
    maximum: 64,
  });
  return readHybrid(config, {
    variantOf: (layer) => ({ linear: isLinear(layer), experts: isExpertLayer(layer) }),
    build,
    predictionLayers: repeated(predicted, () =>
      withTensors(build({ linear: false, experts: traits.experts !== 'none' }), joinTensors(hiddenSize)),
    ),
  });
}

/**
 * Lists the tensors that join the inputs of a prediction module. They are stored once; with several layers each counts
 * them.
 */
function joinTensors(hiddenSize: number): TensorSpec[] {
  return [
    ...linear('fc', 'other', { out: hiddenSize, in: 2 * hiddenSize }),
    ...norm('pre_fc_norm_embedding', hiddenSize),
    ...norm('pre_fc_norm_hidden', hiddenSize),
    ...norm('norm', hiddenSize),
  ];
}

function linearLayers(config: ConfigReader): (layer: number) => boolean {
  const types = readLayerTypes(config);
  const interval = config.integer('full_attention_interval', { fallback: 4 });
  if (types === null) return (layer) => (layer + 1) % interval !== 0;
  const unknown = types.find((type) => type !== 'linear_attention' && type !== 'full_attention');
  if (unknown !== undefined)
    throw config.refuse('layer_types', unknown, 'linear_attention or full_attention');
  return (layer) => types[layer] === 'linear_attention';
}

function nextFamily(traits: NextTraits): Family {
  return { read: (config) => readNext(config, traits) };
}

const qwen35 = nextFamily({ packing: 'four', experts: 'none', predicted: 0 });
const qwen35Moe = nextFamily({ packing: 'four', experts: 'stacked', predicted: 0 });

export const qwenNextFamilies: FamilyTable = {
  qwen3_next: nextFamily({ packing: 'two', experts: 'separate', predicted: 1 }),
  qwen3_5: qwen35,
  qwen3_5_text: qwen35,
  qwen3_5_moe: qwen35Moe,
  qwen3_5_moe_text: qwen35Moe,
};
