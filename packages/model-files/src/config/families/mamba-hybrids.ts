/** Hybrids of attention and Mamba 2 with one set of key names: Bamba, Granite 4, Falcon H1. */
import { fullSpan } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import { decoderAttention, type TextModel } from '../decoder.ts';
import { readDimensions, readHiddenSize, readIntermediateSize, readLayerCount } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf, noMlp } from '../layers.ts';
import { mamba2 } from '../mamba.ts';
import { denseMlp } from '../mlp.ts';
import { readLayerTypes } from '../spans.ts';
import { norm } from '../tensors.ts';
import type { FamilyTable } from './family.ts';
import { graniteExperts } from './other-experts.ts';

/** Reads Mamba 2 with the key names of Bamba, Granite 4 and Falcon H1. */
function readNamedMamba2(config: ConfigReader, options: { readonly gatedNorm: boolean }) {
  const hiddenSize = readHiddenSize(config);
  const heads = config.integer('mamba_n_heads');
  const inner = config.integer('mamba_d_ssm', {
    fallback: hiddenSize * config.integer('mamba_expand', { fallback: 2, maximum: 64 }),
  });
  config.ignore('mamba_expand');
  const stated = config.raw('mamba_d_head') === 'auto' ? null : config.optionalInteger('mamba_d_head');
  return mamba2(
    {
      hiddenSize,
      heads,
      headDim: stated ?? Math.max(1, Math.floor(inner / heads)),
      stateSize: config.integer('mamba_d_state'),
      groups: config.integer('mamba_n_groups', { fallback: 1 }),
      convTaps: config.integer('mamba_d_conv', { fallback: 4 }),
    },
    {
      module: 'mamba',
      gatedNorm: options.gatedNorm,
      projectionBias: config.boolean('mamba_proj_bias', false),
      convBias: config.boolean('mamba_conv_bias', true),
    },
  );
}

function readBamba(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const attending = new Set(config.integers('attn_layer_indices') ?? []);
  const mlp = denseMlp({
    hiddenSize,
    intermediateSize: readIntermediateSize(config),
    module: 'feed_forward',
  });
  config.ignore('attn_rotary_emb', 'num_logits_to_keep');
  return readHybrid(config, {
    variantOf: (layer) => ({ attends: attending.has(layer) }),
    build: ({ attends }) =>
      layerOf(
        attends ? decoderAttention(size, fullSpan) : readNamedMamba2(config, { gatedNorm: true }),
        mlp,
        [...norm('input_layernorm', hiddenSize), ...norm('pre_ff_layernorm', hiddenSize)],
      ),
    names: { finalNorm: 'model.final_layernorm' },
  });
}

/** Granite 4: a shared feed-forward in every layer, plus experts in models that have them. */
function readGraniteHybrid(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const types = readLayerTypes(config) ?? config.texts('layers_block_type');
  const hasExperts = config.integer('num_local_experts', { fallback: 0, minimum: 0 }) > 0;
  config.ignore(
    'num_experts_per_tok',
    'intermediate_size',
    'position_embedding_type',
    'normalization_function',
  );
  const shared = denseMlp({
    hiddenSize,
    intermediateSize: config.integer('shared_intermediate_size'),
    module: 'shared_mlp',
    fused: true,
    names: { gateUp: 'input_linear', down: 'output_linear' },
  });
  const bias = config.boolean('attention_bias', false);
  return readHybrid(config, {
    tied: true,
    variantOf: (layer) => ({ attends: types?.[layer] === 'attention' }),
    build: ({ attends }) =>
      layerOf(
        attends
          ? decoderAttention(size, fullSpan, { qkvBias: bias, outputBias: bias })
          : readNamedMamba2(config, { gatedNorm: true }),
        hasExperts ? graniteExperts(config) : shared,
        [...norm('input_layernorm', hiddenSize), ...norm('post_attention_layernorm', hiddenSize)],
      ),
  });
}

/**
 * Falcon H1: attention and Mamba 2 run in parallel in every layer. A LayerSpec has one of them, so a layer becomes two:
 * Mamba alone, then attention with the feed-forward. Sums stay the same; the number of layers is twice the model's.
 */
function readFalconH1(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const bias = config.boolean('attention_bias', false);
  const mlp = denseMlp({
    hiddenSize,
    intermediateSize: readIntermediateSize(config),
    module: 'feed_forward',
    bias: config.boolean('mlp_bias', false),
  });
  const gatedNorm = config.boolean('mamba_rms_norm', false);
  config.ignore('mamba_norm_before_gate', 'projectors_bias', 'mamba_use_mlp', 'mlp_expansion_factor');
  config.ignore(
    'ssm_multipliers',
    'mlp_multipliers',
    'key_multiplier',
    'ssm_in_multiplier',
    'ssm_out_multiplier',
  );
  config.ignore(
    'attention_in_multiplier',
    'attention_out_multiplier',
    'lm_head_multiplier',
    'num_logits_to_keep',
  );
  return readHybrid(config, {
    layerCount: 2 * readLayerCount(config),
    variantOf: (half) => ({ attends: half % 2 === 1 }),
    build: ({ attends }) =>
      attends
        ? layerOf(
            decoderAttention(size, fullSpan, { qkvBias: bias, outputBias: bias }),
            mlp,
            norm('pre_ff_layernorm', hiddenSize),
          )
        : layerOf(readNamedMamba2(config, { gatedNorm }), noMlp, norm('input_layernorm', hiddenSize)),
    names: { finalNorm: 'model.final_layernorm' },
  });
}

export const mambaHybridFamilies: FamilyTable = {
  bamba: { read: readBamba },
  granitemoehybrid: { read: readGraniteHybrid },
  falcon_h1: { read: readFalconH1 },
};
