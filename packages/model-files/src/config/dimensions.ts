/** Reads the sizes of every decoder, under the names from several generations of code. */
import { type ConfigReader, configLimits } from './config-reader.ts';

export interface Dimensions {
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly vocabSize: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

const keys = {
  hidden: ['hidden_size', 'n_embd', 'd_model'],
  layers: ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'],
  heads: ['num_attention_heads', 'n_head', 'n_heads'],
  intermediate: ['intermediate_size', 'ffn_dim', 'n_inner', 'ffn_hidden_size'],
} as const;

export function readHiddenSize(config: ConfigReader): number {
  return config.integer(keys.hidden);
}

export function readLayerCount(config: ConfigReader): number {
  return config.integer(keys.layers, { maximum: configLimits.layers });
}

export function readVocabSize(config: ConfigReader): number {
  return config.integer(['vocab_size', 'padded_vocab_size']);
}

export function readIntermediateSize(config: ConfigReader, fallback?: number): number {
  return config.integer(keys.intermediate, fallback === undefined ? {} : { fallback });
}

/**
 * Reads heads and head dimension. Absent head counts mean multi-head attention, an absent head dimension an equal share
 * of the hidden size.
 */
export function readDimensions(config: ConfigReader): Dimensions {
  const hiddenSize = readHiddenSize(config);
  const queryHeads = config.integer(keys.heads);
  const kvHeads = config.integer('num_key_value_heads', { fallback: queryHeads });
  if (kvHeads > queryHeads) {
    throw config.refuse('num_key_value_heads', kvHeads, `at most the ${queryHeads} attention heads`);
  }
  const stated = config.optionalInteger(['head_dim', 'kv_channels', 'attention_head_dim']);
  if (stated === null && hiddenSize % queryHeads !== 0) {
    throw config.refuse(
      'head_dim',
      undefined,
      `given, because ${queryHeads} heads do not divide ${hiddenSize}`,
    );
  }
  return {
    hiddenSize,
    layerCount: readLayerCount(config),
    vocabSize: readVocabSize(config),
    queryHeads,
    kvHeads,
    headDim: stated ?? hiddenSize / queryHeads,
  };
}
