/** Models with a window or a chunk in some layers. */
import {
  attentionRows,
  expertRows,
  gatedRows,
  modelRows,
  normRows,
  type Sample,
  sample,
} from './contents.test-data.ts';

const fourNorms = ['attn_norm', 'post_attention_norm', 'ffn_norm', 'post_ffw_norm'] as const;

const gemma2 = sample(
  'Gemma 2 9B',
  {
    model_type: 'gemma2',
    head_dim: 256,
    hidden_size: 3584,
    intermediate_size: 14336,
    max_position_embeddings: 8192,
    num_attention_heads: 16,
    num_hidden_layers: 42,
    num_key_value_heads: 8,
    sliding_window: 4096,
    vocab_size: 256000,
  },
  {
    name: 'gemma2',
    keys: {
      context_length: 8192,
      embedding_length: 3584,
      feed_forward_length: 14336,
      'attention.head_count': 16,
      'attention.head_count_kv': 8,
      'attention.key_length': 256,
      'attention.value_length': 256,
      'attention.sliding_window': 4096,
    },
    model: modelRows(256000, 3584, { tied: true }),
    blocks: 42,
    block: () => [
      ...normRows(3584, ...fourNorms),
      ...attentionRows({ hidden: 3584, heads: 16, kvHeads: 8, key: 256 }),
      ...gatedRows(3584, 14336),
    ],
  },
);

const gemma3 = sample(
  'Gemma 3 27B',
  {
    model_type: 'gemma3_text',
    head_dim: 128,
    hidden_size: 5376,
    intermediate_size: 21504,
    max_position_embeddings: 131072,
    num_attention_heads: 32,
    num_hidden_layers: 62,
    num_key_value_heads: 16,
    sliding_window: 1024,
    sliding_window_pattern: 6,
    vocab_size: 262208,
  },
  {
    name: 'gemma3',
    keys: {
      context_length: 131072,
      embedding_length: 5376,
      feed_forward_length: 21504,
      'attention.head_count': 32,
      'attention.head_count_kv': 16,
      'attention.key_length': 128,
      'attention.value_length': 128,
      'attention.sliding_window': 1024,
    },
    model: modelRows(262208, 5376, { tied: true }),
    blocks: 62,
    block: () => [
      ...normRows(5376, ...fourNorms),
      ...attentionRows({ hidden: 5376, heads: 32, kvHeads: 16, key: 128, norms: 'head' }),
      ...gatedRows(5376, 21504),
    ],
  },
);

const gptOss = sample(
  'gpt-oss 20B',
  {
    model_type: 'gpt_oss',
    attention_bias: true,
    head_dim: 64,
    hidden_size: 2880,
    intermediate_size: 2880,
    max_position_embeddings: 131072,
    num_attention_heads: 64,
    num_experts_per_tok: 4,
    num_hidden_layers: 24,
    num_key_value_heads: 8,
    num_local_experts: 32,
    sliding_window: 128,
    vocab_size: 201088,
  },
  {
    name: 'gpt-oss',
    keys: {
      context_length: 131072,
      embedding_length: 2880,
      feed_forward_length: 2880,
      'attention.head_count': 64,
      'attention.head_count_kv': 8,
      'attention.key_length': 64,
      'attention.value_length': 64,
      'attention.sliding_window': 128,
      expert_count: 32,
      expert_used_count: 4,
      expert_feed_forward_length: 2880,
    },
    model: modelRows(201088, 2880),
    blocks: 24,
    block: () => [
      ...normRows(2880, 'attn_norm', 'post_attention_norm'),
      ...attentionRows({ hidden: 2880, heads: 64, kvHeads: 8, key: 64, bias: true }),
      ['attn_output.bias', 2880],
      ['attn_sinks', 64],
      ...expertRows({ hidden: 2880, experts: 32, width: 2880 }),
      ['ffn_gate_inp.bias', 32],
      ['ffn_gate_exps.bias', 32, 2880],
      ['ffn_up_exps.bias', 32, 2880],
      ['ffn_down_exps.bias', 32, 2880],
    ],
  },
);

const llama4 = sample(
  'Llama 4 Scout',
  {
    model_type: 'llama4_text',
    attention_chunk_size: 8192,
    head_dim: 128,
    hidden_size: 5120,
    interleave_moe_layer_step: 1,
    intermediate_size: 8192,
    intermediate_size_mlp: 16384,
    max_position_embeddings: 10485760,
    num_attention_heads: 40,
    num_experts_per_tok: 1,
    num_hidden_layers: 48,
    num_key_value_heads: 8,
    num_local_experts: 16,
    vocab_size: 202048,
  },
  {
    name: 'llama4',
    keys: {
      context_length: 10485760,
      embedding_length: 5120,
      feed_forward_length: 16384,
      'attention.head_count': 40,
      'attention.head_count_kv': 8,
      'attention.key_length': 128,
      'attention.value_length': 128,
      expert_count: 16,
      expert_used_count: 1,
      expert_feed_forward_length: 8192,
      interleave_moe_layer_step: 1,
    },
    model: modelRows(202048, 5120),
    blocks: 48,
    block: () => [
      ...normRows(5120, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 5120, heads: 40, kvHeads: 8, key: 128 }),
      ...expertRows({ hidden: 5120, experts: 16, width: 8192, shared: 8192 }),
    ],
  },
);

const phi3 = sample(
  'Phi-3 mini 4k',
  {
    model_type: 'phi3',
    hidden_size: 3072,
    intermediate_size: 8192,
    max_position_embeddings: 4096,
    num_attention_heads: 32,
    num_hidden_layers: 32,
    num_key_value_heads: 32,
    sliding_window: 2047,
    vocab_size: 32064,
  },
  {
    name: 'phi3',
    keys: {
      context_length: 4096,
      embedding_length: 3072,
      feed_forward_length: 8192,
      'attention.head_count': 32,
      'attention.head_count_kv': 32,
      'attention.sliding_window': 2047,
    },
    model: modelRows(32064, 3072),
    blocks: 32,
    block: () => [
      ...normRows(3072, 'attn_norm', 'ffn_norm'),
      ['attn_qkv', 9216, 3072],
      ['attn_output', 3072, 3072],
      ['ffn_up', 16384, 3072],
      ['ffn_down', 3072, 8192],
    ],
  },
);

export const windowSamples: readonly Sample[] = [gemma2, gemma3, gptOss, llama4, phi3];
