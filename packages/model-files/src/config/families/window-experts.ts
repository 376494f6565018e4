/**
 * Mixtures of experts with windows in most layers: MiMo V2, Step 3.5 and 3.7; and MiniMax M3, which selects blocks
 * instead.
 */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import { fullSpan, groupedQuery } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import type { TextModel } from '../decoder.ts';
import { readDimensions, readHiddenSize, readIntermediateSize } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { type AttentionPart, layerOf } from '../layers.ts';
import { denseMlp, expertMlp, mixtralNames } from '../mlp.ts';
import { readLayerTypes, readWindow, sliding } from '../spans.ts';
import { linear, norm } from '../tensors.ts';
import {
  deepseekExperts,
  nextTokenTensors,
  readPredictionCount,
  repeated,
  sparseLayers,
  withTensors,
} from './deepseek.ts';
import type { FamilyTable } from './family.ts';

const twoNorms = (hiddenSize: number): TensorSpec[] => [
  ...norm('input_layernorm', hiddenSize),
  ...norm('post_attention_layernorm', hiddenSize),
];

/** MiMo V2: window layers have their own head counts and a learned sink; the values are narrower than the keys. */
function readMimoV2(given: ConfigReader): TextModel {
  const config = given.withDefaults({ topk_method: 'noaux_tc' });
  const hiddenSize = readHiddenSize(config);
  const pattern = config.integers('hybrid_layer_pattern') ?? [];
  const isExpertLayer = sparseLayers(config);
  config.ignore('sliding_window_size', 'attention_chunk_size');
  const attention = (windowed: boolean): AttentionPart => {
    const prefix = windowed ? 'swa_' : '';
    const keyHeadDim = config.integer([`${prefix}head_dim`, 'head_dim']);
    return groupedQuery(
      {
        hiddenSize,
        queryHeads: config.integer([`${prefix}num_attention_heads`, 'num_attention_heads']),
        kvHeads: config.integer([`${prefix}num_key_value_heads`, 'num_key_value_heads']),
        keyHeadDim,
        valueHeadDim: config.integer([`${prefix}v_head_dim`, 'v_head_dim'], { fallback: keyHeadDim }),
      },
      windowed ? sliding(readWindow(config)) : fullSpan,
      {
        qkvBias: config.boolean('attention_bias', false),
        sinks: config.boolean(
          windowed ? 'add_swa_attention_sink_bias' : 'add_full_attention_sink_bias',
          windowed,
        ),
      },
    );
  };
  const build = (variant: { readonly windowed: boolean; readonly experts: boolean }): LayerSpec =>
    layerOf(
      attention(variant.windowed),
      variant.experts
        ? deepseekExperts(config, hiddenSize)
        : denseMlp({ hiddenSize, intermediateSize: readIntermediateSize(config) }),
      twoNorms(hiddenSize),
    );
  // The files hold three prediction layers that the config does not count; the published total of MiMo-V2-Flash
  // includes them.
  const predicted = config.integer('num_nextn_predict_layers', { fallback: 3, minimum: 0, maximum: 64 });
  return readHybrid(config, {
    variantOf: (layer) => ({ windowed: pattern[layer] === 1, experts: isExpertLayer(layer) }),
    build,
    predictionLayers: repeated(predicted, () =>
      withTensors(build({ windowed: true, experts: false }), [
        ...['enorm', 'hnorm', 'final_layernorm'].flatMap((name) => norm(name, hiddenSize)),
        ...linear('eh_proj', 'other', { out: hiddenSize, in: 2 * hiddenSize }),
      ]),
    ),
  });
}

/** Step 3.5 and 3.7: a sigmoid per head on the attention output; window layers may have more query heads. */
function readStep3(given: ConfigReader): TextModel {
  const config = given.withDefaults({ num_key_value_heads: given.raw('num_attention_groups') });
  const size = readDimensions(config);
  const { hiddenSize, vocabSize } = size;
  const types = readLayerTypes(config);
  const other = config.section('attention_other_setting');
  other?.ignore('attention_type', 'true_head_dim', 'head_dim');
  config.ignore(
    'num_attention_groups',
    'use_moe',
    'use_moe_router_bias',
    'use_rope_layers',
    'yarn_only_types',
    'n_shared_experts',
  );
  const isExpertLayer = stepExpertLayers(config);
  const hasGate = config.boolean('use_head_wise_attn_gate', true);
  const attention = (windowed: boolean): AttentionPart => {
    const queryHeads = (windowed ? other?.optionalInteger('num_attention_heads') : null) ?? size.queryHeads;
    const kvHeads = (windowed ? other?.optionalInteger('num_attention_groups') : null) ?? size.kvHeads;
    const part = groupedQuery(
      { hiddenSize, queryHeads, kvHeads, keyHeadDim: size.headDim, valueHeadDim: size.headDim },
      windowed ? sliding(readWindow(config)) : fullSpan,
      { qkNorm: 'head' },
    );
    const gate = linear('self_attn.g_proj', 'attention-q', { out: queryHeads, in: hiddenSize });
    return hasGate ? { ...part, tensors: [...part.tensors, ...gate] } : part;
  };
  const build = (variant: { readonly windowed: boolean; readonly experts: boolean }): LayerSpec =>
    layerOf(
      attention(variant.windowed),
      variant.experts
        ? expertMlp({
            hiddenSize,
            experts: config.integer(['moe_num_experts', 'num_experts']),
            expertsPerToken: config.integer(['moe_top_k', 'num_experts_per_tok']),
            expertIntermediateSize: config.integer('moe_intermediate_size'),
            sharedIntermediateSize: config.integer(['share_expert_dim', 'share_expert_dims'], {
              fallback: 0,
              minimum: 0,
            }),
            module: 'moe',
            expertModule: 'experts',
            sharedModule: 'share_expert',
            scoreCorrection: 'router_bias',
          })
        : denseMlp({ hiddenSize, intermediateSize: readIntermediateSize(config) }),
      twoNorms(hiddenSize),
    );
  return readHybrid(config, {
    variantOf: (layer) => ({
      windowed: types?.[layer] === 'sliding_attention',
      experts: isExpertLayer(layer),
    }),
    build,
    predictionLayers: repeated(readPredictionCount(config), () =>
      withTensors(
        build({ windowed: true, experts: false }),
        nextTokenTensors({ hiddenSize, vocabSize, copies: true }),
      ),
    ),
  });
}

/** Reads the expert layers: "3,4,5" as text, the same as numbers, or a count of dense layers at the start. */
function stepExpertLayers(config: ConfigReader): (layer: number) => boolean {
  const listed = config.raw('moe_layers_enum');
  if (listed === null) return sparseLayers(config.withDefaults({ first_k_dense_replace: 1 }));
  const numbers =
    typeof listed === 'string' ? listed.split(',').map(Number) : (config.integers('moe_layers_enum') ?? []);
  const layers = new Set(numbers);
  config.ignore('first_k_dense_replace');
  return (layer) => layers.has(layer);
}

/**
 * MiniMax M3: grouped-query attention that reads only the best blocks of keys; the indexer caches one more small key
 * per token. Absent sizes of the indexer and of the dense layers are the defaults of the code.
 */
function readMinimaxM3(config: ConfigReader): TextModel {
  const size = readDimensions(config);
  const { hiddenSize } = size;
  const isExpertLayer = sparseLayers(config);
  config.ignore(
    'num_mtp_modules',
    'num_nextn_predict_layers',
    'moe_intermediate_size',
    'qk_norm_type',
    'n_shared_experts',
  );
  const sparse = config.section('sparse_attention_config') ?? config;
  const heads = sparse.integer(['index_n_heads', 'sparse_num_index_heads'], { fallback: 4 });
  const headDim = sparse.integer(['index_head_dim', 'sparse_index_dim'], { fallback: 128 });
  const topK = sparse.integer(['index_topk_blocks', 'sparse_topk_blocks'], { fallback: 16 });
  const blockTokens = sparse.integer(['index_block_size', 'sparse_block_size'], { fallback: 128 });
  const indexer = { heads, headDim, topK: topK * blockTokens };
  const attention = (isSparse: boolean): AttentionPart =>
    groupedQuery({ ...size, keyHeadDim: size.headDim, valueHeadDim: size.headDim }, fullSpan, {
      qkNorm: config.boolean('use_qk_norm', true) ? 'head' : 'none',
      ...(isSparse && { indexer }),
    });
  const indexerTensors = [
    ...linear('self_attn.index_q_proj', 'indexer', { out: heads * headDim, in: hiddenSize }),
    ...linear('self_attn.index_k_proj', 'indexer', { out: headDim, in: hiddenSize }),
    ...norm('self_attn.index_q_norm', headDim),
    ...norm('self_attn.index_k_norm', headDim),
  ];
  const build = ({ experts }: { readonly experts: boolean }): LayerSpec =>
    layerOf(
      attention(experts),
      experts
        ? expertMlp({
            hiddenSize,
            experts: config.integer('num_local_experts'),
            expertsPerToken: config.integer('num_experts_per_tok'),
            expertIntermediateSize: readIntermediateSize(config),
            sharedIntermediateSize: config.integer('shared_intermediate_size', { fallback: 0, minimum: 0 }),
            module: 'block_sparse_moe',
            names: mixtralNames,
            scoreCorrection: 'e_score_correction_bias',
          })
        : denseMlp({
            hiddenSize,
            intermediateSize: config.integer('dense_intermediate_size', {
              fallback: 4 * readIntermediateSize(config),
            }),
          }),
      [...twoNorms(hiddenSize), ...(experts ? indexerTensors : [])],
    );
  return readHybrid(config, { variantOf: (layer) => ({ experts: isExpertLayer(layer) }), build });
}

const mimoV2 = { read: readMimoV2 };
const step3 = { read: readStep3 };
const minimaxM3 = { read: readMinimaxM3 };

export const windowExpertFamilies: FamilyTable = {
  mimo_v2_flash: mimoV2,
  mimo_v2: mimoV2,
  step3p5: step3,
  step3p7: step3,
  step3p7_text: step3,
  minimax_m3: minimaxM3,
  minimax_m3_text: minimaxM3,
  minimax_m3_vl: minimaxM3,
  minimax_m3_vl_text: minimaxM3,
};
