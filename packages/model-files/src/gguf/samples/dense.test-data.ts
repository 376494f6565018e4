/** Models with full attention and a feed-forward or experts in every layer. */
import {
  attentionRows,
  expertRows,
  gatedRows,
  modelRows,
  normRows,
  type Row,
  type Sample,
  sample,
} from './contents.test-data.ts';

const llama = sample(
  'Llama 3.1 8B',
  {
    model_type: 'llama',
    hidden_size: 4096,
    intermediate_size: 14336,
    max_position_embeddings: 131072,
    num_attention_heads: 32,
    num_hidden_layers: 32,
    num_key_value_heads: 8,
    tie_word_embeddings: false,
    vocab_size: 128256,
  },
  {
    name: 'llama',
    keys: {
      context_length: 131072,
      embedding_length: 4096,
      feed_forward_length: 14336,
      'attention.head_count': 32,
      'attention.head_count_kv': 8,
      'rope.dimension_count': 128,
      vocab_size: 128256,
    },
    model: [...modelRows(128256, 4096), ['rope_freqs', 64]],
    blocks: 32,
    block: () => [
      ...normRows(4096, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 4096, heads: 32, kvHeads: 8, key: 128 }),
      ...gatedRows(4096, 14336),
    ],
  },
);

const mixtral = sample(
  'Mixtral 8x7B',
  {
    model_type: 'mixtral',
    hidden_size: 4096,
    intermediate_size: 14336,
    max_position_embeddings: 32768,
    num_attention_heads: 32,
    num_experts_per_tok: 2,
    num_hidden_layers: 32,
    num_key_value_heads: 8,
    num_local_experts: 8,
    sliding_window: null,
    vocab_size: 32000,
  },
  {
    name: 'llama',
    keys: {
      context_length: 32768,
      embedding_length: 4096,
      feed_forward_length: 14336,
      'attention.head_count': 32,
      'attention.head_count_kv': 8,
      expert_count: 8,
      expert_used_count: 2,
    },
    model: modelRows(32000, 4096),
    blocks: 32,
    // Half of the layers in the form of early files, with one tensor per expert.
    block: (layer) => [
      ...normRows(4096, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 4096, heads: 32, kvHeads: 8, key: 128 }),
      ...(layer < 16 ? expertRows({ hidden: 4096, experts: 8, width: 14336 }) : singleExperts()),
    ],
  },
);

function singleExperts(): Row[] {
  const rows: Row[] = [['ffn_gate_inp', 8, 4096]];
  for (let expert = 0; expert < 8; expert++) {
    rows.push([`ffn_gate.${expert}`, 14336, 4096], [`ffn_up.${expert}`, 14336, 4096]);
    rows.push([`ffn_down.${expert}`, 4096, 14336]);
  }
  return rows;
}

const qwen2 = sample(
  'Qwen2.5 7B',
  {
    model_type: 'qwen2',
    hidden_size: 3584,
    intermediate_size: 18944,
    max_position_embeddings: 32768,
    num_attention_heads: 28,
    num_hidden_layers: 28,
    num_key_value_heads: 4,
    sliding_window: 131072,
    use_sliding_window: false,
    vocab_size: 152064,
  },
  {
    name: 'qwen2',
    keys: {
      context_length: 32768,
      embedding_length: 3584,
      feed_forward_length: 18944,
      'attention.head_count': 28,
      'attention.head_count_kv': 4,
    },
    model: modelRows(152064, 3584),
    blocks: 28,
    block: () => [
      ...normRows(3584, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 3584, heads: 28, kvHeads: 4, key: 128, bias: true }),
      ...gatedRows(3584, 18944),
    ],
  },
);

const qwen3moe = sample(
  'Qwen3 30B-A3B',
  {
    model_type: 'qwen3_moe',
    head_dim: 128,
    hidden_size: 2048,
    intermediate_size: 6144,
    max_position_embeddings: 40960,
    moe_intermediate_size: 768,
    num_attention_heads: 32,
    num_experts: 128,
    num_experts_per_tok: 8,
    num_hidden_layers: 48,
    num_key_value_heads: 4,
    vocab_size: 151936,
  },
  {
    name: 'qwen3moe',
    keys: {
      context_length: 40960,
      embedding_length: 2048,
      feed_forward_length: 6144,
      'attention.head_count': 32,
      'attention.head_count_kv': 4,
      'attention.key_length': 128,
      'attention.value_length': 128,
      expert_count: 128,
      expert_used_count: 8,
      expert_feed_forward_length: 768,
    },
    model: modelRows(151936, 2048),
    blocks: 48,
    block: () => [
      ...normRows(2048, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 2048, heads: 32, kvHeads: 4, key: 128, norms: 'head' }),
      ...expertRows({ hidden: 2048, experts: 128, width: 768 }),
    ],
  },
);

const glm4moe = sample(
  'GLM-4.5-Air',
  {
    model_type: 'glm4_moe',
    attention_bias: true,
    first_k_dense_replace: 1,
    head_dim: 128,
    hidden_size: 4096,
    intermediate_size: 10944,
    max_position_embeddings: 131072,
    moe_intermediate_size: 1408,
    n_routed_experts: 128,
    n_shared_experts: 1,
    num_attention_heads: 96,
    num_experts_per_tok: 8,
    num_hidden_layers: 46,
    num_key_value_heads: 8,
    num_nextn_predict_layers: 1,
    topk_method: 'noaux_tc',
    vocab_size: 151552,
  },
  {
    name: 'glm4moe',
    keys: {
      context_length: 131072,
      embedding_length: 4096,
      feed_forward_length: 10944,
      'attention.head_count': 96,
      'attention.head_count_kv': 8,
      'attention.key_length': 128,
      'attention.value_length': 128,
      'rope.dimension_count': 64,
      expert_count: 128,
      expert_used_count: 8,
      expert_shared_count: 1,
      expert_feed_forward_length: 1408,
      leading_dense_block_count: 1,
      nextn_predict_layers: 1,
    },
    model: modelRows(151552, 4096),
    blocks: 47,
    block: (layer) => [
      ...normRows(4096, 'attn_norm', 'post_attention_norm'),
      ...attentionRows({ hidden: 4096, heads: 96, kvHeads: 8, key: 128, bias: true }),
      ...(layer === 0
        ? gatedRows(4096, 10944)
        : expertRows({ hidden: 4096, experts: 128, width: 1408, shared: 1408, correction: true })),
      ...(layer === 46 ? nextToken(151552, 4096) : []),
    ],
  },
);

function nextToken(vocabulary: number, hidden: number): Row[] {
  return [
    ['nextn.eh_proj', hidden, 2 * hidden],
    ['nextn.embed_tokens', vocabulary, hidden],
    ['nextn.enorm', hidden],
    ['nextn.hnorm', hidden],
    ['nextn.shared_head_head', vocabulary, hidden],
    ['nextn.shared_head_norm', hidden],
  ];
}

const minimax = sample(
  'MiniMax M2',
  {
    model_type: 'minimax_m2',
    head_dim: 128,
    hidden_size: 3072,
    intermediate_size: 1536,
    max_position_embeddings: 196608,
    num_attention_heads: 48,
    num_experts_per_tok: 8,
    num_hidden_layers: 62,
    num_key_value_heads: 8,
    num_local_experts: 256,
    use_qk_norm: true,
    vocab_size: 200064,
  },
  {
    name: 'minimax-m2',
    keys: {
      context_length: 196608,
      embedding_length: 3072,
      feed_forward_length: 1536,
      'attention.head_count': 48,
      'attention.head_count_kv': 8,
      'attention.key_length': 128,
      'attention.value_length': 128,
      expert_count: 256,
      expert_used_count: 8,
      expert_feed_forward_length: 1536,
    },
    model: modelRows(200064, 3072),
    blocks: 62,
    block: () => [
      ...normRows(3072, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 3072, heads: 48, kvHeads: 8, key: 128, norms: 'projection' }),
      ...expertRows({ hidden: 3072, experts: 256, width: 1536, correction: true }),
    ],
  },
);

const falcon = sample(
  'Falcon 7B',
  {
    model_type: 'falcon',
    hidden_size: 4544,
    num_hidden_layers: 32,
    num_attention_heads: 71,
    vocab_size: 65024,
    multi_query: true,
    parallel_attn: true,
    bias: false,
  },
  {
    name: 'falcon',
    keys: {
      context_length: 2048,
      embedding_length: 4544,
      feed_forward_length: 18176,
      'attention.head_count': 71,
      'attention.head_count_kv': 1,
    },
    model: [...modelRows(65024, 4544, { tied: true }), ['output_norm.bias', 4544]],
    blocks: 32,
    block: () => [
      ['attn_norm', 4544],
      ['attn_norm.bias', 4544],
      ['attn_qkv', 4672, 4544],
      ['attn_output', 4544, 4544],
      ['ffn_up', 18176, 4544],
      ['ffn_down', 4544, 18176],
    ],
  },
);

export const denseSamples: readonly Sample[] = [llama, mixtral, qwen2, qwen3moe, glm4moe, minimax, falcon];
