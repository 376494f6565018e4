/**
 * DeepSeek V4: one shared key-value latent per token in a short window; older tokens are in compressed entries, one per
 * 4 tokens (with an indexer that selects entries) or one per 128. The residual is several streams, mixed around every
 * part. Names are those of the published files, which are DeepSeek's own and not those of transformers.
 */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { modelTensors, type TextModel } from '../decoder.ts';
import { readHiddenSize, readLayerCount, readVocabSize } from '../dimensions.ts';
import { type AttentionPart, layerOf, layersOf, type MlpPart } from '../layers.ts';
import { expertMlp, mixtralNames } from '../mlp.ts';
import { readWindow } from '../spans.ts';
import { linear, norm, tensor } from '../tensors.ts';
import { readPredictionCount, repeated } from './deepseek.ts';
import type { FamilyTable } from './family.ts';

function readDeepseekV4(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const vocabSize = readVocabSize(config);
  const layerCount = readLayerCount(config);
  const ratios = config.integers('compress_ratios') ?? [];
  if (ratios.length < layerCount) {
    throw config.refuse('compress_ratios', ratios, `a list of at least ${layerCount}`);
  }
  const streams = config.integer('hc_mult', { fallback: 4, maximum: 64 });
  const hashed = config.integer('num_hash_layers', { fallback: 0, minimum: 0 });
  config.ignore(
    'attention_bias',
    'num_key_value_heads',
    'hc_eps',
    'hc_sinkhorn_iters',
    'topk_method',
    'intermediate_size',
  );
  const build = (variant: { readonly ratio: number; readonly hashed: boolean }): LayerSpec =>
    layerOf(
      compressedAttention(config, hiddenSize, variant.ratio),
      v4Experts(config, hiddenSize, variant.hashed),
      [
        ...norm('attn_norm', hiddenSize),
        ...norm('ffn_norm', hiddenSize),
        ...streamMix('hc_attn', hiddenSize, streams),
        ...streamMix('hc_ffn', hiddenSize, streams),
      ],
    );
  const predictionRatio = ratios[layerCount] ?? 0;
  return {
    hiddenSize,
    vocabSize,
    tiedEmbeddings: config.boolean('tie_word_embeddings', false),
    layers: layersOf(layerCount, (layer) => ({ ratio: ratios[layer] ?? 0, hashed: layer < hashed }), build),
    tensors: [
      ...modelTensors({
        hiddenSize,
        vocabSize,
        tied: config.boolean('tie_word_embeddings', false),
        names: { embedding: 'embed', finalNorm: 'norm', head: 'head' },
      }),
      tensor('hc_head_fn', 'other', streams, streams * hiddenSize),
      tensor('hc_head_base', 'other', streams),
      tensor('hc_head_scale', 'other', 1),
    ],
    predictionLayers: repeated(readPredictionCount(config), () => {
      const layer = build({ ratio: predictionRatio, hashed: false });
      const join = { out: hiddenSize, in: hiddenSize };
      return {
        ...layer,
        tensors: [
          ...layer.tensors,
          ...linear('e_proj', 'other', join),
          ...linear('h_proj', 'other', join),
          ...['enorm', 'hnorm', 'norm'].flatMap((name) => norm(name, hiddenSize)),
        ],
      };
    }),
  };
}

/**
 * Lists the tensors that mix the streams before and after a part: pre and post weights per stream, and a matrix between
 * streams.
 */
function streamMix(name: string, hiddenSize: number, streams: number): TensorSpec[] {
  const mixes = (2 + streams) * streams;
  return [
    tensor(`${name}_fn`, 'other', mixes, streams * hiddenSize),
    tensor(`${name}_base`, 'other', mixes),
    tensor(`${name}_scale`, 'other', 3),
  ];
}

function compressedAttention(config: ConfigReader, hiddenSize: number, ratio: number): AttentionPart {
  const queryHeads = config.integer('num_attention_heads');
  const latentDim = config.integer('head_dim');
  const ropeHeadDim = config.integer('qk_rope_head_dim');
  const qLoraRank = config.integer('q_lora_rank');
  const groups = config.integer('o_groups', { fallback: 1 });
  const outputWidth = groups * config.integer('o_lora_rank');
  const window = readWindow(config);
  // Compression by 4 leaves many entries, and an indexer chooses among them. Compression by 128 leaves few.
  const isIndexed = ratio === 4;
  const indexer = {
    heads: config.integer('index_n_heads'),
    headDim: config.integer('index_head_dim'),
    topK: config.integer('index_topk'),
  };
  const kind = { kind: 'compressed', queryHeads, latentDim, ropeHeadDim, window, ratio } as const;
  return {
    attention: isIndexed ? { ...kind, indexer } : kind,
    tensors: [
      ...linear('attn.wq_a', 'mla-q-down', { out: qLoraRank, in: hiddenSize }),
      ...norm('attn.q_norm', qLoraRank),
      ...linear('attn.wq_b', 'mla-q-up', { out: queryHeads * latentDim, in: qLoraRank }),
      ...linear('attn.wkv', 'mla-kv-down', { out: latentDim, in: hiddenSize }),
      ...norm('attn.kv_norm', latentDim),
      // Heads are in groups; each group has its own low-rank output.
      ...linear('attn.wo_a', 'mla-kv-up', {
        out: outputWidth,
        in: Math.floor((queryHeads * latentDim) / groups),
      }),
      ...linear('attn.wo_b', 'attention-output', { out: hiddenSize, in: outputWidth }),
      tensor('attn.attn_sink', 'attention-sink', queryHeads),
      ...(ratio > 0 ? compressor('attn.compressor', { hiddenSize, width: latentDim, ratio }) : []),
      ...(isIndexed
        ? [
            ...linear('attn.indexer.wq_b', 'indexer', {
              out: indexer.heads * indexer.headDim,
              in: qLoraRank,
            }),
            ...linear('attn.indexer.weights_proj', 'indexer', { out: indexer.heads, in: hiddenSize }),
            ...compressor('attn.indexer.compressor', { hiddenSize, width: indexer.headDim, ratio }),
          ]
        : []),
    ],
  };
}

interface CompressorSize {
  readonly hiddenSize: number;
  readonly width: number;
  readonly ratio: number;
}

/**
 * Lists the tensors that pool `ratio` tokens into one; at ratio 4 neighbouring windows overlap, which doubles the
 * width.
 */
function compressor(name: string, { hiddenSize, width, ratio }: CompressorSize): TensorSpec[] {
  const rows = ratio === 4 ? 2 * width : width;
  return [
    ...linear(`${name}.wkv`, 'compressor', { out: rows, in: hiddenSize }),
    ...linear(`${name}.wgate`, 'compressor', { out: rows, in: hiddenSize }),
    tensor(`${name}.ape`, 'other', ratio, rows),
    ...norm(`${name}.norm`, width),
  ];
}

/** The first layers route by a fixed table from token id to experts, the other layers by scores with a correction. */
function v4Experts(config: ConfigReader, hiddenSize: number, isHashed: boolean): MlpPart {
  const width = config.integer('moe_intermediate_size');
  const expertsPerToken = config.integer('num_experts_per_tok');
  const part = expertMlp({
    hiddenSize,
    experts: config.integer('n_routed_experts'),
    expertsPerToken,
    expertIntermediateSize: width,
    sharedIntermediateSize: width * config.integer('n_shared_experts', { fallback: 0, minimum: 0 }),
    module: 'ffn',
    names: mixtralNames,
    sharedNames: mixtralNames,
    ...(!isHashed && { scoreCorrection: 'gate.bias' }),
  });
  if (!isHashed) return part;
  const table = tensor('ffn.gate.tid2eid', 'router', readVocabSize(config), expertsPerToken);
  return { ...part, tensors: [...part.tensors, table] };
}

const deepseekV4 = { read: readDeepseekV4 };

export const deepseekV4Families: FamilyTable = { deepseek_v4: deepseekV4, deepseek_ref: deepseekV4 };
