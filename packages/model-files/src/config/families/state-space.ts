/** State-space models and hybrids of attention with other layers: Mamba, Jamba, LFM2, MiniMax-Text-01. */
import type { LayerSpec } from '../../model-spec.ts';
import { fullSpan } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import { decoderAttention, type TextModel } from '../decoder.ts';
import { readDimensions, readHiddenSize, readIntermediateSize } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf, type MlpPart, noMlp } from '../layers.ts';
import { lightningAttention } from '../linear-attention.ts';
import { mamba1, mamba2, shortConvolution } from '../mamba.ts';
import { denseMlp, expertMlp, mixtralNames } from '../mlp.ts';
import { readLayerTypes } from '../spans.ts';
import { norm } from '../tensors.ts';
import type { FamilyTable } from './family.ts';

const backboneNames = { embedding: 'backbone.embeddings', finalNorm: 'backbone.norm_f' };

/** Mamba 1, and Falcon Mamba, whose norms on B, C and the step have no weights. */
function readMamba(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const inner = config.integer(['intermediate_size', 'd_inner'], {
    fallback: hiddenSize * config.integer('expand', { fallback: 2, maximum: 64 }),
  });
  const stateSize = config.integer(['state_size', 'd_state'], { fallback: 16 });
  const rank = config.raw('time_step_rank') === 'auto' ? null : config.optionalInteger('time_step_rank');
  config.ignore('num_attention_heads', 'd_inner', 'd_model', 'n_layer', 'mixer_rms_eps', 'expand');
  const layer = layerOf(
    mamba1(
      {
        hiddenSize,
        inner,
        stateSize,
        timeStepRank: rank ?? Math.ceil(hiddenSize / 16),
        convTaps: config.integer('conv_kernel', { fallback: 4 }),
      },
      {
        module: 'mixer',
        projectionBias: config.boolean('use_bias', false),
        convBias: config.boolean('use_conv_bias', true),
      },
    ),
    noMlp,
    norm('norm', hiddenSize),
  );
  return readHybrid(config, { tied: true, variantOf: () => ({}), build: () => layer, names: backboneNames });
}

function readMamba2(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const headDim = config.integer('head_dim', { fallback: 64 });
  const expand = config.integer('expand', { fallback: 2, maximum: 64 });
  const layer = layerOf(
    mamba2(
      {
        hiddenSize,
        heads: config.integer('num_heads', {
          fallback: Math.max(1, Math.floor((expand * hiddenSize) / headDim)),
        }),
        headDim,
        stateSize: config.integer('state_size', { fallback: 128 }),
        groups: config.integer('n_groups', { fallback: 8 }),
        convTaps: config.integer('conv_kernel', { fallback: 4 }),
      },
      {
        module: 'mixer',
        projectionBias: config.boolean('use_bias', false),
        convBias: config.boolean('use_conv_bias', true),
      },
    ),
    noMlp,
    norm('norm', hiddenSize),
  );
  config.ignore('time_step_rank', 'norm_before_gate', 'rms_norm');
  return readHybrid(config, { variantOf: () => ({}), build: () => layer, names: backboneNames });
}

/** Jamba: attention in every eighth layer, experts in every second. */
function readJamba(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const attention = {
    period: config.integer('attn_layer_period', { fallback: 8 }),
    offset: config.integer('attn_layer_offset', { fallback: 4, minimum: 0 }),
  };
  const experts = {
    period: config.integer('expert_layer_period', { fallback: 2 }),
    offset: config.integer('expert_layer_offset', { fallback: 1, minimum: 0 }),
  };
  const count = config.integer('num_experts', { fallback: 16 });
  const rank = config.raw('mamba_dt_rank') === 'auto' ? null : config.optionalInteger('mamba_dt_rank');
  const intermediateSize = readIntermediateSize(config);
  const dense = denseMlp({ hiddenSize, intermediateSize, module: 'feed_forward' });
  const routed = (): MlpPart =>
    expertMlp({
      hiddenSize,
      experts: count,
      expertsPerToken: config.integer('num_experts_per_tok', { fallback: 2 }),
      expertIntermediateSize: intermediateSize,
      module: 'feed_forward',
      router: 'router',
    });
  const inner = hiddenSize * config.integer('mamba_expand', { fallback: 2, maximum: 64 });
  const mixer = mamba1(
    {
      hiddenSize,
      inner,
      stateSize: config.integer('mamba_d_state', { fallback: 16 }),
      timeStepRank: rank ?? Math.ceil(hiddenSize / 16),
      convTaps: config.integer('mamba_d_conv', { fallback: 4 }),
    },
    {
      module: 'mamba',
      innerNorms: true,
      projectionBias: config.boolean('mamba_proj_bias', false),
      convBias: config.boolean('mamba_conv_bias', true),
    },
  );
  const hits = (layer: number, rule: { readonly period: number; readonly offset: number }): boolean =>
    layer % rule.period === rule.offset;
  config.ignore('num_logits_to_keep');
  return readHybrid(config, {
    variantOf: (layer) => ({ attends: hits(layer, attention), routes: count > 1 && hits(layer, experts) }),
    build: ({ attends, routes }): LayerSpec =>
      layerOf(attends ? decoderAttention(size, fullSpan) : mixer, routes ? routed() : dense, [
        ...norm('input_layernorm', hiddenSize),
        ...norm('pre_ff_layernorm', hiddenSize),
      ]),
    names: { finalNorm: 'model.final_layernorm' },
  });
}

/**
 * LFM2: short convolutions with occasional attention layers; the code reduces the stated width to two thirds and rounds
 * it.
 */
function readLfm2(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const types = readLayerTypes(config);
  const attending = new Set(config.integers('full_attn_idxs') ?? []);
  const attends = (layer: number): boolean =>
    types === null ? attending.has(layer) : types[layer] === 'full_attention';
  const experts = config.optionalInteger('num_experts');
  const dense = config.integer('num_dense_layers', { fallback: 0, minimum: 0 });
  const names = { ...mixtralNames };
  const plain = denseMlp({ hiddenSize, intermediateSize: lfmWidth(config), module: 'feed_forward', names });
  config.ignore(
    'block_dim',
    'block_mlp_init_scale',
    'block_norm_eps',
    'block_out_init_scale',
    'conv_dim_out',
    'conv_dim',
  );
  config.ignore(
    'block_use_swiglu',
    'block_use_xavier_init',
    'conv_use_xavier_init',
    'num_heads',
    'use_pos_enc',
  );
  const routed = (): MlpPart =>
    expertMlp({
      hiddenSize,
      experts: experts ?? 1,
      expertsPerToken: config.integer('num_experts_per_tok'),
      expertIntermediateSize: config.integer('moe_intermediate_size'),
      module: 'feed_forward',
      names,
      ...(config.boolean('use_expert_bias', true) && { scoreCorrection: 'expert_bias' }),
    });
  const attentionNames = { output: 'out_proj', queryNorm: 'q_layernorm', keyNorm: 'k_layernorm' };
  const convolution = shortConvolution(hiddenSize, {
    taps: config.integer('conv_L_cache', { fallback: 3 }),
    bias: config.boolean('conv_bias', false),
  });
  return readHybrid(config, {
    tied: config.boolean(['tie_embedding', 'tie_word_embeddings'], true),
    variantOf: (layer) => ({ attends: attends(layer), routes: experts !== null && layer >= dense }),
    build: (variant) =>
      layerOf(
        variant.attends
          ? decoderAttention(size, fullSpan, { qkNorm: 'head', names: attentionNames })
          : convolution,
        variant.routes ? routed() : plain,
        [...norm('operator_norm', hiddenSize), ...norm('ffn_norm', hiddenSize)],
      ),
    names: { finalNorm: 'model.embedding_norm' },
  });
}

function lfmWidth(config: ConfigReader): number {
  const width = config.integer(['intermediate_size', 'block_ff_dim']);
  config.ignore('block_ff_dim');
  const isAdjusted = config.boolean('block_auto_adjust_ff_dim', config.text('model_type') === 'lfm2');
  const multiplier = config.number('block_ffn_dim_multiplier', 1);
  const multiple = config.integer('block_multiple_of', { fallback: 256 });
  if (!isAdjusted) return width;
  const scaled = Math.floor(multiplier * Math.floor((2 * width) / 3));
  return Math.min(Math.max(1, Math.ceil(scaled / multiple)) * multiple, 10 * width);
}

/** MiniMax-Text-01: seven lightning-attention layers per softmax layer; experts everywhere. */
function readMinimaxText(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const codes = config.integers('attn_type_list');
  const types = readLayerTypes(config);
  const isFull = (layer: number): boolean =>
    types === null ? codes?.[layer] === 1 : types[layer] === 'full_attention';
  for (const key of config.keys())
    if (/^layernorm_|_alpha_factor|_beta_factor|^postnorm$/.test(key)) config.ignore(key);
  config.ignore('shared_intermediate_size', 'shared_moe_mode', 'block_size');
  const lightning = lightningAttention({ hiddenSize, heads: size.queryHeads, headDim: size.headDim });
  const mlp = expertMlp({
    hiddenSize,
    experts: config.integer('num_local_experts'),
    expertsPerToken: config.integer('num_experts_per_tok'),
    expertIntermediateSize: readIntermediateSize(config),
    module: 'block_sparse_moe',
    names: mixtralNames,
  });
  return readHybrid(config, {
    variantOf: (layer) => ({ full: isFull(layer) }),
    build: ({ full }) =>
      layerOf(full ? decoderAttention(size, fullSpan) : lightning, mlp, [
        ...norm('input_layernorm', hiddenSize),
        ...norm('post_attention_layernorm', hiddenSize),
      ]),
  });
}

const minimaxText = { read: readMinimaxText };
const lfm2 = { read: readLfm2 };

export const stateSpaceFamilies: FamilyTable = {
  mamba: { read: readMamba },
  falcon_mamba: { read: readMamba },
  mamba2: { read: readMamba2 },
  jamba: { read: readJamba },
  lfm2,
  lfm2_moe: lfm2,
  minimax: minimaxText,
  minimax_text_01: minimaxText,
  minimax_m1: minimaxText,
};
