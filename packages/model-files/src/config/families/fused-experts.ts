/** Mixtures of experts with q, k and v in one matrix: DBRX, and Ling by Ant (bailing). */
import type { ConfigReader } from '../config-reader.ts';
import { readDecoder } from '../decoder.ts';
import { readHiddenSize, readIntermediateSize } from '../dimensions.ts';
import { expertMlp } from '../mlp.ts';
import { nextTokenTensors, readPredictionCount, sparseLayers } from './deepseek.ts';
import type { Family, FamilyTable } from './family.ts';

const dbrx: Family = {
  read: (given) => {
    const attention = given.section('attn_config');
    const feedForward = given.section('ffn_config');
    if (attention === null) throw given.refuse('attn_config', undefined, 'an object');
    if (feedForward === null) throw given.refuse('ffn_config', undefined, 'an object');
    attention.ignore('model_type', 'clip_qkv', 'rope_theta');
    feedForward.ignore(
      'model_type',
      'ffn_act_fn',
      'moe_jitter_eps',
      'moe_loss_weight',
      'moe_normalize_expert_weights',
    );
    feedForward.ignore('uniform_expert_assignment');
    const config = given.withDefaults({
      num_key_value_heads: attention.integer('kv_n_heads', { fallback: 1 }),
    });
    return readDecoder(config, {
      attention: { fusedQkv: true, names: { module: 'attn', fused: 'Wqkv', output: 'out_proj' } },
      isExpertLayer: () => true,
      experts: () =>
        expertMlp({
          hiddenSize: readHiddenSize(config),
          experts: feedForward.integer('moe_num_experts'),
          expertsPerToken: feedForward.integer('moe_top_k'),
          expertIntermediateSize: feedForward.integer('ffn_hidden_size'),
          module: 'ffn',
          router: 'router.layer',
          expertModule: 'experts.mlp',
          stacked: true,
          names: { gate: 'w1', up: 'v1', down: 'w2' },
        }),
      norms: ['norm_attn_norm.norm_1', 'norm_attn_norm.norm_2'],
      names: { embedding: 'transformer.wte', finalNorm: 'transformer.norm_f' },
    });
  },
};

interface BailingTraits {
  readonly qkNorm: boolean;
  readonly corrects: boolean;
}

function readBailing(config: ConfigReader, traits: BailingTraits) {
  const hiddenSize = readHiddenSize(config);
  const width = config.integer('moe_intermediate_size');
  const shared = config.integer('num_shared_experts', { fallback: 0, minimum: 0 });
  const bias = config.boolean('use_qkv_bias', false);
  config.ignore(
    'use_bias',
    'embedding_dropout',
    'output_dropout',
    'norm_head',
    'norm_softmax',
    'moe_layer_freq',
  );
  config.ignore('moe_shared_expert_intermediate_size', 'use_rmsnorm', 'router_dtype', 'use_qk_norm');
  config.ignore('moe_router_enable_expert_bias', 'multi_gate', 'mtp_loss_scaling_factor', 'rotary_dim');
  const predicted = { hiddenSize, vocabSize: config.integer('vocab_size'), copies: false };
  return readDecoder(config, {
    attention: {
      fusedQkv: true,
      qkvBias: bias,
      qkNorm: traits.qkNorm ? 'head' : 'none',
      names: {
        module: 'attention',
        fused: 'query_key_value',
        output: 'dense',
        queryNorm: 'query_layernorm',
        keyNorm: 'key_layernorm',
      },
    },
    dense: { intermediateSize: readIntermediateSize(config) },
    isExpertLayer: sparseLayers(config),
    experts: () =>
      expertMlp({
        hiddenSize,
        experts: config.integer('num_experts'),
        expertsPerToken: config.integer('num_experts_per_tok'),
        expertIntermediateSize: width,
        sharedIntermediateSize: shared * width,
        ...(traits.corrects && { scoreCorrection: 'gate.expert_bias' }),
      }),
    names: { embedding: 'model.word_embeddings' },
    predictionLayers: {
      count: readPredictionCount(config),
      mlp: 'experts',
      tensors: nextTokenTensors(predicted),
    },
  });
}

export const fusedExpertFamilies: FamilyTable = {
  dbrx,
  bailing_moe: { read: (config) => readBailing(config, { qkNorm: false, corrects: false }) },
  bailing_moe_v2: { read: (config) => readBailing(config, { qkNorm: true, corrects: true }) },
};
