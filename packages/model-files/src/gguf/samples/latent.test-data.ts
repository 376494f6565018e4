/** Models that cache a latent: DeepSeek, and Kimi Linear, which adds linear attention. */
import {
  type Architecture,
  expertRows,
  gatedRows,
  layerwise,
  modelRows,
  normRows,
  type Row,
  type Sample,
  sample,
} from './contents.test-data.ts';

interface LatentRows {
  readonly hidden: number;
  readonly heads: number;
  readonly queryRank?: number;
  /** True for files from before April 2025, which have one matrix for keys and values. */
  readonly joined?: boolean;
}

/** Lists DeepSeek's attention tensors: latent of 512, rotary part of 64, heads of 128. */
function latentRows({ hidden, heads, queryRank, joined }: LatentRows): Row[] {
  const query: Row[] =
    queryRank === undefined
      ? [['attn_q', heads * 192, hidden]]
      : [
          ['attn_q_a', queryRank, hidden],
          ['attn_q_a_norm', queryRank],
          ['attn_q_b', heads * 192, queryRank],
        ];
  const up: Row[] = joined
    ? [['attn_kv_b', heads * 256, 512]]
    : [
        ['attn_k_b', heads, 512, 128],
        ['attn_v_b', heads, 128, 512],
      ];
  return [
    ...query,
    ['attn_kv_a_mqa', 576, hidden],
    ['attn_kv_a_norm', 512],
    ...up,
    ['attn_output', hidden, heads * 128],
  ];
}

function deepseek3(name: string, joined: boolean): Sample {
  const lengths: Architecture['keys'] = joined
    ? { 'attention.key_length': 192, 'attention.value_length': 128 }
    : {
        'attention.key_length': 576,
        'attention.value_length': 512,
        'attention.key_length_mla': 192,
        'attention.value_length_mla': 128,
      };
  return sample(
    name,
    {
      model_type: 'deepseek_v3',
      first_k_dense_replace: 3,
      hidden_size: 7168,
      intermediate_size: 18432,
      kv_lora_rank: 512,
      max_position_embeddings: 163840,
      moe_intermediate_size: 2048,
      n_routed_experts: 256,
      n_shared_experts: 1,
      num_attention_heads: 128,
      num_experts_per_tok: 8,
      num_hidden_layers: 61,
      num_key_value_heads: 128,
      q_lora_rank: 1536,
      qk_nope_head_dim: 128,
      qk_rope_head_dim: 64,
      topk_method: 'noaux_tc',
      v_head_dim: 128,
      vocab_size: 129280,
    },
    {
      name: 'deepseek2',
      keys: {
        context_length: 163840,
        embedding_length: 7168,
        feed_forward_length: 18432,
        'attention.head_count': 128,
        'attention.head_count_kv': joined ? 128 : 1,
        'attention.q_lora_rank': 1536,
        'attention.kv_lora_rank': 512,
        ...lengths,
        'rope.dimension_count': 64,
        expert_count: 256,
        expert_used_count: 8,
        expert_shared_count: 1,
        expert_feed_forward_length: 2048,
        leading_dense_block_count: 3,
      },
      model: modelRows(129280, 7168),
      blocks: 61,
      block: (layer) => [
        ...normRows(7168, 'attn_norm', 'ffn_norm'),
        ...latentRows({ hidden: 7168, heads: 128, queryRank: 1536, joined }),
        ...(layer < 3
          ? gatedRows(7168, 18432)
          : expertRows({ hidden: 7168, experts: 256, width: 2048, shared: 2048, correction: true })),
      ],
    },
  );
}

const kimiAttends = new Set([4, 8, 12, 16, 20, 24, 27]);

const kimiLinear = sample(
  'Kimi Linear 48B-A3B',
  {
    model_type: 'kimi_linear',
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 27,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    head_dim: 72,
    first_k_dense_replace: 1,
    kv_lora_rank: 512,
    q_lora_rank: null,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
    linear_attn_config: {
      full_attn_layers: [...kimiAttends],
      kda_layers: layerwise(27, (layer) => layer + 1).filter((layer) => !kimiAttends.has(layer)),
      head_dim: 128,
      num_heads: 32,
      short_conv_kernel_size: 4,
    },
    num_experts: 256,
    num_experts_per_token: 8,
    num_shared_experts: 1,
    moe_intermediate_size: 1024,
    moe_layer_freq: 1,
    vocab_size: 163840,
    model_max_length: 1048576,
  },
  {
    name: 'kimi-linear',
    keys: {
      context_length: 1048576,
      embedding_length: 2304,
      feed_forward_length: 9216,
      'attention.head_count': 32,
      'attention.head_count_kv': layerwise(27, (layer) => (kimiAttends.has(layer + 1) ? 32 : 0)),
      'attention.kv_lora_rank': 512,
      'attention.key_length': 576,
      'attention.value_length': 512,
      'attention.key_length_mla': 192,
      'attention.value_length_mla': 128,
      'rope.dimension_count': 64,
      'ssm.conv_kernel': 4,
      'kda.head_dim': 128,
      expert_count: 256,
      expert_used_count: 8,
      expert_shared_count: 1,
      expert_feed_forward_length: 1024,
      leading_dense_block_count: 1,
    },
    model: modelRows(163840, 2304),
    blocks: 27,
    block: (layer) => [
      ...normRows(2304, 'attn_norm', 'ffn_norm'),
      ...(kimiAttends.has(layer + 1) ? latentRows({ hidden: 2304, heads: 32 }) : kimiDeltaRows(2304, 4096)),
      ...(layer === 0
        ? gatedRows(2304, 9216)
        : expertRows({ hidden: 2304, experts: 256, width: 1024, shared: 1024, correction: true })),
    ],
  },
);

function kimiDeltaRows(hidden: number, width: number): Row[] {
  return [
    ['attn_q', width, hidden],
    ['attn_k', width, hidden],
    ['attn_v', width, hidden],
    ['ssm_conv1d_q', width, 1, 4],
    ['ssm_conv1d_k', width, 1, 4],
    ['ssm_conv1d_v', width, 1, 4],
    ['ssm_f_a', 128, hidden],
    ['ssm_f_b', width, 128],
    ['ssm_beta', 32, hidden],
    ['ssm_a', 32, 1],
    ['ssm_dt.bias', width],
    ['ssm_g_a', 128, hidden],
    ['ssm_g_b', width, 128],
    ['ssm_norm', 128],
    ['attn_output', hidden, width],
  ];
}

const v4Ratios = [0, 0, 4, 128, 4, 0];

const deepseek4 = sample(
  'DeepSeek V4 Flash, short',
  {
    model_type: 'deepseek_v4',
    hc_mult: 4,
    head_dim: 512,
    hidden_size: 4096,
    index_head_dim: 128,
    index_n_heads: 64,
    index_topk: 512,
    max_position_embeddings: 1048576,
    moe_intermediate_size: 2048,
    n_routed_experts: 256,
    n_shared_experts: 1,
    num_attention_heads: 64,
    num_experts_per_tok: 6,
    num_hash_layers: 3,
    num_hidden_layers: 6,
    o_groups: 8,
    o_lora_rank: 1024,
    q_lora_rank: 1024,
    qk_rope_head_dim: 64,
    sliding_window: 128,
    vocab_size: 129280,
    compress_ratios: v4Ratios,
  },
  {
    name: 'deepseek4',
    keys: {
      context_length: 1048576,
      embedding_length: 4096,
      'attention.head_count': 64,
      'attention.head_count_kv': 1,
      'attention.key_length': 512,
      'attention.value_length': 512,
      'attention.q_lora_rank': 1024,
      'attention.output_lora_rank': 1024,
      'attention.output_group_count': 8,
      'attention.sliding_window': 128,
      'attention.compress_ratios': v4Ratios,
      'attention.indexer.head_count': 64,
      'attention.indexer.key_length': 128,
      'attention.indexer.top_k': 512,
      'rope.dimension_count': 64,
      'hyper_connection.count': 4,
      hash_layer_count: 3,
      expert_count: 256,
      expert_used_count: 6,
      expert_shared_count: 1,
      expert_feed_forward_length: 2048,
    },
    model: [
      ...modelRows(129280, 4096),
      ['output_hc_fn', 4, 4 * 4096],
      ['output_hc_base', 4],
      ['output_hc_scale', 1],
    ],
    blocks: 6,
    block: (layer) => [
      ...normRows(4096, 'attn_norm', 'ffn_norm'),
      ['attn_sinks', 64],
      ['attn_q_a', 1024, 4096],
      ['attn_q_a_norm', 1024],
      ['attn_q_b', 64 * 512, 1024],
      ['attn_kv', 512, 4096],
      ['attn_kv_a_norm', 512],
      ['attn_output_a', 8 * 1024, (64 * 512) / 8],
      ['attn_output_b', 4096, 8 * 1024],
      ...['attn', 'ffn'].flatMap((part): Row[] => [
        [`hc_${part}_fn`, 24, 4 * 4096],
        [`hc_${part}_base`, 24],
        [`hc_${part}_scale`, 3],
      ]),
      ...compressorRows('attn_compressor', 512, v4Ratios[layer] ?? 0),
      ...(v4Ratios[layer] === 4
        ? [
            ['indexer.proj', 64, 4096] as const,
            ['indexer.attn_q_b', 64 * 128, 1024] as const,
            ...compressorRows('indexer_compressor', 128, 4),
          ]
        : []),
      ...expertRows({ hidden: 4096, experts: 256, width: 2048, shared: 2048, correction: layer >= 3 }),
      ...(layer < 3 ? [['ffn_gate_tid2eid', 129280, 6] as const] : []),
    ],
  },
);

function compressorRows(name: string, width: number, ratio: number): Row[] {
  if (ratio === 0) return [];
  const rows = ratio === 4 ? 2 * width : width;
  return [
    [`${name}_kv`, rows, 4096],
    [`${name}_gate`, rows, 4096],
    [`${name}_ape`, ratio, rows],
    [`${name}_norm`, width],
  ];
}

export const latentSamples: readonly Sample[] = [
  deepseek3('DeepSeek V3', false),
  deepseek3('DeepSeek V3, file of early 2025', true),
  kimiLinear,
  deepseek4,
];
