/** Mixtures of experts with shared experts, dense first layers or interleaved layers. */
import type { ConfigReader } from '../config-reader.ts';
import { readDecoder } from '../decoder.ts';
import { readHiddenSize, readIntermediateSize } from '../dimensions.ts';
import type { MlpPart } from '../layers.ts';
import { expertMlp, mixtralNames } from '../mlp.ts';
import { chunkedSpans, uniformWindow } from '../spans.ts';
import { linear, norm } from '../tensors.ts';
import { deepseekExperts, nextTokenTensors, readPredictionCount, sparseLayers } from './deepseek.ts';
import type { Family, FamilyTable } from './family.ts';
import { statedBiases } from './llama-like.ts';

const everyLayer = (): boolean => true;

/** GLM-4.5 and later. Absent sizes are those of GLM-4.5-Air, the defaults of the code. */
const glm4Moe: Family = {
  read: (given) => {
    const config = given.withDefaults({
      intermediate_size: 10944,
      first_k_dense_replace: 1,
      n_shared_experts: 1,
      topk_method: 'noaux_tc',
      // The vision models of the family have no prediction layer.
      num_nextn_predict_layers: given.text('model_type') === 'glm4_moe' ? 1 : 0,
    });
    const hiddenSize = readHiddenSize(config);
    const predicted = { hiddenSize, vocabSize: config.integer('vocab_size'), copies: true };
    return readDecoder(config, {
      attention: {
        qkvBias: config.boolean('attention_bias', true),
        qkNorm: config.boolean('use_qk_norm', false) ? 'head' : 'none',
      },
      isExpertLayer: sparseLayers(config),
      experts: () => deepseekExperts(config, hiddenSize),
      predictionLayers: {
        count: readPredictionCount(config),
        mlp: 'experts',
        tensors: nextTokenTensors(predicted),
      },
    });
  },
};

/** dots.llm1: DeepSeek's feed-forward with grouped-query attention. */
const dots1: Family = {
  read: (given) => {
    const config = given.withDefaults({ topk_method: 'noaux_tc' });
    const bias = config.boolean('attention_bias', false);
    return readDecoder(config, {
      attention: { qkvBias: bias, outputBias: bias, qkNorm: 'head' },
      span: uniformWindow(config, null),
      isExpertLayer: sparseLayers(config),
      experts: () => deepseekExperts(config, readHiddenSize(config)),
    });
  },
};

/** MiniMax M2. Its config counts prediction modules that the files do not hold. */
const minimaxM2: Family = {
  read: (config) => {
    config.ignore('attn_type_list', 'mtp_transformer_layers', 'num_mtp_modules', 'use_mtp', 'qk_norm_type');
    return readDecoder(config, {
      attention: { qkNorm: config.boolean('use_qk_norm', true) ? 'projection' : 'none' },
      isExpertLayer: everyLayer,
      experts: () =>
        minimaxExperts(config, config.integer('shared_intermediate_size', { fallback: 0, minimum: 0 })),
    });
  },
};

function minimaxExperts(config: ConfigReader, sharedIntermediateSize: number): MlpPart {
  return expertMlp({
    hiddenSize: readHiddenSize(config),
    experts: config.integer('num_local_experts'),
    expertsPerToken: config.integer('num_experts_per_tok'),
    expertIntermediateSize: readIntermediateSize(config),
    sharedIntermediateSize,
    module: 'block_sparse_moe',
    names: mixtralNames,
    scoreCorrection: 'e_score_correction_bias',
  });
}

/** Llama 4: experts in every n-th layer, one shared expert, chunked attention. The q/k norm has no weights. */
const llama4: Family = {
  read: (config) => {
    config.ignore('use_qk_norm');
    const bias = config.boolean('attention_bias', false);
    const step = config.integer('interleave_moe_layer_step', { fallback: 1 });
    const listed = config.integers('moe_layers');
    const expertLayers = new Set(listed);
    const isExpertLayer = (layer: number): boolean =>
      listed === null ? (layer + 1) % step === 0 : expertLayers.has(layer);
    const intermediateSize = config.integer('intermediate_size_mlp', { fallback: 16384 });
    return readDecoder(config, {
      attention: { qkvBias: bias, outputBias: bias },
      span: chunkedSpans(config.withDefaults({ attention_chunk_size: 8192 })),
      dense: { module: 'feed_forward', intermediateSize },
      isExpertLayer,
      experts: () =>
        expertMlp({
          hiddenSize: readHiddenSize(config),
          experts: config.integer('num_local_experts', { fallback: 16 }),
          expertsPerToken: config.integer('num_experts_per_tok', { fallback: 1 }),
          expertIntermediateSize: readIntermediateSize(config),
          sharedIntermediateSize: readIntermediateSize(config),
          module: 'feed_forward',
          router: 'router',
          sharedModule: 'shared_expert',
          fused: true,
          stacked: true,
        }),
    });
  },
};

/** Granite MoE: every expert fuses gate and up, and so does the shared feed-forward if there is one. */
const graniteMoe: Family = {
  read: (config) =>
    readDecoder(config, {
      ...statedBiases(config),
      isExpertLayer: everyLayer,
      experts: () => graniteExperts(config),
    }),
};

export function graniteExperts(config: ConfigReader): MlpPart {
  const shared = config.integer('shared_intermediate_size', { fallback: 0, minimum: 0 });
  const names = { gateUp: 'input_linear', down: 'output_linear' };
  const part = expertMlp({
    hiddenSize: readHiddenSize(config),
    experts: config.integer('num_local_experts'),
    expertsPerToken: config.integer('num_experts_per_tok'),
    expertIntermediateSize: readIntermediateSize(config),
    sharedIntermediateSize: shared,
    module: 'block_sparse_moe',
    router: 'router.layer',
    fused: true,
    names,
    sharedFused: true,
    sharedNames: names,
  });
  // The shared feed-forward is a separate module next to the experts.
  const tensors = part.tensors.map((item) => ({
    ...item,
    name: item.name.replace('block_sparse_moe.shared_experts.', 'shared_mlp.').replace('.experts.', '.'),
  }));
  return { ...part, tensors };
}

/** ERNIE 4.5 with experts. */
const ernie45Moe: Family = {
  read: (config) => {
    const bias = config.boolean('use_bias', false);
    const first = config.integerOfLayer('moe_layer_start_index', 0, { fallback: 1, minimum: 0 });
    const last = config.integerOfLayer('moe_layer_end_index', 0, { fallback: -1, minimum: -1 });
    const interval = config.integer('moe_layer_interval', { fallback: 1 });
    const width = config.integerOfLayer('moe_intermediate_size', 0);
    const shared = config.integer('moe_num_shared_experts', { fallback: 0, minimum: 0 });
    return readDecoder(config, {
      tied: true,
      attention: { qkvBias: bias, outputBias: bias },
      dense: { bias },
      isExpertLayer: (layer) => layer >= first && (last < 0 || layer <= last) && (layer + 1) % interval === 0,
      experts: () =>
        expertMlp({
          hiddenSize: readHiddenSize(config),
          experts: config.integerOfLayer('moe_num_experts', 0),
          expertsPerToken: config.integer('moe_k'),
          expertIntermediateSize: width,
          sharedIntermediateSize: shared * width,
          scoreCorrection: 'moe_statics.e_score_correction_bias',
        }),
    });
  },
};

/** Hunyuan with experts (Hunyuan-A13B): per-head norms after the projections, one shared feed-forward. */
const hunyuanMoe: Family = {
  read: (config) => {
    const bias = config.boolean('attention_bias', false);
    const hiddenSize = readHiddenSize(config);
    const width = config.integerOfLayer('moe_intermediate_size', 0, {
      fallback: readIntermediateSize(config),
    });
    const shared = config.integerOfLayer('num_shared_expert', 0, { fallback: 1, minimum: 0 });
    const names = { queryNorm: 'query_layernorm', keyNorm: 'key_layernorm' };
    const qkNorm = config.boolean(['use_qk_norm', 'qk_norm'], true) ? 'head' : 'none';
    return readDecoder(config, {
      tied: true,
      attention: { qkvBias: bias, outputBias: bias, qkNorm, names },
      isExpertLayer: (layer) => layer >= config.integer('moe_layer_num_skipped', { fallback: 0, minimum: 0 }),
      experts: () =>
        expertMlp({
          hiddenSize,
          experts: config.integerOfLayer('num_experts', 0),
          expertsPerToken: config.integerOfLayer('moe_topk', 0),
          expertIntermediateSize: width,
          sharedIntermediateSize: shared * width,
          router: 'gate.wg',
          sharedModule: 'shared_mlp',
        }),
    });
  },
};

/** Hy3 of Tencent: DeepSeek's routing with grouped-query attention. Its prediction layer has no copies of embedding and head. */
const hyV3: Family = {
  read: (config) => {
    config.ignore('expert_hidden_dim', 'moe_router_enable_expert_bias', 'route_norm');
    config.ignore(
      'enable_attention_fp32_softmax',
      'enable_moe_fp32_combine',
      'use_grouped_mm',
      'eod_token_id',
    );
    const hiddenSize = readHiddenSize(config);
    const width = config.integer('moe_intermediate_size');
    const shared = config.integer('num_shared_experts', { fallback: 1, minimum: 0 });
    const stated = statedBiases(config);
    return readDecoder(config, {
      ...stated,
      attention: { ...stated.attention, qkNorm: config.boolean('qk_norm', true) ? 'head' : 'none' },
      isExpertLayer: sparseLayers(config.withDefaults({ first_k_dense_replace: 1 })),
      experts: () =>
        expertMlp({
          hiddenSize,
          experts: config.integer('num_experts'),
          expertsPerToken: config.integer('num_experts_per_tok'),
          expertIntermediateSize: width,
          sharedIntermediateSize: shared * width,
          router: 'router.gate',
          scoreCorrection: 'expert_bias',
          sharedModule: 'shared_mlp',
        }),
      predictionLayers: {
        count: readPredictionCount(config),
        mlp: 'experts',
        tensors: [
          ...norm('enorm', hiddenSize),
          ...norm('hnorm', hiddenSize),
          ...norm('final_layernorm', hiddenSize),
          ...linear('eh_proj', 'other', { out: hiddenSize, in: 2 * hiddenSize }),
        ],
      },
    });
  },
};

export const otherExpertFamilies: FamilyTable = {
  glm4_moe: glm4Moe,
  glm4v_moe_text: glm4Moe,
  dots1,
  minimax_m2: minimaxM2,
  llama4,
  llama4_text: llama4,
  granitemoe: graniteMoe,
  granitemoeshared: graniteMoe,
  ernie4_5_moe: ernie45Moe,
  hunyuan_v1_moe: hunyuanMoe,
  hy_v3: hyV3,
};
