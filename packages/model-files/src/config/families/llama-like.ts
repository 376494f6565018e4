/** Dense decoders that differ from Llama in a few traits. Defaults are those of transformers' configuration_*.py. */
import type { ConfigReader } from '../config-reader.ts';
import { type DecoderTraits, readDecoder } from '../decoder.ts';
import { readDimensions } from '../dimensions.ts';
import { alternatingSpans, switchedWindow, uniformWindow } from '../spans.ts';
import { linear, norm } from '../tensors.ts';
import type { Family, FamilyTable } from './family.ts';

export function decoderFamily(
  traitsOf: (config: ConfigReader) => DecoderTraits,
  nestedDefaults: Readonly<Record<string, unknown>> = {},
): Family {
  return { read: (config) => readDecoder(config, traitsOf(config)), nestedDefaults };
}

/**
 * Reads the bias keys: `attention_bias` adds biases to all four projections, `mlp_bias` to all three of the
 * feed-forward.
 */
export function statedBiases(config: ConfigReader): DecoderTraits {
  const bias = config.boolean('attention_bias', false);
  return {
    attention: { qkvBias: bias, outputBias: bias },
    dense: { bias: config.boolean('mlp_bias', false) },
  };
}

export const fourNorms = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
] as const;

const llama = decoderFamily(statedBiases, {
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  vocab_size: 32000,
  max_position_embeddings: 2048,
});

const mistral = decoderFamily((config) => ({ span: uniformWindow(config, 4096) }), {
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  vocab_size: 32000,
  max_position_embeddings: 131072,
});

const qwen2 = decoderFamily((config) => ({
  attention: { qkvBias: true },
  span: switchedWindow(config),
}));

const qwen3 = decoderFamily((config) => {
  const stated = statedBiases(config);
  return { ...stated, attention: { ...stated.attention, qkNorm: 'head' }, span: switchedWindow(config) };
});

/** Xiaomi MiMo 7B: Qwen2 with multi-token-prediction layers. */
const mimo = decoderFamily((config) => {
  const { hiddenSize } = readDimensions(config);
  return {
    attention: { qkvBias: config.boolean('attention_bias', true) },
    span: switchedWindow(config),
    predictionLayers: {
      count: config.integer('num_nextn_predict_layers', { fallback: 0, minimum: 0, maximum: 64 }),
      mlp: 'dense',
      tensors: [
        ...norm('token_layernorm', hiddenSize),
        ...norm('hidden_layernorm', hiddenSize),
        ...norm('final_layernorm', hiddenSize),
        ...linear('input_proj', 'other', { out: hiddenSize, in: 2 * hiddenSize }),
      ],
    },
  };
});

const phi3 = decoderFamily((config) => {
  // Newer files state these keys, but no code reads them: the matrices have no biases.
  config.ignore('attention_bias', 'mlp_bias');
  return { attention: { fusedQkv: true }, dense: { fused: true }, span: uniformWindow(config, null) };
});

const olmo2Norms = ['post_attention_layernorm', 'post_feedforward_layernorm'] as const;

const olmo2 = decoderFamily((config) => {
  const stated = statedBiases(config);
  return { ...stated, attention: { ...stated.attention, qkNorm: 'projection' }, norms: olmo2Norms };
});

const olmo3 = decoderFamily((config) => {
  const stated = statedBiases(config);
  return {
    ...stated,
    attention: { ...stated.attention, qkNorm: 'projection' },
    norms: olmo2Norms,
    span: alternatingSpans(config, { period: 4, window: 4096 }),
  };
});

/** SmolLM3. Layers without rotary positions have the same cache as other layers. */
const smollm3 = decoderFamily((config) => {
  config.ignore('no_rope_layer_interval', 'no_rope_layers');
  return { ...statedBiases(config), tied: true, span: switchedWindow(config) };
});

export const llamaLikeFamilies: FamilyTable = {
  llama,
  mistral,
  qwen2,
  qwen3,
  mimo,
  phi3,
  granite: llama,
  olmo2,
  olmo3,
  smollm3,
  ministral: mistral,
  ministral3: mistral,
  qwen2_vl: qwen2,
  qwen2_vl_text: qwen2,
  qwen2_5_vl: qwen2,
  qwen2_5_vl_text: qwen2,
  qwen3_vl: qwen3,
  qwen3_vl_text: qwen3,
};
