/**
 * Models with shared caches, with heads that differ between layers, or with experts and a dense feed-forward in one
 * layer.
 */
import {
  attentionRows,
  expertRows,
  gatedRows,
  layerwise,
  modelRows,
  normRows,
  type Sample,
  sample,
} from './contents.test-data.ts';

const e2bFull = (layer: number): boolean => layer % 5 === 4;

const gemma4 = sample(
  'Gemma 4 E2B',
  {
    model_type: 'gemma4_text',
    global_head_dim: 512,
    head_dim: 256,
    hidden_size: 1536,
    hidden_size_per_layer_input: 256,
    intermediate_size: 6144,
    layer_types: Array.from({ length: 35 }, (_, layer) =>
      e2bFull(layer) ? 'full_attention' : 'sliding_attention',
    ),
    max_position_embeddings: 131072,
    num_attention_heads: 8,
    num_hidden_layers: 35,
    num_key_value_heads: 1,
    num_kv_shared_layers: 20,
    sliding_window: 512,
    use_double_wide_mlp: true,
    vocab_size: 262144,
    vocab_size_per_layer_input: 262144,
  },
  {
    name: 'gemma4',
    keys: {
      context_length: 131072,
      embedding_length: 1536,
      embedding_length_per_layer_input: 256,
      feed_forward_length: layerwise(35, (layer) => (layer < 15 ? 6144 : 12288)),
      'attention.head_count': 8,
      'attention.head_count_kv': layerwise(35, () => 1),
      'attention.key_length': 512,
      'attention.value_length': 512,
      'attention.key_length_swa': 256,
      'attention.value_length_swa': 256,
      'attention.sliding_window': 512,
      'attention.sliding_window_pattern': Array.from({ length: 35 }, (_, layer) => !e2bFull(layer)),
      'attention.shared_kv_layers': 20,
    },
    model: [
      ...modelRows(262144, 1536, { tied: true }),
      ['rope_freqs', 256],
      ['per_layer_token_embd', 262144, 35 * 256],
      ['per_layer_model_proj', 35 * 256, 1536],
      ['per_layer_proj_norm', 256],
    ],
    blocks: 35,
    block: (layer) => [
      ...normRows(1536, 'attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm', 'post_norm'),
      ...attentionRows({
        hidden: 1536,
        heads: 8,
        kvHeads: 1,
        key: e2bFull(layer) ? 512 : 256,
        norms: 'head',
      }),
      ...gatedRows(1536, layer < 15 ? 6144 : 12288),
      ['inp_gate', 256, 1536],
      ['proj', 1536, 256],
      ['layer_output_scale', 1],
    ],
  },
);

const wideFull = (layer: number): boolean => layer % 6 === 5;

const gemma4Moe = sample(
  'Gemma 4 26B-A4B',
  {
    model_type: 'gemma4_text',
    attention_k_eq_v: true,
    enable_moe_block: true,
    global_head_dim: 512,
    head_dim: 256,
    hidden_size: 2816,
    hidden_size_per_layer_input: 0,
    intermediate_size: 2112,
    layer_types: Array.from({ length: 30 }, (_, layer) =>
      wideFull(layer) ? 'full_attention' : 'sliding_attention',
    ),
    max_position_embeddings: 262144,
    moe_intermediate_size: 704,
    num_attention_heads: 16,
    num_experts: 128,
    num_global_key_value_heads: 2,
    num_hidden_layers: 30,
    num_key_value_heads: 8,
    num_kv_shared_layers: 0,
    sliding_window: 1024,
    top_k_experts: 8,
    vocab_size: 262144,
  },
  {
    name: 'gemma4',
    keys: {
      context_length: 262144,
      embedding_length: 2816,
      embedding_length_per_layer_input: 0,
      feed_forward_length: 2112,
      'attention.head_count': 16,
      'attention.head_count_kv': layerwise(30, (layer) => (wideFull(layer) ? 2 : 8)),
      'attention.key_length': 512,
      'attention.value_length': 512,
      'attention.key_length_swa': 256,
      'attention.value_length_swa': 256,
      'attention.sliding_window': 1024,
      'attention.sliding_window_pattern': Array.from({ length: 30 }, (_, layer) => !wideFull(layer)),
      'attention.shared_kv_layers': 0,
      expert_count: 128,
      expert_used_count: 8,
      expert_feed_forward_length: 704,
    },
    model: [...modelRows(262144, 2816, { tied: true }), ['rope_freqs', 256]],
    blocks: 30,
    block: (layer) => [
      ...normRows(2816, 'attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm'),
      ...normRows(2816, 'pre_ffw_norm_2', 'post_ffw_norm_1', 'post_ffw_norm_2'),
      ...attentionRows({
        hidden: 2816,
        heads: 16,
        kvHeads: wideFull(layer) ? 2 : 8,
        key: wideFull(layer) ? 512 : 256,
        norms: 'head',
      }).filter(([name]) => !wideFull(layer) || name !== 'attn_v'),
      ...gatedRows(2816, 2112),
      ['ffn_gate_inp', 128, 2816],
      ['ffn_gate_inp.scale', 2816],
      ['ffn_gate_up_exps', 128, 1408, 2816],
      ['ffn_down_exps', 128, 2816, 704],
      ['ffn_down_exps.scale', 128],
      ['layer_output_scale', 1],
    ],
  },
);

const mimoWindow = (layer: number): boolean => layer % 6 !== 5 && layer !== 0;

const mimo2 = sample(
  'MiMo V2 Flash',
  {
    model_type: 'mimo_v2_flash',
    num_hidden_layers: 12,
    hidden_size: 4096,
    num_attention_heads: 64,
    num_key_value_heads: 4,
    head_dim: 192,
    v_head_dim: 128,
    intermediate_size: 16384,
    vocab_size: 152576,
    max_position_embeddings: 262144,
    sliding_window: 128,
    swa_num_attention_heads: 64,
    swa_num_key_value_heads: 8,
    swa_head_dim: 192,
    swa_v_head_dim: 128,
    hybrid_layer_pattern: layerwise(12, (layer) => (mimoWindow(layer) ? 1 : 0)),
    moe_layer_freq: layerwise(12, (layer) => (layer === 0 ? 0 : 1)),
    moe_intermediate_size: 2048,
    n_routed_experts: 256,
    n_shared_experts: null,
    num_experts_per_tok: 8,
    topk_method: 'noaux_tc',
    attention_bias: false,
    add_swa_attention_sink_bias: true,
    add_full_attention_sink_bias: false,
  },
  {
    name: 'mimo2',
    keys: {
      context_length: 262144,
      embedding_length: 4096,
      feed_forward_length: 16384,
      'attention.head_count': layerwise(12, () => 64),
      'attention.head_count_kv': layerwise(12, (layer) => (mimoWindow(layer) ? 8 : 4)),
      'attention.key_length': 192,
      'attention.value_length': 128,
      'attention.sliding_window': 128,
      'attention.sliding_window_pattern': layerwise(12, (layer) => (mimoWindow(layer) ? 1 : 0)),
      expert_count: 256,
      expert_used_count: 8,
      expert_feed_forward_length: 2048,
    },
    model: modelRows(152576, 4096),
    blocks: 12,
    block: (layer) => [
      ...normRows(4096, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 4096, heads: 64, kvHeads: mimoWindow(layer) ? 8 : 4, key: 192, value: 128 }),
      ...(mimoWindow(layer) ? [['attn_sinks', 64] as const] : []),
      ...(layer === 0
        ? gatedRows(4096, 16384)
        : expertRows({ hidden: 4096, experts: 256, width: 2048, correction: true })),
    ],
  },
);

export const mixedLayerSamples: readonly Sample[] = [gemma4, gemma4Moe, mimo2];
