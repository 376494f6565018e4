/** Small models of further recurrent families. */
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
import { type Mamba2Rows, mamba2Keys, mamba2Rows } from './recurrent.test-data.ts';

const graniteMamba: Mamba2Rows = { hidden: 64, heads: 8, headDim: 16, state: 32, groups: 1 };

const graniteHybrid = sample(
  'Granite 4 hybrid, small',
  {
    model_type: 'granitemoehybrid',
    hidden_size: 64,
    intermediate_size: 32,
    shared_intermediate_size: 48,
    layer_types: ['mamba', 'mamba', 'attention', 'mamba'],
    mamba_d_conv: 4,
    mamba_d_head: 16,
    mamba_d_state: 32,
    mamba_expand: 2,
    mamba_n_groups: 1,
    mamba_n_heads: 8,
    max_position_embeddings: 4096,
    num_attention_heads: 4,
    num_experts_per_tok: 2,
    num_hidden_layers: 4,
    num_key_value_heads: 2,
    num_local_experts: 8,
    tie_word_embeddings: true,
    vocab_size: 128,
  },
  {
    name: 'granitehybrid',
    keys: {
      context_length: 4096,
      embedding_length: 64,
      feed_forward_length: 32,
      'attention.head_count': 4,
      'attention.head_count_kv': [0, 0, 2, 0],
      ...mamba2Keys(graniteMamba),
      expert_count: 8,
      expert_used_count: 2,
      expert_shared_feed_forward_length: 48,
    },
    model: modelRows(128, 64, { tied: true }),
    blocks: 4,
    block: (layer) => [
      ...normRows(64, 'attn_norm', 'ffn_norm'),
      ...(layer === 2
        ? attentionRows({ hidden: 64, heads: 4, kvHeads: 2, key: 16 })
        : mamba2Rows(graniteMamba)),
      ...expertRows({ hidden: 64, experts: 8, width: 32, shared: 48 }),
    ],
  },
);

const falconMamba: Mamba2Rows = { hidden: 64, heads: 8, headDim: 16, state: 32, groups: 1 };

const falconH1 = sample(
  'Falcon H1, small',
  {
    model_type: 'falcon_h1',
    hidden_size: 64,
    intermediate_size: 128,
    mamba_d_conv: 4,
    mamba_d_head: 16,
    mamba_d_ssm: 128,
    mamba_d_state: 32,
    mamba_expand: 2,
    mamba_n_groups: 1,
    mamba_n_heads: 8,
    mamba_rms_norm: true,
    max_position_embeddings: 4096,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    num_key_value_heads: 2,
    vocab_size: 128,
  },
  {
    name: 'falcon-h1',
    keys: {
      context_length: 4096,
      embedding_length: 64,
      feed_forward_length: 128,
      'attention.head_count': 4,
      'attention.head_count_kv': 2,
      'attention.key_length': 16,
      'attention.value_length': 16,
      ...mamba2Keys(falconMamba),
    },
    model: modelRows(128, 64),
    blocks: 2,
    block: () => [
      ...normRows(64, 'attn_norm', 'ffn_norm'),
      ...mamba2Rows(falconMamba),
      ...attentionRows({ hidden: 64, heads: 4, kvHeads: 2, key: 16 }),
      ...gatedRows(64, 128),
    ],
  },
);

function mamba1Rows(hidden: number, inner: number, innerNorms: boolean): Row[] {
  const norms: Row[] = [
    ['ssm_dt_norm', 4],
    ['ssm_b_norm', 16],
    ['ssm_c_norm', 16],
  ];
  return [
    ['ssm_in', 2 * inner, hidden],
    ['ssm_conv1d', inner, 4],
    ['ssm_conv1d.bias', inner],
    ['ssm_x', 4 + 32, inner],
    ['ssm_dt', inner, 4],
    ['ssm_dt.bias', inner],
    ['ssm_a', inner, 16],
    ['ssm_d', inner],
    ['ssm_out', hidden, inner],
    ...(innerNorms ? norms : []),
  ];
}

const mamba1Keys = {
  'ssm.conv_kernel': 4,
  'ssm.inner_size': 128,
  'ssm.state_size': 16,
  'ssm.time_step_rank': 4,
} as const;

const mamba = sample(
  'Mamba, small',
  {
    model_type: 'mamba',
    hidden_size: 64,
    intermediate_size: 128,
    conv_kernel: 4,
    num_hidden_layers: 2,
    state_size: 16,
    time_step_rank: 4,
    expand: 2,
    use_bias: false,
    use_conv_bias: true,
    tie_word_embeddings: true,
    vocab_size: 128,
    max_position_embeddings: 1048576,
  },
  {
    name: 'mamba',
    keys: {
      context_length: 1048576,
      embedding_length: 64,
      ...mamba1Keys,
      'attention.head_count': 0,
      feed_forward_length: 0,
    },
    model: modelRows(128, 64, { tied: true }),
    blocks: 2,
    block: () => [['attn_norm', 64], ...mamba1Rows(64, 128, false)],
  },
);

const jamba = sample(
  'Jamba, small',
  {
    model_type: 'jamba',
    attn_layer_offset: 2,
    attn_layer_period: 4,
    expert_layer_offset: 1,
    expert_layer_period: 2,
    hidden_size: 64,
    intermediate_size: 128,
    mamba_conv_bias: true,
    mamba_d_conv: 4,
    mamba_d_state: 16,
    mamba_dt_rank: 4,
    mamba_expand: 2,
    mamba_proj_bias: false,
    max_position_embeddings: 4096,
    num_attention_heads: 4,
    num_experts: 8,
    num_experts_per_tok: 2,
    num_hidden_layers: 4,
    num_key_value_heads: 2,
    vocab_size: 128,
    tie_word_embeddings: false,
  },
  {
    name: 'jamba',
    keys: {
      context_length: 4096,
      embedding_length: 64,
      feed_forward_length: 128,
      'attention.head_count': 4,
      'attention.head_count_kv': [0, 0, 2, 0],
      ...mamba1Keys,
      expert_count: 8,
      expert_used_count: 2,
    },
    model: modelRows(128, 64),
    blocks: 4,
    block: (layer) => [
      ...normRows(64, 'attn_norm', 'ffn_norm'),
      ...(layer === 2
        ? attentionRows({ hidden: 64, heads: 4, kvHeads: 2, key: 16 })
        : mamba1Rows(64, 128, true)),
      ...(layer % 2 === 1 ? expertRows({ hidden: 64, experts: 8, width: 128 }) : gatedRows(64, 128)),
    ],
  },
);

const lfm2 = sample(
  'LFM2, small',
  {
    model_type: 'lfm2',
    hidden_size: 64,
    intermediate_size: 128,
    block_auto_adjust_ff_dim: false,
    conv_L_cache: 3,
    conv_bias: false,
    full_attn_idxs: [1],
    max_position_embeddings: 4096,
    num_attention_heads: 4,
    num_hidden_layers: 3,
    num_key_value_heads: 2,
    vocab_size: 128,
  },
  {
    name: 'lfm2',
    keys: {
      context_length: 4096,
      embedding_length: 64,
      feed_forward_length: 128,
      'attention.head_count': 4,
      'attention.head_count_kv': [0, 2, 0],
      'shortconv.l_cache': 3,
    },
    model: [
      ['token_embd', 128, 64],
      ['token_embd_norm', 64],
    ],
    blocks: 3,
    block: (layer) => [
      ...normRows(64, 'attn_norm', 'ffn_norm'),
      ...(layer === 1
        ? attentionRows({ hidden: 64, heads: 4, kvHeads: 2, key: 16, norms: 'head' })
        : ([
            ['shortconv.in_proj', 192, 64],
            ['shortconv.conv', 64, 3],
            ['shortconv.out_proj', 64, 64],
          ] as const)),
      ...gatedRows(64, 128),
    ],
  },
);

export const smallRecurrentSamples: readonly Sample[] = [graniteHybrid, falconH1, mamba, jamba, lfm2];
