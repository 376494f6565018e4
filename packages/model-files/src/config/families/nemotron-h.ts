/**
 * Nemotron-H and Nemotron 3: every layer has one part, Mamba 2, attention, a feed-forward or experts. Attention has no
 * positions; the Mamba layers carry the order of tokens.
 */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import { fullSpan, groupedQuery } from '../attention.ts';
import { type ConfigReader, configLimits } from '../config-reader.ts';
import type { TextModel } from '../decoder.ts';
import { readHiddenSize } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { freezeLayer, layerOf, type MlpPart, noAttention, noMlp } from '../layers.ts';
import { mamba2 } from '../mamba.ts';
import { denseMlp, expertMlp } from '../mlp.ts';
import { linear, norm } from '../tensors.ts';
import { readPredictionCount } from './deepseek.ts';
import type { FamilyTable } from './family.ts';

type BlockKind = 'mamba' | 'attention' | 'mlp' | 'moe';

const patternLetters: Readonly<Record<string, BlockKind>> = {
  M: 'mamba',
  '*': 'attention',
  '-': 'mlp',
  E: 'moe',
};

function readNemotronH(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const kinds = readBlockKinds(config);
  config.ignore(
    'num_hidden_layers',
    'expand',
    'sliding_window',
    'mtp_hybrid_override_pattern',
    'use_bias',
    'n_shared_experts',
  );
  config.ignore(
    'mlp_bias',
    'intermediate_size',
    'moe_shared_expert_overlap',
    'moe_latent_size',
    'mamba_ssm_cache_dtype',
  );
  const build = ({ kind }: { readonly kind: BlockKind }): LayerSpec => block(config, hiddenSize, kind);
  return readHybrid(config, {
    layerCount: kinds.length,
    variantOf: (layer) => ({ kind: kinds[layer] ?? 'mlp' }),
    build,
    names: { embedding: 'backbone.embeddings', finalNorm: 'backbone.norm_f' },
    predictionLayers: predictionBlocks(config, hiddenSize),
  });
}

/** Reads the kind of each layer: one letter per layer in older files, one word in newer files. */
function readBlockKinds(config: ConfigReader): readonly BlockKind[] {
  const words = config.texts('layers_block_type');
  if (words !== null) return checkedKinds(config, 'layers_block_type', words);
  const pattern = config.text('hybrid_override_pattern');
  if (pattern === null) throw config.refuse('hybrid_override_pattern', undefined, 'a text of M, *, - and E');
  if (pattern.length > configLimits.layers) {
    throw config.refuse('hybrid_override_pattern', pattern.length, `at most ${configLimits.layers} layers`);
  }
  const kinds = [...pattern].map((letter) => patternLetters[letter] ?? letter);
  return checkedKinds(config, 'hybrid_override_pattern', kinds);
}

function checkedKinds(config: ConfigReader, key: string, words: readonly string[]): readonly BlockKind[] {
  if (words.length === 0 || words.length > configLimits.layers) {
    throw config.refuse(key, words.length, `1 to ${configLimits.layers} layers`);
  }
  return words.map((word) => {
    if (word === 'mamba' || word === 'attention' || word === 'mlp' || word === 'moe') return word;
    throw config.refuse(key, word, 'mamba, attention, mlp or moe for every layer');
  });
}

function block(config: ConfigReader, hiddenSize: number, kind: BlockKind): LayerSpec {
  const rest = norm('norm', hiddenSize);
  if (kind === 'mamba') return layerOf(nemotronMamba(config, hiddenSize), noMlp, rest);
  if (kind === 'attention') return layerOf(nemotronAttention(config, hiddenSize), noMlp, rest);
  if (kind === 'moe') return layerOf(noAttention, nemotronExperts(config, hiddenSize), rest);
  const intermediateSize = config.integerOfLayer('intermediate_size', 0);
  const bias = config.boolean('mlp_bias', false);
  return layerOf(
    noAttention,
    denseMlp({ hiddenSize, intermediateSize, module: 'mixer', gated: false, bias }),
    rest,
  );
}

function nemotronMamba(config: ConfigReader, hiddenSize: number) {
  return mamba2(
    {
      hiddenSize,
      heads: config.integer('mamba_num_heads'),
      headDim: config.integer('mamba_head_dim'),
      stateSize: config.integer('ssm_state_size'),
      groups: config.integer('n_groups'),
      convTaps: config.integer('conv_kernel'),
    },
    {
      module: 'mixer',
      projectionBias: config.boolean('mamba_proj_bias', false),
      convBias: config.boolean('use_conv_bias', true),
    },
  );
}

function nemotronAttention(config: ConfigReader, hiddenSize: number) {
  const queryHeads = config.integer('num_attention_heads');
  const headDim = config.integer(['head_dim', 'attention_head_dim'], { fallback: 128 });
  const kvHeads = config.integer('num_key_value_heads', { fallback: queryHeads });
  const bias = config.boolean('attention_bias', false);
  return groupedQuery(
    { hiddenSize, queryHeads, kvHeads, keyHeadDim: headDim, valueHeadDim: headDim },
    fullSpan,
    {
      qkvBias: bias,
      outputBias: bias,
      names: { module: 'mixer' },
    },
  );
}

/** Routed experts may work in a latent space, with a projection in and a projection out; the shared expert does not. */
function nemotronExperts(config: ConfigReader, hiddenSize: number): MlpPart {
  const latent = config.optionalInteger('moe_latent_size');
  const shared = config.integer('n_shared_experts', { fallback: 1, minimum: 0 });
  const part = expertMlp({
    hiddenSize,
    experts: config.integer('n_routed_experts'),
    expertsPerToken: config.integer('num_experts_per_tok'),
    expertIntermediateSize: config.integer('moe_intermediate_size'),
    sharedIntermediateSize:
      shared === 0 ? 0 : config.integer('moe_shared_expert_intermediate_size', { fallback: 0, minimum: 0 }),
    module: 'mixer',
    gated: false,
    scoreCorrection: 'gate.e_score_correction_bias',
    ...(latent !== null && { expertHiddenSize: latent }),
  });
  if (latent === null) return part;
  return {
    ...part,
    tensors: [
      ...part.tensors,
      ...linear('mixer.fc1_latent_proj', 'other', { out: latent, in: hiddenSize }),
      ...linear('mixer.fc2_latent_proj', 'other', { out: hiddenSize, in: latent }),
    ],
  };
}

/** A prediction module is an attention block and an expert block unless the file lists others. */
function predictionBlocks(config: ConfigReader, hiddenSize: number): readonly LayerSpec[] {
  const count = readPredictionCount(config);
  const words = config.texts('mtp_layers_block_type') ?? ['attention', 'moe'];
  if (count === 0) return [];
  if (words.length * count > configLimits.layers) {
    throw config.refuse(
      'mtp_layers_block_type',
      words.length,
      `at most ${configLimits.layers} in all modules`,
    );
  }
  const blocks = checkedKinds(config, 'mtp_layers_block_type', words).map((kind) =>
    block(config, hiddenSize, kind),
  );
  const [first, ...others] = blocks;
  if (first === undefined) return [];
  const opening = freezeLayer({ ...first, tensors: [...first.tensors, ...joinTensors(hiddenSize)] });
  const module = [opening, ...others.map(freezeLayer)];
  return Array.from({ length: count }, () => module).flat();
}

function joinTensors(hiddenSize: number): TensorSpec[] {
  return [
    ...['enorm', 'hnorm', 'final_layernorm'].flatMap((name) => norm(name, hiddenSize)),
    ...linear('eh_proj', 'other', { out: hiddenSize, in: 2 * hiddenSize }),
  ];
}

export const nemotronFamilies: FamilyTable = {
  nemotron_h: { read: readNemotronH },
};
