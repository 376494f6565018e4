/**
 * Nemotron-NAS (Puzzle): Llama layers; a search removed attention or narrowed the feed-forward in each layer
 * separately.
 */
import type { LayerSpec } from '../../model-spec.ts';
import { fullSpan } from '../attention.ts';
import type { ConfigReader } from '../config-reader.ts';
import { decoderAttention, type TextModel } from '../decoder.ts';
import { readHiddenSize, readLayerCount } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf, noAttention, noMlp } from '../layers.ts';
import { denseMlp } from '../mlp.ts';
import { norm } from '../tensors.ts';
import type { FamilyTable } from './family.ts';

interface NasVariant {
  readonly [key: string]: number | string | null;
  /** Key and value heads; null = the layer has no attention. */
  readonly kvHeads: number | null;
  /** Width of the feed-forward; null = the layer has no feed-forward. */
  readonly width: number | null;
}

function readNemotronNas(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const queryHeads = config.integer('num_attention_heads');
  const blocks = config.sections('block_configs');
  const count = readLayerCount(config);
  if (blocks === null || blocks.length !== count) {
    throw config.refuse('block_configs', blocks ?? undefined, `a list of ${count}, one entry per layer`);
  }
  const bias = config.boolean('attention_bias', false);
  const mlpBias = config.boolean('mlp_bias', false);
  config.ignore('intermediate_size', 'num_key_value_heads');
  const headDim = config.integer('head_dim', { fallback: Math.max(1, Math.floor(hiddenSize / queryHeads)) });
  const variants = blocks.map((entry) => nasVariant(entry, { hiddenSize, queryHeads }));
  const build = ({ kvHeads, width }: NasVariant): LayerSpec => {
    const size = { hiddenSize, queryHeads, headDim, kvHeads: kvHeads ?? 1, layerCount: count, vocabSize: 1 };
    return layerOf(
      kvHeads === null ? noAttention : decoderAttention(size, fullSpan, { qkvBias: bias, outputBias: bias }),
      width === null ? noMlp : denseMlp({ hiddenSize, intermediateSize: width, bias: mlpBias }),
      [
        ...(kvHeads === null ? [] : norm('input_layernorm', hiddenSize)),
        ...(width === null ? [] : norm('post_attention_layernorm', hiddenSize)),
      ],
    );
  };
  return readHybrid(config, {
    variantOf: (layer) => variants[layer] ?? { kvHeads: null, width: null },
    build,
  });
}

function nasVariant(
  entry: ConfigReader,
  size: { readonly hiddenSize: number; readonly queryHeads: number },
): NasVariant {
  const attention = entry.section('attention');
  const feedForward = entry.section('ffn');
  for (const part of [attention, feedForward]) {
    if (part?.boolean('replace_with_linear', false)) throw part.refuse('replace_with_linear', true, 'false');
  }
  const group = attention?.optionalInteger('n_heads_in_group') ?? null;
  const hasAttention = attention !== null && !attention.boolean('no_op', false) && group !== null;
  const hasMlp = feedForward !== null && !feedForward.boolean('no_op', false);
  return {
    kvHeads: hasAttention ? Math.max(1, Math.floor(size.queryHeads / group)) : null,
    width: hasMlp ? nasWidth(feedForward, size.hiddenSize) : null,
  };
}

/**
 * Computes the width: two thirds of the multiple of the hidden size, rounded up to 256 (modeling_decilm.py of these
 * models).
 */
function nasWidth(feedForward: ConfigReader, hiddenSize: number): number {
  const stated = feedForward.optionalInteger('intermediate_size');
  if (stated !== null) return stated;
  const multiple = feedForward.number('ffn_mult', 0);
  if (multiple <= 0 || multiple > 100)
    throw feedForward.refuse('ffn_mult', multiple, 'a number above 0, at most 100');
  return Math.max(1, Math.ceil(Math.floor((2 * multiple * hiddenSize) / 3) / 256)) * 256;
}

const nemotronNas = { read: readNemotronNas };

export const nemotronNasFamilies: FamilyTable = { 'nemotron-nas': nemotronNas, nemotron_nas: nemotronNas };
