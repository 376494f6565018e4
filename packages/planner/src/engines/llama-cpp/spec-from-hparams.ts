/**
 * Makes a ModelSpec from the hyper-parameters that a log prints. They lack biases, norms and tied embeddings, which belong to
 * the architecture. The hyper-parameters therefore become a config of the family, which the config reader reads.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { modelSpecFromConfig } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { blockSpec, isBlockArchitecture } from './block-spec.ts';
import type { LlamaCppRecord, LogHparams } from './log-record.ts';

type Config = Record<string, unknown>;
type HparamsRecord = Pick<LlamaCppRecord, 'arch' | 'model' | 'hparams' | 'extra' | 'build'>;

export function specFromHparams(record: HparamsRecord): ModelSpec {
  const { arch, hparams } = record;
  if (arch === null || hparams.n_layer === null || hparams.n_embd === null || hparams.n_vocab === null) {
    throw new PlimsollError({
      code: 'hparams-incomplete',
      message: 'the record states neither a known model nor its architecture, layers, width and vocabulary',
      value: record.model,
      limit: 'arch, n_layer, n_embd, n_vocab',
      hint: 'name the model as the registry does',
    });
  }
  if (isBlockArchitecture(arch)) return blockSpec(record);
  const config = { ...commonConfig(hparams), ...familyConfig(record, arch) };
  const spec = modelSpecFromConfig(config, { id: record.model });
  return { ...spec, tiedEmbeddings: spec.tiedEmbeddings };
}

function commonConfig(hparams: LogHparams): Config {
  return {
    hidden_size: hparams.n_embd,
    num_hidden_layers: hparams.n_layer,
    num_attention_heads: first(hparams.n_head),
    num_key_value_heads: first(hparams.n_head_kv),
    head_dim: hparams.n_embd_head_k,
    intermediate_size: first(hparams.n_ff),
    vocab_size: hparams.n_vocab,
    max_position_embeddings: 131072,
  };
}

function first(value: number | readonly number[] | null): number | null {
  return typeof value === 'number' || value === null ? value : (value.find((item) => item > 0) ?? 0);
}

function familyConfig(record: HparamsRecord, arch: string): Config {
  const { hparams } = record;
  const build = configs[arch];
  if (build !== undefined) return build(record);
  // Many architectures have the name of their model type; the reader refuses unknown names.
  return { model_type: arch, tie_word_embeddings: false, ...expertKeys(hparams, record) };
}

/** Config keys that families with experts share. */
function expertKeys(hparams: LogHparams, record: HparamsRecord): Config {
  if ((hparams.n_expert ?? 0) === 0) return {};
  return {
    num_experts: hparams.n_expert,
    num_local_experts: hparams.n_expert,
    n_routed_experts: hparams.n_expert,
    num_experts_per_tok: hparams.n_expert_used,
    moe_intermediate_size: extra(record, 'n_ff_exp') ?? first(hparams.n_ff),
  };
}

function extra(record: HparamsRecord, key: string): number | null {
  return first(record.extra[key] ?? null);
}

const configs: Readonly<Record<string, (record: HparamsRecord) => Config>> = {
  llama: (record) =>
    (record.hparams.n_expert ?? 0) > 0
      ? { model_type: 'mixtral', ...expertKeys(record.hparams, record) }
      : // Llama 3.2 of 1 and 3 billion parameters are the tied ones of their vocabulary.
        {
          model_type: 'llama',
          tie_word_embeddings: record.hparams.n_vocab === 128256 && width(record) <= 3072,
        },
  qwen2: (record) => ({
    model_type: 'qwen2',
    tie_word_embeddings: width(record) <= 2048 && !isDistilled(record),
  }),
  qwen3: (record) => ({ model_type: 'qwen3', tie_word_embeddings: width(record) <= 2560 }),
  qwen2moe: (record) => ({
    model_type: 'qwen2_moe',
    ...expertKeys(record.hparams, record),
    shared_expert_intermediate_size: extra(record, 'n_ff_shexp') ?? 0,
  }),
  qwen3moe: (record) => ({ model_type: 'qwen3_moe', ...expertKeys(record.hparams, record) }),
  qwen3vl: (record) => ({ model_type: 'qwen3', tie_word_embeddings: width(record) <= 2560 }),
  // The log prints the width of the stacked vision inputs, a multiple of the model's own width.
  qwen3vlmoe: (record) => ({
    model_type: 'qwen3_moe',
    ...expertKeys(record.hparams, record),
    hidden_size: width(record) / (width(record) % 4 === 0 ? deepstackWidth(record) : 1),
  }),
  gemma: () => ({ model_type: 'gemma', tie_word_embeddings: true }),
  gemma2: (record) => ({
    model_type: 'gemma2',
    tie_word_embeddings: true,
    sliding_window: record.hparams.n_swa ?? 4096,
  }),
  gemma3: (record) => ({
    model_type: 'gemma3_text',
    tie_word_embeddings: true,
    sliding_window: record.hparams.n_swa ?? 1024,
    sliding_window_pattern: 6,
  }),
  phi3: () => ({ model_type: 'phi3' }),
  granite: () => ({ model_type: 'granite', tie_word_embeddings: true }),
  glm4: () => ({ model_type: 'glm4', attention_bias: false }),
  glm4moe: (record) => glmExperts(record),
  'gpt-oss': (record) => ({
    model_type: 'gpt_oss',
    ...expertKeys(record.hparams, record),
    intermediate_size: extra(record, 'n_ff_exp') ?? first(record.hparams.n_ff),
    sliding_window: record.hparams.n_swa ?? 128,
  }),
  deepseek2: (record) => deepseek(record),
  qwen35: (record) => deltaNetConfig(record),
  qwen3next: (record) => ({ ...deltaNetConfig(record), model_type: 'qwen3_next' }),
  'command-r': () => ({ model_type: 'cohere', tie_word_embeddings: true }),
  cohere2: (record) => ({
    model_type: 'cohere2',
    tie_word_embeddings: true,
    sliding_window: record.hparams.n_swa,
  }),
  olmoe: (record) => ({ model_type: 'olmoe', ...expertKeys(record.hparams, record) }),
};

function width(record: HparamsRecord): number {
  return record.hparams.n_embd ?? 0;
}

/** Distilled models have an untied head, unlike the base models of their size. */
function isDistilled(record: HparamsRecord): boolean {
  return /distill/i.test(record.model);
}

/** DeepStack adds vision inputs for three layers to the embedding: four widths in total. */
function deepstackWidth(record: HparamsRecord): number {
  return record.hparams.n_embd !== null && record.hparams.n_embd >= 8192 ? 4 : 1;
}

function glmExperts(record: HparamsRecord): Config {
  const { hparams } = record;
  const layers = hparams.n_layer ?? 0;
  const large = width(record) > 4096;
  return {
    model_type: 'glm4_moe',
    ...expertKeys(hparams, record),
    // The last block is the prediction layer; the first one (Air) or three are dense.
    num_hidden_layers: layers - 1,
    num_nextn_predict_layers: 1,
    first_k_dense_replace: extra(record, 'n_layer_dense_lead') ?? (large ? 3 : 1),
    moe_intermediate_size: extra(record, 'n_ff_exp') ?? (large ? 1536 : 1408),
    n_shared_experts: extra(record, 'n_expert_shared') ?? 1,
    attention_bias: true,
    use_qk_norm: large,
    partial_rotary_factor: 0.5,
  };
}

function deepseek(record: HparamsRecord): Config {
  const { hparams } = record;
  const rope = extra(record, 'n_rot') ?? 64;
  const latent = extra(record, 'n_lora_kv') ?? 512;
  const keyDim = hparams.n_embd_head_k ?? 192;
  const isLatentHead = first(hparams.n_head_kv) === 1;
  const queryRank = extra(record, 'n_lora_q');
  return {
    model_type: 'deepseek_v3',
    ...expertKeys(hparams, record),
    num_key_value_heads: first(hparams.n_head),
    q_lora_rank: queryRank === 0 ? null : queryRank,
    kv_lora_rank: latent,
    qk_rope_head_dim: rope,
    // Builds with a latent cache print the size of the latent as the head size.
    qk_nope_head_dim: isLatentHead ? (extra(record, 'n_embd_head_k_mla') ?? 192) - rope : keyDim - rope,
    v_head_dim: isLatentHead ? (extra(record, 'n_embd_head_v_mla') ?? 128) : (hparams.n_embd_head_v ?? 128),
    n_shared_experts: extra(record, 'n_expert_shared') ?? 1,
    first_k_dense_replace: extra(record, 'n_layer_dense_lead') ?? 3,
    topk_method: 'noaux_tc',
  };
}

function deltaNetConfig(record: HparamsRecord): Config {
  const state = extra(record, 'ssm_d_state') ?? 128;
  const inner = extra(record, 'ssm_d_inner') ?? 0;
  const valueHeads = extra(record, 'ssm_dt_rank') ?? 0;
  return {
    model_type: 'qwen3_5_text',
    ...expertKeys(record.hparams, record),
    linear_conv_kernel_dim: extra(record, 'ssm_d_conv') ?? 4,
    linear_key_head_dim: state,
    linear_value_head_dim: valueHeads === 0 ? state : inner / valueHeads,
    linear_num_key_heads: extra(record, 'ssm_n_group') ?? 16,
    linear_num_value_heads: valueHeads,
    full_attention_interval: 4,
    tie_word_embeddings: width(record) <= 2560,
  };
}
