/** Dense decoders that differ more from Llama: other norms, other biases, parallel or post-normed layers. */
import { readDimensions } from '../dimensions.ts';
import { alternatingSpans, uniformWindow } from '../spans.ts';
import { tensor } from '../tensors.ts';
import type { FamilyTable } from './family.ts';
import { decoderFamily, fourNorms, statedBiases } from './llama-like.ts';

/** Command R: attention and feed-forward run in parallel after one norm; always tied. */
const cohere = decoderFamily((config) => {
  const stated = statedBiases(config);
  const qkNorm = config.boolean('use_qk_norm', false) ? 'each-head' : 'none';
  return {
    ...stated,
    tied: true,
    attention: { ...stated.attention, qkNorm },
    norms: ['input_layernorm'],
  };
});

const cohere2 = decoderFamily((config) => ({
  ...statedBiases(config),
  tied: true,
  norms: ['input_layernorm'],
  span: alternatingSpans(config, { period: 4, window: 4096 }),
}));

const starcoder2 = decoderFamily((config) => {
  const bias = config.boolean('use_bias', true);
  return {
    tied: true,
    attention: { qkvBias: bias, outputBias: bias },
    dense: { bias, gated: false, names: { up: 'c_fc', down: 'c_proj' } },
    normBias: true,
    span: uniformWindow(config, null),
  };
});

const stablelm = decoderFamily((config) => ({
  attention: {
    qkvBias: config.boolean('use_qkv_bias', false),
    qkNorm: config.boolean('qk_layernorm', false) ? 'each-head' : 'none',
    names: { queryNorm: 'q_layernorm.norms', keyNorm: 'k_layernorm.norms' },
  },
  normBias: true,
  norms: config.boolean('use_parallel_residual', false)
    ? ['input_layernorm']
    : ['input_layernorm', 'post_attention_layernorm'],
}));

/** GLM-4: biases on q, k and v; one matrix for gate and up. */
const glm = decoderFamily((config) => ({
  attention: { qkvBias: config.boolean('attention_bias', true) },
  dense: { fused: true },
}));

const glm4 = decoderFamily((config) => ({
  attention: { qkvBias: config.boolean('attention_bias', true) },
  dense: { fused: true },
  norms: ['input_layernorm', 'post_attention_layernorm', 'post_self_attn_layernorm', 'post_mlp_layernorm'],
}));

/** Nemotron 3/4 and Minitron: squared ReLU, layer norms with bias. */
const nemotron = decoderFamily((config) => {
  const stated = statedBiases(config);
  return { ...stated, dense: { ...stated.dense, gated: false }, normBias: true };
});

/** EXAONE 4: norms after attention and feed-forward; the small model has no windows. */
const exaone4 = decoderFamily((config) => ({
  attention: { qkNorm: 'head' },
  norms: ['post_attention_layernorm', 'post_feedforward_layernorm'],
  ...(config.has('sliding_window') && { span: alternatingSpans(config, { period: 4 }) }),
}));

/** EXAONE 3: Llama with other names. */
const exaone = decoderFamily(() => ({
  attention: { names: { module: 'attn.attention', output: 'out_proj' } },
  dense: { names: { gate: 'c_fc_0', up: 'c_fc_1', down: 'c_proj' } },
  norms: ['ln_1', 'ln_2'],
  names: { embedding: 'transformer.wte', finalNorm: 'transformer.ln_f' },
}));

/** Apertus: no gate; its activation has two learned scalars, which files store. */
const apertus = decoderFamily((config) => {
  const stated = statedBiases(config);
  return {
    ...stated,
    attention: { ...stated.attention, qkNorm: 'head' },
    dense: { ...stated.dense, gated: false },
    norms: ['attention_layernorm', 'feedforward_layernorm'],
    layerTensors: [tensor('mlp.act_fn.alpha_p', 'other', 1), tensor('mlp.act_fn.alpha_n', 'other', 1)],
  };
});

const seedOss = decoderFamily((config) => ({
  attention: {
    qkvBias: config.boolean('attention_bias', true),
    outputBias: config.boolean('attention_out_bias', false),
  },
  dense: { bias: config.boolean('mlp_bias', false) },
}));

const internlm3 = decoderFamily((config) => {
  const bias = config.boolean('bias', false);
  return {
    attention: { qkvBias: config.boolean('qkv_bias', false), outputBias: bias },
    dense: { bias },
  };
});

const hunyuanDense = decoderFamily((config) => {
  const bias = config.boolean('attention_bias', false);
  const names = { queryNorm: 'query_layernorm', keyNorm: 'key_layernorm' };
  const qkNorm = config.boolean(['use_qk_norm', 'qk_norm'], true) ? 'head' : 'none';
  return { tied: true, attention: { qkvBias: bias, outputBias: bias, qkNorm, names } };
});

const ernie45 = decoderFamily((config) => {
  const bias = config.boolean('use_bias', false);
  return { tied: true, attention: { qkvBias: bias, outputBias: bias }, dense: { bias } };
});

/** OLMo 1: norms without weights. */
const olmo = decoderFamily((config) => ({ ...statedBiases(config), norms: [], finalNorm: false }));

/** Phi-1 and Phi-2: one norm per layer, biases everywhere, including the head. */
const phi = decoderFamily((config) => ({
  attention: {
    qkvBias: true,
    outputBias: true,
    qkNorm: config.boolean('qk_layernorm', false) ? 'head' : 'none',
    qkNormBias: true,
    names: { output: 'dense', queryNorm: 'q_layernorm', keyNorm: 'k_layernorm' },
  },
  dense: { gated: false, bias: true, names: { up: 'fc1', down: 'fc2' } },
  norms: ['input_layernorm'],
  normBias: true,
  headBias: true,
  names: { finalNorm: 'model.final_layernorm' },
}));

/** InternLM 2: Llama with q, k and v in one matrix and other names. */
const internlm2 = decoderFamily((config) => {
  const bias = config.boolean('bias', false);
  return {
    attention: {
      fusedQkv: true,
      qkvBias: bias,
      outputBias: bias,
      names: { module: 'attention', fused: 'wqkv', output: 'wo' },
    },
    dense: { module: 'feed_forward', names: { gate: 'w1', up: 'w3', down: 'w2' } },
    norms: ['attention_norm', 'ffn_norm'],
    names: { embedding: 'model.tok_embeddings', head: 'output' },
  };
});

const baichuan = decoderFamily(() => ({
  attention: { fusedQkv: true, names: { fused: 'W_pack' } },
}));

/** Qwen 1: its intermediate size is the sum of gate and up. */
const qwen = decoderFamily((config) => {
  const { hiddenSize } = readDimensions(config);
  const intermediateSize = Math.floor(config.integer('intermediate_size', { minimum: 2 }) / 2);
  return {
    attention: {
      fusedQkv: true,
      qkvBias: true,
      names: { module: 'attn', fused: 'c_attn', output: 'c_proj' },
    },
    dense: { hiddenSize, intermediateSize, names: { gate: 'w2', up: 'w1', down: 'c_proj' } },
    norms: ['ln_1', 'ln_2'],
    names: { embedding: 'transformer.wte', finalNorm: 'transformer.ln_f' },
  };
});

/**
 * Muse Glimmer: three windowed layers, then a full layer without rotary positions. A matrix of the size of q_proj gates
 * the output of the attention; the norms of queries and keys have no weights.
 */
const museGlimmer = decoderFamily((config) => {
  const stated = statedBiases(config);
  return {
    ...stated,
    attention: { ...stated.attention, gatedQuery: true },
    norms: fourNorms,
    span: alternatingSpans(config, { period: 4, window: 2048 }),
  };
});

export const otherDenseFamilies: FamilyTable = {
  cohere: { ...cohere, contextTokens: 131072 },
  cohere2,
  starcoder2,
  stablelm,
  glm,
  glm4,
  glm4v_text: glm4,
  nemotron,
  exaone,
  exaone4,
  apertus,
  seed_oss: seedOss,
  internlm2,
  internlm3,
  hunyuan_v1_dense: hunyuanDense,
  ernie4_5: ernie45,
  olmo,
  phi,
  muse_glimmer: museGlimmer,
  muse_glimmer_text: museGlimmer,
  baichuan,
  qwen,
};
