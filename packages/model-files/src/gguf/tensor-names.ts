/**
 * Maps the name of a GGUF tensor to its role: `blk.<layer>.<stem>.<suffix>` inside layers, `<stem>.<suffix>` outside.
 * The stems are those of llama.cpp (LLM_TENSOR_NAMES in src/llama-arch.cpp). Biases and quantisation scales (`.bias`,
 * `.scale`, `.input_scale`) have the role of their matrix.
 */
import type { TensorRole } from '../model-spec.ts';

export interface TensorPlace {
  /** Null for tensors outside layers. */
  readonly layer: number | null;
  /** The name without `blk.<layer>.`. */
  readonly name: string;
  /** The name without layer and suffix. */
  readonly stem: string;
}

const suffixes = /\.(weight|bias|scale|input_scale)$/;

export function placeOfTensor(fullName: string): TensorPlace {
  // A layer number has one spelling: `blk.01` would be a second tensor with the same place.
  const block = /^blk\.(0|[1-9]\d{0,4})\.(.+)$/.exec(fullName);
  const name = block?.[2] ?? fullName;
  return { layer: block === null ? null : Number(block[1]), name, stem: name.replace(suffixes, '') };
}

/** How a layer mixes tokens; its projections have other names in each kind. */
export type LayerMixer = 'attention' | 'linear' | 'ssm';

const modelRoles: Readonly<Record<string, TensorRole>> = {
  token_embd: 'token-embedding',
  per_layer_token_embd: 'token-embedding',
  position_embd: 'position-embedding',
  token_types: 'position-embedding',
  token_embd_norm: 'norm',
  output_norm: 'norm',
  per_layer_proj_norm: 'norm',
  output: 'lm-head',
  per_layer_model_proj: 'layer-input',
  altup_proj: 'other',
  altup_unembd_proj: 'other',
  rope_freqs: 'other',
  rope_factors_long: 'other',
  rope_factors_short: 'other',
  output_hc_fn: 'other',
  output_hc_base: 'other',
  output_hc_scale: 'other',
  cls: 'other',
  'cls.output': 'other',
  'cls.norm': 'norm',
};

const layerRoles: Readonly<Record<string, TensorRole>> = {
  attn_norm: 'norm',
  attn_norm_2: 'norm',
  attn_q_norm: 'norm',
  attn_k_norm: 'norm',
  attn_q_a_norm: 'norm',
  attn_kv_a_norm: 'norm',
  attn_sub_norm: 'norm',
  attn_output_norm: 'norm',
  post_attention_norm: 'norm',
  ffn_norm: 'norm',
  ffn_norm_exps: 'norm',
  ffn_sub_norm: 'norm',
  post_ffw_norm: 'norm',
  post_ffw_norm_1: 'norm',
  post_ffw_norm_2: 'norm',
  pre_ffw_norm_2: 'norm',
  layer_output_norm: 'norm',
  post_norm: 'norm',
  laurel_post_norm: 'norm',
  altup_router_norm: 'norm',
  ssm_norm: 'norm',
  ssm_dt_norm: 'norm',
  ssm_b_norm: 'norm',
  ssm_c_norm: 'norm',
  attn_q: 'attention-q',
  attn_gate: 'attention-q',
  attn_k: 'attention-k',
  attn_v: 'attention-v',
  attn_qkv: 'attention-qkv',
  attn_output: 'attention-output',
  attn_output_a: 'mla-kv-up', // tensor parallelism splits it by heads, like the key and value parts
  attn_output_b: 'attention-output',
  attn_sinks: 'attention-sink',
  attn_q_a: 'mla-q-down',
  attn_q_b: 'mla-q-up',
  attn_kv: 'mla-kv-down',
  attn_kv_a_mqa: 'mla-kv-down',
  attn_kv_b: 'mla-kv-up',
  attn_k_b: 'mla-kv-up',
  attn_v_b: 'mla-kv-up',
  attn_compressor_kv: 'compressor',
  attn_compressor_gate: 'compressor',
  attn_compressor_ape: 'other',
  attn_compressor_norm: 'norm',
  'indexer.k_norm': 'norm',
  'indexer.q_norm': 'norm',
  'indexer.q_proj': 'indexer',
  'indexer.k_proj': 'indexer',
  'indexer.proj': 'indexer',
  'indexer.attn_k': 'indexer',
  'indexer.attn_q_b': 'indexer',
  indexer_compressor_kv: 'compressor',
  indexer_compressor_gate: 'compressor',
  indexer_compressor_ape: 'other',
  indexer_compressor_norm: 'norm',
  ffn_gate: 'mlp-gate',
  ffn_up: 'mlp-up',
  ffn_down: 'mlp-down',
  ffn_gate_inp: 'router',
  ffn_gate_inp_shexp: 'router',
  ffn_gate_tid2eid: 'router',
  exp_probs_b: 'router',
  ffn_gate_exps: 'expert-gate',
  ffn_up_exps: 'expert-up',
  ffn_gate_up_exps: 'expert-gate-up',
  ffn_down_exps: 'expert-down',
  ffn_gate_chexps: 'expert-gate',
  ffn_up_chexps: 'expert-up',
  ffn_down_chexps: 'expert-down',
  ffn_gate_shexp: 'shared-expert-gate',
  ffn_up_shexp: 'shared-expert-up',
  ffn_down_shexp: 'shared-expert-down',
  ffn_latent_down: 'other',
  ffn_latent_up: 'other',
  ssm_in: 'ssm-in',
  ssm_x: 'ssm-in',
  ssm_conv1d: 'ssm-conv',
  ssm_a: 'ssm-state',
  ssm_d: 'ssm-state',
  ssm_dt: 'ssm-state',
  ssm_out: 'ssm-output',
  ssm_ba: 'linear-in',
  ssm_alpha: 'linear-in',
  ssm_beta: 'linear-in',
  ssm_f_a: 'linear-in',
  ssm_f_b: 'linear-in',
  ssm_g_a: 'linear-in',
  ssm_g_b: 'linear-in',
  ssm_conv1d_q: 'linear-conv',
  ssm_conv1d_k: 'linear-conv',
  ssm_conv1d_v: 'linear-conv',
  'shortconv.in_proj': 'ssm-in',
  'shortconv.conv': 'ssm-conv',
  'shortconv.out_proj': 'ssm-output',
  'nextn.enorm': 'norm',
  'nextn.hnorm': 'norm',
  'nextn.shared_head_norm': 'norm',
  'nextn.eh_proj': 'other',
  'nextn.embed_tokens': 'token-embedding',
  'nextn.shared_head_head': 'lm-head',
  'ffn.act': 'other',
  attn_rot_embd: 'other',
  rope_freqs: 'other',
  layer_output_scale: 'other',
  inp_gate: 'layer-input',
  proj: 'layer-input',
  altup_correct_coef: 'other',
  altup_correct_scale: 'other',
  altup_predict_coef: 'other',
  altup_router: 'other',
  laurel_l: 'other',
  laurel_r: 'other',
  hc_attn_fn: 'other',
  hc_attn_base: 'other',
  hc_attn_scale: 'other',
  hc_ffn_fn: 'other',
  hc_ffn_base: 'other',
  hc_ffn_scale: 'other',
};

/** In linear-attention layers the same names have other roles. */
const linearRoles: Readonly<Record<string, TensorRole>> = {
  attn_q: 'linear-in',
  attn_k: 'linear-in',
  attn_v: 'linear-in',
  attn_qkv: 'linear-in',
  attn_gate: 'linear-in',
  attn_output: 'linear-output',
  ssm_in: 'linear-in',
  ssm_conv1d: 'linear-conv',
  ssm_a: 'linear-state',
  ssm_dt: 'linear-state',
  ssm_out: 'linear-output',
};

/** Early Mixtral conversions have one tensor per expert: `ffn_gate.7`. */
const singleExpertRoles: Readonly<Record<string, TensorRole>> = {
  ffn_gate: 'expert-gate',
  ffn_up: 'expert-up',
  ffn_down: 'expert-down',
};

/** Returns the role of a tensor outside layers; undefined for an unknown name. */
export function modelTensorRole({ name, stem }: TensorPlace): TensorRole | undefined {
  if (name.startsWith('v.')) return 'vision';
  if (name.startsWith('mm.') || name.startsWith('resampler.')) return 'projector';
  return Object.hasOwn(modelRoles, stem) ? modelRoles[stem] : undefined;
}

export interface LayerContext {
  readonly mixer: LayerMixer;
  /** True if a matrix computes the step (Mamba 1); later versions add a bias to rows of the input projection. */
  readonly hasStepMatrix: boolean;
}

/** Returns the role of a tensor inside a layer; undefined for an unknown name. */
export function layerTensorRole({ stem }: TensorPlace, context: LayerContext): TensorRole | undefined {
  if (context.mixer === 'linear' && Object.hasOwn(linearRoles, stem)) return linearRoles[stem];
  if (stem === 'ssm_dt' && context.hasStepMatrix) return 'ssm-in';
  if (Object.hasOwn(layerRoles, stem)) return layerRoles[stem];
  const single = /^(ffn_gate|ffn_up|ffn_down)\.\d+$/.exec(stem)?.[1] ?? '';
  return Object.hasOwn(singleExpertRoles, single) ? singleExpertRoles[single] : undefined;
}
