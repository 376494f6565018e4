/** Models with gated delta nets or Mamba in most layers. */
import {
  type Architecture,
  attentionRows,
  expertRows,
  gatedRows,
  layerwise,
  modelRows,
  normRows,
  type Row,
  type Sample,
  sample,
} from './contents.test-data.ts';

const qwen3next = sample(
  'Qwen3-Next 80B-A3B',
  {
    model_type: 'qwen3_next',
    full_attention_interval: 4,
    head_dim: 256,
    hidden_size: 2048,
    intermediate_size: 5120,
    linear_conv_kernel_dim: 4,
    linear_key_head_dim: 128,
    linear_num_key_heads: 16,
    linear_num_value_heads: 32,
    linear_value_head_dim: 128,
    max_position_embeddings: 262144,
    moe_intermediate_size: 512,
    num_attention_heads: 16,
    num_experts: 512,
    num_experts_per_tok: 10,
    num_hidden_layers: 48,
    num_key_value_heads: 2,
    shared_expert_intermediate_size: 512,
    vocab_size: 151936,
  },
  {
    name: 'qwen3next',
    keys: {
      context_length: 262144,
      embedding_length: 2048,
      feed_forward_length: 5120,
      'attention.head_count': 16,
      'attention.head_count_kv': 2,
      'attention.key_length': 256,
      'attention.value_length': 256,
      ...deltaKeys(32),
      full_attention_interval: 4,
      expert_count: 512,
      expert_used_count: 10,
      expert_feed_forward_length: 512,
      expert_shared_feed_forward_length: 512,
    },
    model: modelRows(151936, 2048),
    blocks: 48,
    block: (layer) => [
      ...normRows(2048, 'attn_norm', 'post_attention_norm'),
      ...(layer % 4 === 3
        ? attentionRows({ hidden: 2048, heads: 16, kvHeads: 2, key: 256, queries: 2, norms: 'head' })
        : [...deltaRows(2048, 32), ['ssm_ba', 64, 2048] as const]),
      ...expertRows({ hidden: 2048, experts: 512, width: 512, shared: 512 }),
      ['ffn_gate_inp_shexp', 2048],
    ],
  },
);

function deltaKeys(valueHeads: number): Architecture['keys'] {
  return {
    'ssm.conv_kernel': 4,
    'ssm.inner_size': valueHeads * 128,
    'ssm.state_size': 128,
    'ssm.time_step_rank': valueHeads,
    'ssm.group_count': 16,
  };
}

/** Lists the tensors of a Gated DeltaNet with 16 key heads and `valueHeads` value heads. */
function deltaRows(hidden: number, valueHeads: number): Row[] {
  const channels = 4096 + valueHeads * 128;
  return [
    ['attn_qkv', channels, hidden],
    ['attn_gate', valueHeads * 128, hidden],
    ['ssm_conv1d', channels, 4],
    ['ssm_dt.bias', valueHeads],
    ['ssm_a', valueHeads],
    ['ssm_norm', 128],
    ['ssm_out', hidden, valueHeads * 128],
  ];
}

const qwen35 = sample(
  'Qwen3.5 4B',
  {
    model_type: 'qwen3_5_text',
    tie_word_embeddings: true,
    full_attention_interval: 4,
    head_dim: 256,
    hidden_size: 2560,
    intermediate_size: 9216,
    linear_conv_kernel_dim: 4,
    linear_key_head_dim: 128,
    linear_num_key_heads: 16,
    linear_num_value_heads: 32,
    linear_value_head_dim: 128,
    max_position_embeddings: 262144,
    num_attention_heads: 16,
    num_hidden_layers: 32,
    num_key_value_heads: 4,
    vocab_size: 248320,
  },
  {
    name: 'qwen35',
    keys: {
      context_length: 262144,
      embedding_length: 2560,
      feed_forward_length: 9216,
      'attention.head_count': 16,
      'attention.head_count_kv': 4,
      'attention.key_length': 256,
      'attention.value_length': 256,
      ...deltaKeys(32),
      full_attention_interval: 4,
    },
    model: modelRows(248320, 2560, { tied: true }),
    blocks: 32,
    block: (layer) => [
      ...normRows(2560, 'attn_norm', 'post_attention_norm'),
      ...(layer % 4 === 3
        ? attentionRows({ hidden: 2560, heads: 16, kvHeads: 4, key: 256, queries: 2, norms: 'head' })
        : [...deltaRows(2560, 32), ['ssm_alpha', 32, 2560] as const, ['ssm_beta', 32, 2560] as const]),
      ...gatedRows(2560, 9216),
    ],
  },
);

export interface Mamba2Rows {
  readonly hidden: number;
  readonly heads: number;
  readonly headDim: number;
  readonly state: number;
  readonly groups: number;
}

export function mamba2Keys({ heads, headDim, state, groups }: Mamba2Rows): Architecture['keys'] {
  return {
    'ssm.conv_kernel': 4,
    'ssm.inner_size': heads * headDim,
    'ssm.state_size': state,
    'ssm.time_step_rank': heads,
    'ssm.group_count': groups,
  };
}

export function mamba2Rows({ hidden, heads, headDim, state, groups }: Mamba2Rows): Row[] {
  const inner = heads * headDim;
  const channels = inner + 2 * groups * state;
  return [
    ['ssm_in', inner + channels + heads, hidden],
    ['ssm_conv1d', channels, 4],
    ['ssm_conv1d.bias', channels],
    ['ssm_dt.bias', heads],
    ['ssm_a', heads, 1],
    ['ssm_d', heads, 1],
    ['ssm_norm', groups, inner / groups],
    ['ssm_out', hidden, inner],
  ];
}

const nanoMamba: Mamba2Rows = { hidden: 2688, heads: 64, headDim: 64, state: 128, groups: 8 };

const nanoPattern = 'MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME';

const nemotronH = sample(
  'Nemotron 3 Nano 30B-A3B',
  {
    model_type: 'nemotron_h',
    conv_kernel: 4,
    head_dim: 128,
    hidden_size: 2688,
    hybrid_override_pattern: nanoPattern,
    intermediate_size: 1856,
    mamba_head_dim: 64,
    mamba_num_heads: 64,
    max_position_embeddings: 262144,
    moe_intermediate_size: 1856,
    moe_shared_expert_intermediate_size: 3712,
    n_groups: 8,
    n_routed_experts: 128,
    n_shared_experts: 1,
    num_attention_heads: 32,
    num_experts_per_tok: 6,
    num_hidden_layers: 52,
    num_key_value_heads: 2,
    ssm_state_size: 128,
    vocab_size: 131072,
  },
  {
    name: 'nemotron_h_moe',
    keys: {
      context_length: 262144,
      embedding_length: 2688,
      feed_forward_length: layerwise(52, (layer) => (nanoPattern[layer] === 'E' ? 1856 : 0)),
      'attention.head_count': 32,
      'attention.head_count_kv': layerwise(52, (layer) => (nanoPattern[layer] === '*' ? 2 : 0)),
      'attention.key_length': 128,
      'attention.value_length': 128,
      ...mamba2Keys(nanoMamba),
      expert_count: 128,
      expert_used_count: 6,
    },
    model: modelRows(131072, 2688),
    blocks: 52,
    block: (layer) => [['attn_norm', 2688], ...nemotronRows(nanoPattern[layer])],
  },
);

function nemotronRows(kind: string | undefined): Row[] {
  if (kind === 'M') return mamba2Rows(nanoMamba);
  if (kind === '*') return attentionRows({ hidden: 2688, heads: 32, kvHeads: 2, key: 128 });
  return [
    ['ffn_gate_inp', 128, 2688],
    ['exp_probs_b.bias', 128],
    ['ffn_up_exps', 128, 1856, 2688],
    ['ffn_down_exps', 128, 2688, 1856],
    ['ffn_up_shexp', 3712, 2688],
    ['ffn_down_shexp', 2688, 3712],
  ];
}

export const recurrentSamples: readonly Sample[] = [qwen3next, qwen35, nemotronH];
