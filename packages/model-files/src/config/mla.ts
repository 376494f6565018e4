/**
 * Multi-head latent attention (DeepSeek V2, arXiv:2405.04434): the cache holds one latent per token instead of keys and
 * values. With `index_topk` it is DeepSeek sparse attention, whose indexer scores tokens by a separate small key.
 */
import type { AttentionSpec, TensorSpec } from '../model-spec.ts';
import type { ConfigReader } from './config-reader.ts';
import type { AttentionPart } from './layers.ts';
import { linear, norm } from './tensors.ts';

type MlaSpec = Extract<AttentionSpec, { readonly kind: 'mla' }>;

export interface MlaOptions {
  /** True for a gate on the attention output with the same width (Kimi K3). */
  readonly outputGate?: boolean;
  /** False in a layer that reuses the choice of an earlier layer's indexer. */
  readonly indexer?: boolean;
}

export function readMla(config: ConfigReader, hiddenSize: number, options: MlaOptions = {}): AttentionPart {
  const attention = readMlaSpec(config, options.indexer ?? true);
  const { queryHeads, kvLoraRank, ropeHeadDim, nopeHeadDim, valueHeadDim } = attention;
  const bias = config.boolean('attention_bias', false);
  const kvRows = queryHeads * (nopeHeadDim + valueHeadDim);
  const outputWidth = queryHeads * valueHeadDim;
  const down = { out: kvLoraRank + ropeHeadDim, in: hiddenSize };
  return {
    attention,
    tensors: [
      ...queryTensors(attention, hiddenSize, bias),
      ...linear('self_attn.kv_a_proj_with_mqa', 'mla-kv-down', down, bias),
      ...norm('self_attn.kv_a_layernorm', kvLoraRank),
      ...linear('self_attn.kv_b_proj', 'mla-kv-up', { out: kvRows, in: kvLoraRank }),
      ...(options.outputGate
        ? linear('self_attn.g_proj', 'attention-q', { out: outputWidth, in: hiddenSize })
        : []),
      ...linear('self_attn.o_proj', 'attention-output', { out: hiddenSize, in: outputWidth }, bias),
      ...indexerTensors(attention, hiddenSize),
    ],
  };
}

function readMlaSpec(config: ConfigReader, hasIndexer: boolean): MlaSpec {
  config.ignore('num_key_value_heads', 'head_dim', 'qk_head_dim', 'index_n_heads', 'index_head_dim');
  const topK = hasIndexer ? config.optionalInteger('index_topk') : null;
  return {
    kind: 'mla',
    queryHeads: config.integer('num_attention_heads'),
    kvLoraRank: config.integer('kv_lora_rank'),
    ropeHeadDim: config.integer('qk_rope_head_dim', { minimum: 0 }),
    nopeHeadDim: config.integer('qk_nope_head_dim'),
    valueHeadDim: config.integer('v_head_dim'),
    qLoraRank: config.optionalInteger('q_lora_rank'),
    ...(topK !== null && {
      indexer: { heads: config.integer('index_n_heads'), headDim: config.integer('index_head_dim'), topK },
    }),
  };
}

function queryTensors(attention: MlaSpec, hiddenSize: number, bias: boolean): TensorSpec[] {
  const { queryHeads, ropeHeadDim, nopeHeadDim, qLoraRank } = attention;
  const rows = queryHeads * (nopeHeadDim + ropeHeadDim);
  if (qLoraRank === null) return linear('self_attn.q_proj', 'attention-q', { out: rows, in: hiddenSize });
  return [
    ...linear('self_attn.q_a_proj', 'mla-q-down', { out: qLoraRank, in: hiddenSize }, bias),
    ...norm('self_attn.q_a_layernorm', qLoraRank),
    ...linear('self_attn.q_b_proj', 'mla-q-up', { out: rows, in: qLoraRank }),
  ];
}

/**
 * Lists the indexer's tensors, which every device holds in full. Its queries come from the query latent, so a model
 * without that latent cannot have an indexer.
 */
function indexerTensors(attention: MlaSpec, hiddenSize: number): TensorSpec[] {
  const { indexer, qLoraRank } = attention;
  if (indexer === undefined || qLoraRank === null) return [];
  const { heads, headDim } = indexer;
  return [
    ...linear('self_attn.indexer.wq_b', 'indexer', { out: heads * headDim, in: qLoraRank }),
    ...linear('self_attn.indexer.wk', 'indexer', { out: headDim, in: hiddenSize }),
    ...norm('self_attn.indexer.k_norm', headDim, true),
    ...linear('self_attn.indexer.weights_proj', 'indexer', { out: heads, in: hiddenSize }),
  ];
}
