/** The generation of GPT-2: layer norms with biases, two-matrix feed-forwards, one matrix for q, k and v. */
import type { LayerSpec } from '../../model-spec.ts';
import { fullSpan, groupedQuery } from '../attention.ts';
import { type ConfigReader, configLimits } from '../config-reader.ts';
import { readDecoder } from '../decoder.ts';
import { readDimensions, readHiddenSize, readIntermediateSize } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf } from '../layers.ts';
import { denseMlp } from '../mlp.ts';
import { linear, norm, tensor } from '../tensors.ts';
import type { Family, FamilyTable } from './family.ts';
import { decoderFamily } from './llama-like.ts';

const positionsMax = { maximum: configLimits.contextTokens };

const gpt2Names = { embedding: 'transformer.wte', finalNorm: 'transformer.ln_f' };
const gpt2Attention = { module: 'attn', fused: 'c_attn', output: 'c_proj' };
const fourWide = (config: ConfigReader): number => readIntermediateSize(config, 4 * readHiddenSize(config));

function positionTable(config: ConfigReader, name: string, extraRows = 0) {
  const rows = config.integer(['n_positions', 'max_position_embeddings'], positionsMax) + extraRows;
  return [tensor(`${name}.weight`, 'position-embedding', rows, readHiddenSize(config))];
}

const gpt2 = decoderFamily((config) => ({
  tied: true,
  attention: { fusedQkv: true, qkvBias: true, outputBias: true, names: gpt2Attention },
  dense: {
    intermediateSize: fourWide(config),
    gated: false,
    bias: true,
    names: { up: 'c_fc', down: 'c_proj' },
  },
  norms: ['ln_1', 'ln_2'],
  normBias: true,
  names: gpt2Names,
  modelTensors: positionTable(config, 'transformer.wpe'),
}));

/** StarCoder 1: GPT-2 with one key and value head for all queries. */
const gptBigcode: Family = {
  read: (config) =>
    gpt2.read(config.withDefaults(config.boolean('multi_query', true) ? { num_key_value_heads: 1 } : {})),
};

const gptj = decoderFamily((config) => ({
  attention: { names: { module: 'attn', output: 'out_proj' } },
  dense: {
    intermediateSize: fourWide(config),
    gated: false,
    bias: true,
    names: { up: 'fc_in', down: 'fc_out' },
  },
  norms: ['ln_1'],
  normBias: true,
  headBias: true,
  names: gpt2Names,
}));

const neoxNames = { module: 'attention', fused: 'query_key_value', output: 'dense' };
const wideNames = { up: 'dense_h_to_4h', down: 'dense_4h_to_h' };

const gptNeox = decoderFamily((config) => {
  const bias = config.boolean('attention_bias', true);
  config.ignore('use_parallel_residual');
  return {
    attention: { fusedQkv: true, qkvBias: bias, outputBias: bias, names: neoxNames },
    dense: { gated: false, bias: true, names: wideNames },
    normBias: true,
    names: { embedding: 'gpt_neox.embed_in', finalNorm: 'gpt_neox.final_layer_norm', head: 'embed_out' },
  };
});

const bloom = decoderFamily((config) => ({
  tied: true,
  attention: {
    fusedQkv: true,
    qkvBias: true,
    outputBias: true,
    names: { ...neoxNames, module: 'self_attention' },
  },
  dense: { intermediateSize: fourWide(config), gated: false, bias: true, names: wideNames },
  normBias: true,
  names: gpt2Names,
  modelTensors: norm('transformer.word_embeddings_layernorm', readHiddenSize(config), true),
}));

/** Falcon: one key and value head in the first models; groups of heads and two norms in the larger models. */
const falcon: Family = {
  read: (given) => {
    const isGrouped = given.boolean('new_decoder_architecture', false);
    const isSingle = given.boolean('multi_query', true);
    const heads = given.integer(['num_attention_heads', 'n_head']);
    const kvHeads = isGrouped
      ? given.integer(['num_kv_heads', 'n_head_kv'], { fallback: heads })
      : isSingle
        ? 1
        : heads;
    given.ignore('num_kv_heads', 'n_head_kv', 'parallel_attn', 'multi_query');
    const config = given.withDefaults({ num_key_value_heads: kvHeads });
    const bias = config.boolean('bias', false);
    const isParallel = isGrouped || config.boolean('parallel_attn', true);
    const norms = config.integer('num_ln_in_parallel_attn', { fallback: isGrouped ? 2 : 1 });
    return readDecoder(config, {
      tied: true,
      attention: {
        fusedQkv: true,
        qkvBias: bias,
        outputBias: bias,
        names: { ...neoxNames, module: 'self_attention' },
      },
      dense: { intermediateSize: fourWide(config), gated: false, bias, names: wideNames },
      norms: isParallel
        ? norms === 2
          ? ['ln_attn', 'ln_mlp']
          : ['input_layernorm']
        : ['input_layernorm', 'post_attention_layernorm'],
      normBias: true,
      names: { ...gpt2Names, embedding: 'transformer.word_embeddings' },
    });
  },
};

const mpt: Family = {
  read: (given) => {
    const attention = given.section('attn_config');
    attention?.ignore(
      'alibi_bias_max',
      'attn_impl',
      'attn_type',
      'attn_uses_sequence_id',
      'prefix_lm',
      'attn_pdrop',
    );
    attention?.ignore('clip_qkv', 'softmax_scale', 'qk_ln', 'rope', 'rope_theta', 'rope_impl');
    const kvHeads = attention?.optionalInteger('kv_n_heads') ?? null;
    const config = kvHeads === null ? given : given.withDefaults({ num_key_value_heads: kvHeads });
    const hiddenSize = readHiddenSize(config);
    const bias = !config.boolean('no_bias', true);
    const usesAlibi = attention?.boolean('alibi', true) ?? true;
    const rows = config.integer('max_seq_len', { ...positionsMax, fallback: 2048 });
    return readDecoder(config, {
      tied: true,
      attention: {
        fusedQkv: true,
        qkvBias: bias,
        outputBias: bias,
        names: { module: 'attn', fused: 'Wqkv', output: 'out_proj' },
      },
      dense: {
        intermediateSize: config.integer('expansion_ratio', { fallback: 4, maximum: 1000 }) * hiddenSize,
        module: 'ffn',
        gated: false,
        bias,
      },
      norms: ['norm_1', 'norm_2'],
      normBias: bias,
      names: { embedding: 'transformer.wte', finalNorm: 'transformer.norm_f' },
      modelTensors: usesAlibi
        ? []
        : [tensor('transformer.wpe.weight', 'position-embedding', rows, hiddenSize)],
    });
  },
};

/** OPT: learned positions with two extra rows, and embeddings that may be narrower than the layers. */
const opt: Family = {
  read: (config) => {
    const size = readDimensions(config);
    const { hiddenSize, vocabSize } = size;
    const width = config.integer('word_embed_proj_dim', { fallback: hiddenSize });
    const bias = config.boolean('enable_bias', true);
    const beforeNorm = config.boolean('do_layer_norm_before', true);
    config.ignore('_remove_final_layer_norm', 'layer_norm_elementwise_affine');
    const layer: LayerSpec = layerOf(
      groupedQuery({ ...size, keyHeadDim: size.headDim, valueHeadDim: size.headDim }, fullSpan, {
        qkvBias: bias,
        outputBias: bias,
        names: { output: 'out_proj' },
      }),
      denseMlp({
        hiddenSize,
        intermediateSize: readIntermediateSize(config),
        module: '',
        gated: false,
        bias,
        names: { up: 'fc1', down: 'fc2' },
      }),
      [...norm('self_attn_layer_norm', hiddenSize, true), ...norm('final_layer_norm', hiddenSize, true)],
    );
    const projection = { out: hiddenSize, in: width };
    const text = readHybrid(config, {
      tied: true,
      variantOf: () => ({}),
      build: () => layer,
      names: { embedding: 'model.decoder.embed_tokens', finalNorm: 'model.decoder.final_layer_norm' },
      finalNorm: beforeNorm,
      normBias: true,
      extraTensors: [
        ...positionTable(config, 'model.decoder.embed_positions', 2),
        ...(width === hiddenSize
          ? []
          : [
              ...linear('model.decoder.project_in', 'other', projection),
              ...linear('model.decoder.project_out', 'other', { out: width, in: hiddenSize }),
            ]),
      ],
    });
    // The embedding, and with it the tied head, has the narrow width.
    const tensors = text.tensors.map((item) =>
      item.role === 'token-embedding' || item.role === 'lm-head'
        ? { ...item, shape: [vocabSize, width] }
        : item,
    );
    return { ...text, tensors };
  },
};

/** ChatGLM 2 and 3: key and value groups have keys of their own. */
const chatglm: Family = {
  read: (given) => {
    const groups = given.boolean('multi_query_attention', false)
      ? given.integer('multi_query_group_num')
      : null;
    const config = given.withDefaults(groups === null ? {} : { num_key_value_heads: groups });
    const bias = config.boolean('add_bias_linear', false);
    const layers = 'transformer.encoder';
    return readDecoder(config, {
      attention: {
        fusedQkv: true,
        qkvBias: bias || config.boolean('add_qkv_bias', false),
        outputBias: bias,
        names: { ...neoxNames, module: 'self_attention' },
      },
      dense: { fused: true, bias, names: { gateUp: wideNames.up, down: wideNames.down } },
      names: {
        embedding: 'transformer.embedding.word_embeddings',
        finalNorm: `${layers}.final_layernorm`,
        head: 'transformer.output_layer',
      },
    });
  },
};

export const gptLikeFamilies: FamilyTable = {
  gpt2,
  gpt_bigcode: gptBigcode,
  gptj,
  gpt_neox: gptNeox,
  bloom,
  falcon,
  mpt,
  opt,
  chatglm,
};
