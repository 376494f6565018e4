/**
 * The names of a checkpoint's tensors in a GGUF file (gguf-py/gguf/tensor_mapping.py, convert_hf_to_gguf.py of
 * https://github.com/ggml-org/llama.cpp). They affect bytes: llama.cpp chooses quantisation types by name, and sorts a
 * file by layer and name, which determines the size of a memory-mapped buffer.
 */
import type { LayerSpec, ModelSpec, TensorRole, TensorSpec } from '@plimsoll/model-files/spec';

/** A tensor of a GGUF file. `layer` is null for tensors outside layers. Shapes are row-major: [.., out, in]. */
export interface GgufTensor {
  readonly name: string;
  readonly layer: number | null;
  readonly shape: readonly number[];
  readonly role: TensorRole;
  /**
   * The tensor of the spec from which this one is made. A fused tensor gives two tensors, and so may an attention
   * latent.
   */
  readonly from: TensorSpec;
}

/** Names that changed between builds of llama.cpp. */
export interface NamingOptions {
  /** True for files whose latent attention is stored as two absorbed matrices (llama.cpp PR 12801, April 2025). */
  readonly absorbedMla: boolean;
  /** True if the file has the prediction layers, as additional blocks after the last layer. */
  readonly predictionLayers: boolean;
}

const stemOfRole: Readonly<Partial<Record<TensorRole, string>>> = {
  'attention-q': 'attn_q',
  'attention-k': 'attn_k',
  'attention-v': 'attn_v',
  'attention-qkv': 'attn_qkv',
  'attention-output': 'attn_output',
  'attention-sink': 'attn_sinks',
  'mla-q-down': 'attn_q_a',
  'mla-q-up': 'attn_q_b',
  'mla-kv-down': 'attn_kv_a_mqa',
  'mla-kv-up': 'attn_kv_b',
  'linear-conv': 'ssm_conv1d',
  'linear-output': 'ssm_out',
  'ssm-in': 'ssm_in',
  'ssm-conv': 'ssm_conv1d',
  'ssm-output': 'ssm_out',
  'mlp-gate': 'ffn_gate',
  'mlp-up': 'ffn_up',
  'mlp-gate-up': 'ffn_up',
  'mlp-down': 'ffn_down',
  'expert-gate': 'ffn_gate_exps',
  'expert-up': 'ffn_up_exps',
  'expert-down': 'ffn_down_exps',
  'shared-expert-gate': 'ffn_gate_shexp',
  'shared-expert-up': 'ffn_up_shexp',
  'shared-expert-down': 'ffn_down_shexp',
};

/** Matches names that are GGUF names already, because the spec comes from a GGUF file. */
const ggufStem =
  /^(attn_|ffn_|ssm_|post_(attention|ffw)_norm|shortconv\.|indexer[._]|nextn\.|layer_output|exp_probs)/;

/** Stems of DeepSeek V4 by checkpoint name. They come before the rules of other families, whose names differ. */
const compressedStems: readonly (readonly [RegExp, string])[] = [
  [/^attn\.q_norm/, 'attn_q_a_norm'],
  [/^attn\.kv_norm/, 'attn_kv_a_norm'],
  [/^attn\.wkv/, 'attn_kv'],
  [/^attn\.wo_a/, 'attn_output_a'],
  [/^attn\.wo_b/, 'attn_output_b'],
  [/^attn\.indexer\.compressor\.wkv/, 'indexer_compressor_kv'],
  [/^attn\.indexer\.compressor\.wgate/, 'indexer_compressor_gate'],
  [/^attn\.indexer\.compressor\.ape/, 'indexer_compressor_ape'],
  [/^attn\.indexer\.compressor\.norm/, 'indexer_compressor_norm'],
  [/^attn\.compressor\.wkv/, 'attn_compressor_kv'],
  [/^attn\.compressor\.wgate/, 'attn_compressor_gate'],
  [/^attn\.compressor\.ape/, 'attn_compressor_ape'],
  [/^attn\.compressor\.norm/, 'attn_compressor_norm'],
  [/^ffn\.gate\.bias/, 'exp_probs_b'],
  [/^ffn\.gate\.tid2eid/, 'ffn_gate_tid2eid'],
  [/^(hc_(?:attn|ffn)_(?:fn|base|scale))/, '$1'],
];

/** Stems of layer tensors by their checkpoint name; the first match counts. */
const stemOfName: readonly (readonly [RegExp, string])[] = [
  [/index_([qk])_(proj|norm)/, 'indexer.$1_$2'],
  [/indexer\.wq_b/, 'indexer.attn_q_b'],
  [/indexer\.wk/, 'indexer.attn_k'],
  [/indexer\.k_norm/, 'indexer.k_norm'],
  [/indexer\.weights_proj/, 'indexer.proj'],
  [/\b(q_a_layernorm|q_a_norm)\b/, 'attn_q_a_norm'],
  [/\b(kv_a_layernorm|kv_a_norm)\b/, 'attn_kv_a_norm'],
  [/\b(q_norm|query_layernorm|q_layernorm|query_norm)\b/, 'attn_q_norm'],
  [/\b(k_norm|key_layernorm|k_layernorm|key_norm)\b/, 'attn_k_norm'],
  [/linear_attn\.norm|mixer\.norm|mamba\.norm/, 'ssm_norm'],
  [/\b(pre_feedforward_layernorm|ffn_norm|pre_mlp_layernorm)\b/, 'ffn_norm'],
  [/\b(post_feedforward_layernorm|post_mlp_layernorm)\b/, 'post_ffw_norm'],
  [/\bpost_self_attn_layernorm\b/, 'post_attention_norm'],
  [/\b(input_layernorm|ln_1|operator_norm|attention_norm|self_attn_layer_norm)\b/, 'attn_norm'],
  [/\b(ln_2|final_layer_norm)\b/, 'ffn_norm'],
  [/^norm\.weight/, 'attn_norm'],
  [/\bq_conv1d/, 'ssm_conv1d_q'],
  [/\bk_conv1d/, 'ssm_conv1d_k'],
  [/\bv_conv1d/, 'ssm_conv1d_v'],
  [/in_proj_qkvz/, 'ssm_in'],
  [/in_proj_ba/, 'ssm_ba'],
  [/in_proj_qkv/, 'attn_qkv'],
  [/in_proj_z/, 'attn_gate'],
  [/in_proj_b/, 'ssm_beta'],
  [/in_proj_a/, 'ssm_alpha'],
  [/A_log/, 'ssm_a'],
  [/dt_bias/, 'ssm_dt'],
  [/conv\.in_proj/, 'shortconv.in_proj'],
  [/conv\.out_proj/, 'shortconv.out_proj'],
  [/conv\.conv/, 'shortconv.conv'],
  [/^(model\.)?eh_proj/, 'nextn.eh_proj'],
  [/^enorm/, 'nextn.enorm'],
  [/^hnorm/, 'nextn.hnorm'],
  [/^shared_head\.norm/, 'nextn.shared_head_norm'],
  [/^shared_head\.head/, 'nextn.shared_head_head'],
  [/^embed_tokens/, 'nextn.embed_tokens'],
  [/shared_expert_gate|shared_gate/, 'ffn_gate_inp_shexp'],
  [/score_correction|expert_bias|correction_bias/, 'exp_probs_b'],
];

/** Families whose norm after attention belongs to the attention branch, not to the feed-forward input. */
const postAttentionFamilies =
  /gemma[234]|gemma3n|glm4_?moe(?!_lite)|gpt_oss|gpt-oss|qwen3_next|qwen3next|qwen3_5|qwen35|olmo2|olmo3|exaone4|exaone_moe/;

/** Lists the tensors of a GGUF file of this model, in llama.cpp's file order. */
export function ggufTensors(spec: ModelSpec, options: NamingOptions): readonly GgufTensor[] {
  const tensors: GgufTensor[] = [];
  for (const tensor of spec.tensors) tensors.push(...modelTensor(tensor));
  const layers: readonly LayerSpec[] = options.predictionLayers
    ? [...spec.layers, ...spec.predictionLayers]
    : spec.layers;
  layers.forEach((layer, index) => {
    for (const tensor of layer.tensors)
      tensors.push(...layerTensors(spec, layer, index, { tensor, options }));
  });
  return tensors.sort(fileOrder);
}

/** Compares by layer, with tensors outside layers first, then by name (llama-model-loader.h, weight_name_comparer). */
function fileOrder(left: GgufTensor, right: GgufTensor): number {
  const layers = (left.layer ?? -1) - (right.layer ?? -1);
  if (layers !== 0) return layers;
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}

const modelStems: Readonly<Partial<Record<TensorRole, string>>> = {
  'token-embedding': 'token_embd',
  'position-embedding': 'position_embd',
  'lm-head': 'output',
  norm: 'output_norm',
};

function modelTensor(tensor: TensorSpec): GgufTensor[] {
  const suffix = suffixOf(tensor.name);
  const perLayer = /per_layer/.test(tensor.name);
  if (perLayer) return [named('per_layer_token_embd.weight', null, tensor)];
  if (/^(token_embd|output|position_embd|per_layer|rope_freqs)/.test(tensor.name)) {
    return [named(tensor.name, null, tensor)];
  }
  const streamHead = /^hc_head_(fn|base|scale)/.exec(tensor.name)?.[1];
  if (streamHead !== undefined) return [named(`output_hc_${streamHead}.weight`, null, tensor)];
  const embeddingNorm = tensor.role === 'norm' && /embed/.test(tensor.name);
  const stem = embeddingNorm ? 'token_embd_norm' : modelStems[tensor.role];
  return [named(stem === undefined ? tensor.name : `${stem}.${suffix}`, null, tensor)];
}

const expertHalves = ['expert-gate', 'expert-up'] as const;
const sharedHalves = ['shared-expert-gate', 'shared-expert-up'] as const;

interface LayerTensor {
  readonly tensor: TensorSpec;
  readonly options: NamingOptions;
}

function layerTensors(
  spec: ModelSpec,
  layer: LayerSpec,
  index: number,
  { tensor, options }: LayerTensor,
): GgufTensor[] {
  const block = (name: string, shape?: readonly number[]): GgufTensor =>
    named(`blk.${index}.${name}`, index, tensor, shape);
  if (ggufStem.test(tensor.name)) return [block(tensor.name)];
  const suffix = suffixOf(tensor.name);
  const { attention } = layer;
  if (tensor.role === 'mla-kv-up' && options.absorbedMla && attention.kind === 'mla') {
    const { queryHeads, kvLoraRank, nopeHeadDim, valueHeadDim } = attention;
    return [
      block('attn_k_b.weight', [queryHeads, kvLoraRank, nopeHeadDim]),
      block('attn_v_b.weight', [queryHeads, valueHeadDim, kvLoraRank]),
    ];
  }
  if (tensor.role === 'expert-gate-up' || tensor.role === 'shared-expert-gate-up') {
    const kind = tensor.role === 'expert-gate-up' ? 'exps' : 'shexp';
    const half = halved(tensor.shape, suffix);
    const roles = tensor.role === 'expert-gate-up' ? expertHalves : sharedHalves;
    return [
      { ...block(`ffn_gate_${kind}.${suffix}`, half), role: roles[0] },
      { ...block(`ffn_up_${kind}.${suffix}`, half), role: roles[1] },
    ];
  }
  const stem =
    attention.kind === 'compressed' ? compressedStem(spec.family, tensor) : layerStem(spec.family, tensor);
  // A tensor without a GGUF name keeps its checkpoint name, which is unique in its layer.
  if (stem === null) return [block(tensor.name)];
  const ending = stem === 'ssm_dt' || stem === 'exp_probs_b' ? 'bias' : suffix;
  return [block(`${stem}.${ending}`, isConvolution(tensor) ? squeezed(tensor.shape) : tensor.shape)];
}

function isConvolution({ role }: TensorSpec): boolean {
  return role === 'linear-conv' || role === 'ssm-conv';
}

/** Drops inner axes of size 1: GGUF stores depthwise convolutions as [channels, taps]. */
function squeezed(shape: readonly number[]): readonly number[] {
  return shape.filter((size, axis) => size !== 1 || axis === 0 || axis === shape.length - 1);
}

function compressedStem(family: string, tensor: TensorSpec): string | null {
  return renamedStem(compressedStems, tensor.name) ?? layerStem(family, tensor);
}

/** The stem of the first pattern that matches; `$1` and `$2` are the groups of the pattern. */
function renamedStem(stems: readonly (readonly [RegExp, string])[], name: string): string | null {
  for (const [pattern, stem] of stems) {
    const found = pattern.exec(name);
    if (found !== null) return stem.replaceAll(/\$([12])/g, (_, group: string) => found[Number(group)] ?? '');
  }
  return null;
}

function layerStem(family: string, tensor: TensorSpec): string | null {
  const renamed = renamedStem(stemOfName, tensor.name);
  if (renamed !== null) return renamed;
  if (tensor.role === 'norm' && /post_attention_layernorm|post_attention_norm/.test(tensor.name)) {
    return postAttentionFamilies.test(family) ? 'post_attention_norm' : 'ffn_norm';
  }
  if (tensor.role === 'router') return 'ffn_gate_inp';
  return stemOfRole[tensor.role] ?? null;
}

/** Halves the output axis of a fused pair: the last axis of a bias, the second last of a weight. */
function halved(shape: readonly number[], suffix: string): readonly number[] {
  const axis = suffix === 'bias' ? shape.length - 1 : shape.length - 2;
  return shape.map((size, index) => (index === axis ? size / 2 : size));
}

function suffixOf(name: string): string {
  return /(^|[._])bias$/.test(name) ? 'bias' : 'weight';
}

function named(
  name: string,
  layer: number | null,
  from: TensorSpec,
  shape: readonly number[] = from.shape,
): GgufTensor {
  return { name, layer, shape, role: from.role, from };
}
