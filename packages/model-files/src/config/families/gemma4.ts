/**
 * Gemma 4 and Gemma 3n. Differences from Gemma 3: full layers have a head width of their own, and their values may be
 * their keys; late layers read the cache of an earlier layer; a small gate adds an embedding per layer; one model has
 * experts in addition to the dense feed-forward.
 */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import { fullSpan, groupedQuery } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import type { TextModel } from '../decoder.ts';
import { readHiddenSize, readIntermediateSize, readLayerCount } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf, type MlpPart } from '../layers.ts';
import { denseMlp, expertMlp } from '../mlp.ts';
import { readLayerTypes, readWindow, sliding } from '../spans.ts';
import { linear, norm, tensor } from '../tensors.ts';
import type { FamilyTable } from './family.ts';
import { fourNorms } from './llama-like.ts';

interface GemmaVariant {
  readonly [key: string]: boolean | number | null;
  readonly full: boolean;
  /** Index of the layer whose keys and values this layer reads; null = its own. */
  readonly sharesWith: number | null;
  readonly intermediateSize: number;
}

interface Gemma4Variant extends GemmaVariant {
  readonly headDim: number;
  readonly kvHeads: number;
}

function readGemma4(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const embeddingWidth = config.integer('hidden_size_per_layer_input', { fallback: 0, minimum: 0 });
  const hasExperts = config.boolean('enable_moe_block', false);
  const layers = gemmaLayers(config, { lastIsFull: true });
  const headsOf = headReader(config);
  const isWide = config.boolean('use_double_wide_mlp', false);
  const width = readIntermediateSize(config);
  return readHybrid(config, {
    tied: true,
    variantOf: (layer) => ({
      full: layers.isFull(layer),
      sharesWith: layers.sharesWith(layer),
      ...headsOf(layer, layers.isFull(layer)),
      intermediateSize: isWide && layers.sharesWith(layer) !== null ? 2 * width : width,
    }),
    build: (variant: Gemma4Variant): LayerSpec =>
      layerOf(gemma4Attention(config, variant), gemma4Mlp(config, variant.intermediateSize, hasExperts), [
        ...fourNorms.flatMap((name) => norm(name, hiddenSize)),
        ...(hasExperts ? expertNorms.flatMap((name) => norm(name, hiddenSize)) : []),
        ...layerInputTensors(hiddenSize, embeddingWidth),
      ]),
    extraTensors: layerEmbeddings(config, hiddenSize, embeddingWidth),
  });
}

const expertNorms = [
  'post_feedforward_layernorm_1',
  'post_feedforward_layernorm_2',
  'pre_feedforward_layernorm_2',
] as const;

/**
 * Reads which layers are full. The last `num_kv_shared_layers` layers read the cache of the last owner of their kind.
 */
function gemmaLayers(config: ConfigReader, { lastIsFull }: { readonly lastIsFull: boolean }) {
  const types = readLayerTypes(config);
  const other = types?.find((type) => type !== 'full_attention' && type !== 'sliding_attention');
  if (other !== undefined) throw config.refuse('layer_types', other, 'full_attention or sliding_attention');
  const count = readLayerCount(config);
  const shared = config.integer('num_kv_shared_layers', { fallback: 0, minimum: 0, maximum: count });
  const period = config.integer('sliding_window_pattern', { fallback: 6 });
  const firstShared = count - shared;
  const isFull = (layer: number): boolean => {
    // The code of Gemma 4 makes the last layer full, whatever the list says.
    if (lastIsFull && layer === count - 1) return true;
    return types === null ? (layer + 1) % period === 0 : types[layer] === 'full_attention';
  };
  const owner = (full: boolean): number | null => {
    for (let layer = firstShared - 1; layer >= 0; layer--) if (isFull(layer) === full) return layer;
    return null;
  };
  const owners = { full: owner(true), sliding: owner(false) };
  const sharesWith = (layer: number): number | null => {
    if (layer < firstShared) return null;
    const found = isFull(layer) ? owners.full : owners.sliding;
    if (found !== null) return found;
    throw config.refuse('num_kv_shared_layers', shared, 'a number that leaves each kind of layer a cache');
  };
  return { isFull, sharesWith };
}

type HeadReader = (layer: number, full: boolean) => { readonly headDim: number; readonly kvHeads: number };

/**
 * Reads the head sizes of a layer. Published configs state those of full layers in two keys; transformers 5.20 and
 * newer write the differences per layer.
 */
function headReader(config: ConfigReader): HeadReader {
  const ownHeads = config.integer('num_key_value_heads', {
    fallback: config.integer('num_attention_heads'),
  });
  const ownDim = config.integer('head_dim', { fallback: 256 });
  const perLayer = config.section('per_layer_config');
  if (perLayer !== null) {
    config.ignore('global_head_dim', 'num_global_key_value_heads');
    return (layer) => {
      const own = perLayer.section(String(layer));
      const other = own?.keys().find((key) => key !== 'head_dim' && key !== 'num_key_value_heads');
      if (other !== undefined) throw perLayer.refuse(String(layer), other, 'head_dim or num_key_value_heads');
      return {
        headDim: own?.optionalInteger('head_dim') ?? ownDim,
        kvHeads: own?.optionalInteger('num_key_value_heads') ?? ownHeads,
      };
    };
  }
  const fullDim = config.integer('global_head_dim', { fallback: 512 });
  const fullHeads = config.integer('num_global_key_value_heads', { fallback: ownHeads });
  // The number of heads of full layers applies only if values are keys.
  const kvHeads = config.boolean('attention_k_eq_v', false) ? fullHeads : ownHeads;
  return (_, full) => (full ? { headDim: fullDim, kvHeads } : { headDim: ownDim, kvHeads: ownHeads });
}

function gemma4Attention(config: ConfigReader, variant: Gemma4Variant) {
  const hiddenSize = readHiddenSize(config);
  const { headDim, kvHeads } = variant;
  const valueIsKey = config.boolean('attention_k_eq_v', false) && variant.full;
  const bias = config.boolean('attention_bias', false);
  return groupedQuery(
    {
      hiddenSize,
      queryHeads: config.integer('num_attention_heads'),
      kvHeads,
      keyHeadDim: headDim,
      valueHeadDim: headDim,
    },
    variant.full ? fullSpan : sliding(readWindow(config, 512)),
    { qkNorm: 'head', valueIsKey, sharesKvWithLayer: variant.sharesWith, qkvBias: bias, outputBias: bias },
  );
}

/** With experts, the dense feed-forward still runs for every token: it is a shared expert with another name. */
function gemma4Mlp(config: ConfigReader, intermediateSize: number, hasExperts: boolean): MlpPart {
  const hiddenSize = readHiddenSize(config);
  const dense = denseMlp({ hiddenSize, intermediateSize });
  config.ignore('expert_intermediate_size', 'num_experts', 'top_k_experts', 'moe_intermediate_size');
  if (!hasExperts) return dense;
  const experts = config.integer('num_experts');
  const routed = expertMlp({
    hiddenSize,
    experts,
    expertsPerToken: config.integer('top_k_experts'),
    expertIntermediateSize: config.integer(['moe_intermediate_size', 'expert_intermediate_size']),
    module: 'router',
    router: 'proj',
    expertModule: '../experts',
    fused: true,
    stacked: true,
  });
  const tensors = routed.tensors.map((item) => ({ ...item, name: item.name.replace('router.../', '') }));
  return {
    mlp: { ...routed.mlp, ...(routed.mlp.kind === 'moe' && { sharedIntermediateSize: intermediateSize }) },
    tensors: [
      ...dense.tensors,
      ...tensors,
      tensor('router.scale', 'router', hiddenSize),
      tensor('router.per_expert_scale', 'router', experts),
    ],
  };
}

function layerInputTensors(hiddenSize: number, embeddingWidth: number): TensorSpec[] {
  if (embeddingWidth === 0) return [];
  return [
    ...linear('per_layer_input_gate', 'layer-input', { out: embeddingWidth, in: hiddenSize }),
    ...linear('per_layer_projection', 'layer-input', { out: hiddenSize, in: embeddingWidth }),
    ...norm('post_per_layer_input_norm', hiddenSize),
    // The code of every size has this tensor, but only these files store it: the totals of the other sizes leave no
    // room for it.
    tensor('layer_scalar', 'other', 1),
  ];
}

/** Lists the embedding per layer, stored as one table for all layers, and the projection that is added to it. */
function layerEmbeddings(config: ConfigReader, hiddenSize: number, embeddingWidth: number): TensorSpec[] {
  config.ignore('vocab_size_per_layer_input');
  if (embeddingWidth === 0) return [];
  const width = readLayerCount(config) * embeddingWidth;
  const rows = config.integer('vocab_size_per_layer_input', { fallback: 262144 });
  return [
    tensor('model.embed_tokens_per_layer.weight', 'token-embedding', rows, width),
    ...linear('model.per_layer_model_projection', 'layer-input', { out: width, in: hiddenSize }),
    ...norm('model.per_layer_projection_norm', embeddingWidth),
  ];
}

/**
 * Gemma 3n: four parallel residual streams (AltUp), a low-rank path parallel to attention (Laurel), widths per layer.
 */
function readGemma3n(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const embeddingWidth = config.integer('hidden_size_per_layer_input', { fallback: 256, minimum: 0 });
  const layers = gemmaLayers(config.withDefaults({ num_kv_shared_layers: 15, sliding_window_pattern: 5 }), {
    lastIsFull: false,
  });
  const queryHeads = config.integer('num_attention_heads', { fallback: 8 });
  const kvHeads = config.integer('num_key_value_heads', { fallback: 2 });
  const headDim = config.integer('head_dim', { fallback: 256 });
  const streams = config.integer('altup_num_inputs', { fallback: 4, maximum: 64 });
  const rank = config.integer('laurel_rank', { fallback: 64 });
  config.ignore('activation_sparsity_pattern', 'altup_active_idx', 'altup_coef_clip', 'altup_correct_scale');
  config.ignore('num_kv_shared_layers', 'sliding_window_pattern');
  const build = (variant: GemmaVariant): LayerSpec => {
    const size = { hiddenSize, queryHeads, kvHeads, keyHeadDim: headDim, valueHeadDim: headDim };
    const span = variant.full ? fullSpan : sliding(readWindow(config, 512));
    return layerOf(
      groupedQuery(size, span, { qkNorm: 'head', sharesKvWithLayer: variant.sharesWith }),
      denseMlp({ hiddenSize, intermediateSize: variant.intermediateSize }),
      [
        ...fourNorms.flatMap((name) => norm(name, hiddenSize)),
        ...layerInputTensors(hiddenSize, embeddingWidth),
        ...altupTensors(hiddenSize, streams),
        ...linear('laurel.linear_left', 'other', { out: rank, in: hiddenSize }),
        ...linear('laurel.linear_right', 'other', { out: hiddenSize, in: rank }),
        ...norm('laurel.post_laurel_norm', hiddenSize),
      ],
    );
  };
  const streamProjection = (name: string): TensorSpec[] =>
    Array.from({ length: streams - 1 }, (_, index) =>
      linear(`model.${name}.${index}`, 'other', { out: hiddenSize, in: hiddenSize }),
    ).flat();
  return readHybrid(config, {
    tied: true,
    variantOf: (layer) => ({
      full: layers.isFull(layer),
      sharesWith: layers.sharesWith(layer),
      intermediateSize: config.integerOfLayer('intermediate_size', layer, { fallback: 16384 }),
    }),
    build,
    extraTensors: [
      ...layerEmbeddings(config, hiddenSize, embeddingWidth),
      ...streamProjection('altup_projections'),
      ...streamProjection('altup_unembed_projections'),
    ],
  });
}

function altupTensors(hiddenSize: number, streams: number): TensorSpec[] {
  return [
    tensor('altup.correct_output_scale', 'other', hiddenSize),
    ...linear('altup.correction_coefs', 'other', { out: streams, in: streams }),
    ...linear('altup.prediction_coefs', 'other', { out: streams * streams, in: streams }),
    ...linear('altup.modality_router', 'other', { out: streams, in: hiddenSize }),
    ...norm('altup.router_norm', hiddenSize),
  ];
}

const gemma4 = { read: readGemma4 };
const gemma3n = { read: readGemma3n };

export const gemma4Families: FamilyTable = {
  gemma4,
  gemma4_text: gemma4,
  gemma4_unified: gemma4,
  gemma4_unified_text: gemma4,
  gemma3n,
  gemma3n_text: gemma3n,
};
