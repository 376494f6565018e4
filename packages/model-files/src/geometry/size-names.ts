/**
 * The names of a ModelSpec's sizes in files, so that an error names the key that a person can look up. GGUF has one
 * name per size; config.json has had several over time, and a file uses one of them.
 */

export type SizeName =
  | 'layers'
  | 'hiddenSize'
  | 'vocabSize'
  | 'contextLength'
  | 'queryHeads'
  | 'kvHeads'
  | 'keyHeadDim'
  | 'valueHeadDim'
  | 'window'
  | 'chunk'
  | 'latentDim'
  | 'ropeHeadDim'
  | 'nopeHeadDim'
  | 'qLoraRank'
  | 'indexerHeads'
  | 'indexerHeadDim'
  | 'indexerTopK'
  | 'compressionRatio'
  | 'recurrentHeads'
  | 'recurrentHeadDim'
  | 'stateSize'
  | 'stateGroups'
  | 'convolutionTaps'
  | 'convolutionChannels'
  | 'intermediateSize'
  | 'experts'
  | 'expertsPerToken'
  | 'expertIntermediateSize'
  | 'sharedIntermediateSize'
  | 'rotaryDim'
  | 'rotaryPositions'
  | 'rotaryFactor'
  | 'sharesKvWithLayer';

/** Returns the key under which a file states a size. */
export type KeyOf = (size: SizeName) => string;

const ggufNames: Readonly<Record<SizeName, string>> = {
  layers: 'block_count',
  hiddenSize: 'embedding_length',
  vocabSize: 'vocab_size',
  contextLength: 'context_length',
  queryHeads: 'attention.head_count',
  kvHeads: 'attention.head_count_kv',
  keyHeadDim: 'attention.key_length',
  valueHeadDim: 'attention.value_length',
  window: 'attention.sliding_window',
  chunk: 'attention.chunk_size',
  latentDim: 'attention.kv_lora_rank',
  ropeHeadDim: 'rope.dimension_count',
  nopeHeadDim: 'attention.key_length',
  qLoraRank: 'attention.q_lora_rank',
  indexerHeads: 'attention.indexer.head_count',
  indexerHeadDim: 'attention.indexer.key_length',
  indexerTopK: 'attention.indexer.top_k',
  compressionRatio: 'attention.compress_ratios',
  recurrentHeads: 'ssm.time_step_rank',
  recurrentHeadDim: 'ssm.inner_size',
  stateSize: 'ssm.state_size',
  stateGroups: 'ssm.group_count',
  convolutionTaps: 'ssm.conv_kernel',
  convolutionChannels: 'ssm.inner_size',
  intermediateSize: 'feed_forward_length',
  experts: 'expert_count',
  expertsPerToken: 'expert_used_count',
  expertIntermediateSize: 'expert_feed_forward_length',
  sharedIntermediateSize: 'expert_shared_feed_forward_length',
  rotaryDim: 'rope.dimension_count',
  rotaryPositions: 'context_length',
  rotaryFactor: 'rope.scaling.factor',
  sharesKvWithLayer: 'attention.shared_kv_layers',
};

export function ggufKeys(architecture: string): KeyOf {
  return (size) => `${architecture}.${ggufNames[size]}`;
}

const configNames: Readonly<Record<SizeName, readonly string[]>> = {
  layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  hiddenSize: ['hidden_size', 'n_embd', 'd_model'],
  vocabSize: ['vocab_size', 'padded_vocab_size'],
  contextLength: ['max_position_embeddings', 'model_max_length', 'n_positions', 'max_seq_len', 'seq_length'],
  queryHeads: ['num_attention_heads', 'n_head', 'n_heads'],
  kvHeads: ['num_key_value_heads', 'multi_query_group_num', 'n_head_kv', 'num_kv_heads'],
  keyHeadDim: ['head_dim', 'kv_channels', 'attention_head_dim', 'qk_head_dim'],
  valueHeadDim: ['v_head_dim', 'head_dim'],
  window: ['sliding_window', 'attention_window_size'],
  chunk: ['attention_chunk_size'],
  latentDim: ['kv_lora_rank', 'head_dim'],
  ropeHeadDim: ['qk_rope_head_dim'],
  nopeHeadDim: ['qk_nope_head_dim'],
  qLoraRank: ['q_lora_rank'],
  indexerHeads: ['index_n_heads'],
  indexerHeadDim: ['index_head_dim'],
  indexerTopK: ['index_topk'],
  compressionRatio: ['compress_ratios'],
  recurrentHeads: ['linear_num_value_heads', 'mamba_num_heads', 'mamba_n_heads', 'num_heads'],
  recurrentHeadDim: ['linear_value_head_dim', 'mamba_head_dim', 'mamba_d_head', 'head_dim'],
  stateSize: ['mamba_d_state', 'ssm_state_size', 'state_size', 'd_state'],
  stateGroups: ['mamba_n_groups', 'n_groups'],
  convolutionTaps: ['linear_conv_kernel_dim', 'mamba_d_conv', 'conv_kernel', 'conv_L_cache'],
  convolutionChannels: ['intermediate_size', 'mamba_d_ssm', 'hidden_size'],
  intermediateSize: ['intermediate_size', 'ffn_dim', 'n_inner', 'ffn_hidden_size'],
  experts: ['num_local_experts', 'num_experts', 'n_routed_experts', 'moe_num_experts'],
  expertsPerToken: [
    'num_experts_per_tok',
    'num_experts_per_token',
    'experts_per_token',
    'moe_top_k',
    'moe_topk',
    'moe_k',
    'top_k_experts',
  ],
  expertIntermediateSize: ['moe_intermediate_size', 'expert_intermediate_size', 'intermediate_size'],
  sharedIntermediateSize: ['shared_expert_intermediate_size', 'moe_shared_expert_intermediate_size'],
  rotaryDim: ['rotary_dim', 'partial_rotary_factor', 'rotary_pct', 'qk_rope_head_dim', 'head_dim'],
  rotaryPositions: ['max_position_embeddings', 'model_max_length'],
  rotaryFactor: ['rope_scaling.factor', 'rope_parameters.factor'],
  sharesKvWithLayer: ['num_kv_shared_layers'],
};

/** A section of a config: its path and its keys. */
export interface ConfigSection {
  readonly path: string;
  keys(): readonly string[];
}

/** Returns key names in the spelling of the section; the first known spelling if the section has none. */
export function configKeys(section: ConfigSection): KeyOf {
  return (size) => {
    const stated = new Set(section.keys());
    const names = configNames[size];
    const name = names.find((candidate) => stated.has(candidate)) ?? names[0] ?? size;
    return section.path === '' ? name : `${section.path}.${name}`;
  };
}
