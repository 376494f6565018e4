/**
 * Drafters of speculative decoding: small decoders that read hidden states of the model that they draft for. A config
 * states the family of their layers; this file adds the tensors that join drafter and model, as the loaders of serving
 * engines build them (vLLM: llama_eagle3.py, qwen3_dflash.py, qwen3_dspark.py, gemma4_mtp.py).
 */
import type { DrafterSpec, LayerSpec, TensorSpec } from '../model-spec.ts';
import type { ConfigReader } from './config-reader.ts';
import type { TextModel } from './decoder.ts';
import { featureCount, firstInteger, joinedDrafter } from './drafter-tensors.ts';
import { freezeLayer } from './layers.ts';
import { linear } from './tensors.ts';

/** A drafter's config: the part that describes its layers, and the change to the decoder that this part describes. */
export interface DrafterConfig {
  readonly text: ConfigReader;
  readonly spec: DrafterSpec;
  readonly join: (model: TextModel) => TextModel;
}

/** Keys that say how a drafter was trained, or change no shape. */
const idleKeys = [
  'draft_vocab_size',
  'target_hidden_size',
  'num_target_layers',
  'target_model_type',
  'speculators_version',
  'speculators_config',
  'norm_before_residual',
  'norm_output',
  'fc_norm',
  'has_no_defaults_at_init',
  'embed_requires_grad',
  'base_model_ep_plan',
  'attention_mode',
  'confidence_head_alpha',
  'markov_head_type',
  'max_anchors',
  'sample_from_anchor',
  'layer_types',
  'max_window_layers',
  'use_sliding_window',
];

/** Largest number of drafted tokens that a checkpoint may state. */
const draftTokensMax = 1024;

/** Returns null for a model that generates by itself. */
export function readDrafter(root: ConfigReader): DrafterConfig | null {
  const kind = drafterKind(root);
  if (kind === null) return null;
  // Speculators nest the config of the layers; the first EAGLE converters for vLLM did so too.
  const inner = root.section('transformer_layer_config') ?? (kind === 'eagle' ? root.section('model') : null);
  const own = [root.section('dflash_config'), root.section('eagle_config'), root, inner];
  const settings = own.filter((section) => section !== null);
  const tokens = draftTokens(root, settings);
  if (kind === 'assistant') return assistant(root, { kind, tokens });
  const spec: DrafterSpec = {
    kind,
    tokens,
    ...(kind === 'eagle3' && { capturedLayers: featureCount(settings) }),
  };
  for (const section of settings) section.ignore(...idleKeys);
  const text = withWindow(inner ?? root, settings);
  return { text, spec, join: (model) => joinedDrafter(model, { kind, settings }) };
}

/** DFlash states one window for all layers in its own section. */
function withWindow(text: ConfigReader, settings: readonly ConfigReader[]): ConfigReader {
  if (!settings.some((section) => section.boolean('use_swa', false))) return text;
  const window = firstInteger(settings, 'swa_window_size');
  return text.withDefaults({ use_sliding_window: true, max_window_layers: 0, sliding_window: window });
}

function drafterKind(root: ConfigReader): DrafterSpec['kind'] | null {
  const names = root.texts('architectures')?.join(' ') ?? '';
  const speculators = root.text('speculators_model_type') ?? '';
  const projector = root.section('dflash_config')?.text('projector_type') ?? '';
  if (/^gemma4(_unified)?_assistant$/.test(root.text('model_type') ?? '')) return 'assistant';
  // The fused checkpoints of DeepSeek V4 hold a model and its drafter.
  if (root.text('model_type') === 'deepseek_v4') return null;
  if (/DSpark/.test(names) || speculators === 'dspark' || projector === 'dspark') return 'dspark';
  if (/DFlash/.test(names) || speculators === 'dflash' || root.has('dflash_config')) return 'dflash';
  if (/Eagle3|PEagle/i.test(names) || /^p?eagle3?$/.test(speculators))
    return speculators === 'eagle' ? 'eagle' : 'eagle3';
  if (root.has('draft_vocab_size')) return 'eagle3';
  return /Eagle/.test(names) || root.text('model_type') === 'eagle' ? 'eagle' : null;
}

/** Tokens per step that the checkpoint was trained for; null if it states none. */
function draftTokens(root: ConfigReader, settings: readonly ConfigReader[]): number | null {
  const rule = { maximum: draftTokensMax };
  const speculators = root.section('speculators_config');
  speculators?.ignore('algorithm', 'default_proposal_method', 'verifier');
  const proposed = speculators?.sections('proposal_methods')?.[0];
  const stated = proposed?.optionalInteger('speculative_tokens', rule) ?? null;
  return stated ?? firstInteger(settings, ['dspark_block_size', 'block_size', 'n_predict'], rule);
}

/**
 * Gemma 4's assistant: its queries read the cache of the model's last layers, so that it has neither keys nor values.
 * Embeddings of the model's width are projected to its own width and back.
 */
function assistant(root: ConfigReader, spec: DrafterSpec): DrafterConfig {
  const stated = root.section('text_config') ?? root;
  const backboneSize = root.integer('backbone_hidden_size');
  const centroids = root.boolean('use_ordered_embeddings', false)
    ? root.integer('num_centroids', { fallback: 2048 })
    : 0;
  root.ignore('num_centroids', 'centroid_intermediate_top_k', 'use_ordered_embeddings');
  // Every layer reads another model's cache, which a layer of this model cannot name.
  const text = stated.withDefaults({ model_type: 'gemma4_text' }).withValues({ num_kv_shared_layers: 0 });
  return {
    text,
    spec,
    join: (model) => ({
      ...model,
      layers: model.layers.map(withoutCache),
      tensors: [
        ...model.tensors,
        ...linear('pre_projection', 'other', { out: model.hiddenSize, in: 2 * backboneSize }),
        ...linear('post_projection', 'other', { out: backboneSize, in: model.hiddenSize }),
        ...(centroids === 0
          ? []
          : linear('masked_embedding.centroids', 'other', { out: centroids, in: model.hiddenSize })),
      ],
    }),
  };
}

function withoutCache(layer: LayerSpec): LayerSpec {
  const isOwn = ({ role, name }: TensorSpec): boolean =>
    role !== 'attention-k' && role !== 'attention-v' && !/k_norm/.test(name);
  return freezeLayer({ ...layer, attention: { kind: 'none' }, tensors: layer.tensors.filter(isOwn) });
}
