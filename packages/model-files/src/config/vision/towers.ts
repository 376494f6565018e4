/**
 * Vision towers, with one function per kind. The tensors are complete to within a percent of published totals, which
 * the tests list. An unknown tower stays unread, and the spec lists its config as not modelled.
 */
import type { TensorSpec, VisionSpec } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { type BlockTraits, blocks, matrix, parameter, patches, projector, scale } from './tower.ts';

/** Maximum number of blocks of a tower; published towers have up to 64. */
const blocksMax = 1000;

export interface TowerInput {
  readonly vision: ConfigReader;
  /** The outer config, which describes how the tower joins the language model. */
  readonly root: ConfigReader;
  readonly textHiddenSize: number;
}

export type Tower = (input: TowerInput) => VisionSpec;

export const layerNormBlock = {
  fusedQkv: false,
  attentionBias: true,
  mlpBias: true,
  gated: false,
  normBias: true,
  norms: ['layer_norm1', 'layer_norm2'],
} as const;

export function readSize(vision: ConfigReader) {
  return {
    hiddenSize: vision.integer(['hidden_size', 'vt_hidden_size', 'embed_dim'], { fallback: 1152 }),
    layers: vision.integer(['num_hidden_layers', 'depth', 'vt_num_hidden_layers'], {
      fallback: 27,
      maximum: blocksMax,
    }),
    intermediateSize: (fallback: number) =>
      vision.integer(['intermediate_size', 'vt_intermediate_size'], { fallback }),
    patch: (fallback: number) => vision.integer('patch_size', { fallback, maximum: 1024 }),
  };
}

/** SigLIP (arXiv:2303.15343). Gemma 3 and Idefics 3 omit its pooling head. */
function siglipTensors(vision: ConfigReader, hasHead: boolean): TensorSpec[] {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const traits: BlockTraits = { ...layerNormBlock, hiddenSize, intermediateSize: intermediateSize(4304) };
  const side = Math.max(1, Math.floor(vision.integer('image_size', { fallback: 896 }) / patch(14)));
  const tower = [
    ...patches('vision.embeddings.patch_embedding', { hiddenSize, patch: patch(14), bias: true }),
    parameter('vision.embeddings.position_embedding.weight', side * side, hiddenSize),
    ...blocks('vision.encoder.layers', layers, traits),
    ...scale('vision.post_layernorm', hiddenSize, true),
  ];
  if (!hasHead) return tower;
  return [
    ...tower,
    parameter('vision.head.probe', hiddenSize),
    ...scale('vision.head.layernorm', hiddenSize, true),
    ...matrix('vision.head.attention.in_proj', { out: 3 * hiddenSize, in: hiddenSize, bias: true }),
    ...matrix('vision.head.attention.out_proj', { out: hiddenSize, in: hiddenSize, bias: true }),
    ...matrix('vision.head.mlp.fc1', { out: traits.intermediateSize, in: hiddenSize, bias: true }),
    ...matrix('vision.head.mlp.fc2', { out: hiddenSize, in: traits.intermediateSize, bias: true }),
  ];
}

export interface ImageTokens {
  /** Side in pixels of the square that becomes one token of the language model. */
  readonly side: number;
  /** Tokens of one full-size image; null if images keep their own size. */
  readonly max: number | null;
}

export function spec(
  vision: ConfigReader,
  tensors: readonly TensorSpec[],
  { side, max }: ImageTokens,
): VisionSpec {
  const { hiddenSize, layers } = readSize(vision);
  return { layers, hiddenSize, tensors, imageTokensMax: max, pixelsPerToken: side * side };
}

export const gemma3: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize } = readSize(vision);
  const tensors = [
    ...siglipTensors(vision, false),
    ...matrix(
      'multi_modal_projector.mm_input_projection',
      { out: textHiddenSize, in: hiddenSize, bias: false },
      'projector',
    ),
    ...scale('multi_modal_projector.mm_soft_emb_norm', hiddenSize, false, 'projector'),
  ];
  const max = root.integer('mm_tokens_per_image', { fallback: 256 });
  const pixels = vision.integer('image_size', { fallback: 896 });
  return spec(vision, tensors, { side: Math.round(pixels / Math.sqrt(max)), max });
};

/** Idefics 3 and SmolVLM: concatenated neighbouring patches, then one linear layer. */
export const idefics3: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize, patch } = readSize(vision);
  const factor = root.integer('scale_factor', { fallback: 2, maximum: 64 });
  const joined = hiddenSize * factor * factor;
  const side = Math.floor(vision.integer('image_size', { fallback: 896 }) / patch(14));
  const tensors = [
    ...siglipTensors(vision, false),
    ...matrix(
      'connector.modality_projection.proj',
      { out: textHiddenSize, in: joined, bias: false },
      'projector',
    ),
  ];
  return spec(vision, tensors, {
    side: patch(14) * factor,
    max: Math.max(1, Math.floor(side / factor) ** 2),
  });
};

/** LLaVA: CLIP or SigLIP; the projector may read the concatenated output of several layers. */
export const llava: Tower = (input) => {
  const { vision, root, textHiddenSize } = input;
  if (vision.text('model_type') === 'pixtral') return pixtral(input);
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const isSiglip = vision.text('model_type')?.startsWith('siglip') ?? false;
  const side = Math.max(1, Math.floor(vision.integer('image_size', { fallback: 336 }) / patch(14)));
  const traits: BlockTraits = { ...layerNormBlock, hiddenSize, intermediateSize: intermediateSize(4096) };
  const clip = (): TensorSpec[] => [
    ...patches('vision.embeddings.patch_embedding', { hiddenSize, patch: patch(14), bias: false }),
    parameter('vision.embeddings.class_embedding', hiddenSize),
    parameter('vision.embeddings.position_embedding.weight', side * side + 1, hiddenSize),
    ...scale('vision.pre_layrnorm', hiddenSize, true),
    ...blocks('vision.encoder.layers', layers, traits),
    ...scale('vision.post_layernorm', hiddenSize, true),
  ];
  vision.ignore('projection_dim', 'vocab_size');
  const read = Array.isArray(root.raw('vision_feature_layer')) ? root.integers('vision_feature_layer') : null;
  const hasNewline = root.text('model_type') === 'llava_next';
  const tensors = [
    ...(isSiglip ? siglipTensors(vision, vision.boolean('vision_use_head', true)) : clip()),
    ...projector('multi_modal_projector', {
      in: hiddenSize * Math.max(1, read?.length ?? 1),
      middle: textHiddenSize,
      out: textHiddenSize,
      bias: root.boolean('multimodal_projector_bias', true),
    }),
    ...(hasNewline ? [parameter('image_newline', textHiddenSize)] : []),
  ];
  return spec(vision, tensors, { side: patch(14), max: side * side });
};

/** Pixtral (arXiv:2410.07073). Mistral Small 3.1 merges patches before the projector; Pixtral in LLaVA does not. */
export const pixtral: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const isMerged = root.text('model_type') === 'mistral3';
  const merge = isMerged ? root.integer('spatial_merge_size', { fallback: 2, maximum: 64 }) : 1;
  root.ignore('vision_feature_layer');
  vision.ignore('head_dim', 'num_channels');
  const side = Math.floor(vision.integer('image_size', { fallback: 1540 }) / patch(14) / merge);
  const norms = ['attention_norm', 'ffn_norm'];
  const plain = {
    fusedQkv: false,
    attentionBias: false,
    mlpBias: false,
    gated: true,
    normBias: false,
    norms,
  };
  const merging = { out: hiddenSize, in: hiddenSize * merge * merge, bias: false };
  const tensors = [
    ...patches('vision.patch_conv', { hiddenSize, patch: patch(14), bias: false }),
    ...scale('vision.ln_pre', hiddenSize, false),
    ...blocks('vision.transformer.layers', layers, {
      ...plain,
      hiddenSize,
      intermediateSize: intermediateSize(4096),
    }),
    ...(isMerged ? scale('multi_modal_projector.norm', hiddenSize, false, 'projector') : []),
    ...(isMerged ? matrix('multi_modal_projector.patch_merger.merging_layer', merging, 'projector') : []),
    ...projector('multi_modal_projector', {
      in: hiddenSize,
      middle: textHiddenSize,
      out: textHiddenSize,
      bias: root.boolean('multimodal_projector_bias', !isMerged),
    }),
  ];
  return spec(vision, tensors, { side: patch(14) * merge, max: Math.max(1, side * side) });
};

/** MoonViT of Kimi-VL and Kimi K2.5. */
export const moonvit: Tower = ({ vision, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const [rows = 2, columns = 2] = vision.integers('merge_kernel_size') ?? [];
  const joined = hiddenSize * Math.max(1, rows * columns);
  vision.ignore('vt_num_attention_heads', 'mm_hidden_size', 'init_pos_emb_height', 'init_pos_emb_width');
  const norms = ['norm0', 'norm1'];
  const tensors = [
    ...patches('vision.patch_embed.proj', { hiddenSize, patch: patch(14), bias: true }),
    parameter('vision.patch_embed.pos_emb.weight', 64, 64, hiddenSize),
    ...blocks('vision.encoder.blocks', layers, {
      ...layerNormBlock,
      norms,
      fusedQkv: true,
      hiddenSize,
      intermediateSize: intermediateSize(4304),
    }),
    ...scale('vision.encoder.final_layernorm', hiddenSize, true),
    ...scale('multi_modal_projector.pre_norm', hiddenSize, true, 'projector'),
    ...projector('multi_modal_projector', { in: joined, middle: joined, out: textHiddenSize, bias: true }),
  ];
  return spec(vision, tensors, { side: patch(14) * Math.max(1, rows), max: null });
};

/** Muse Glimmer: a ViT with axial positions, merged patches, a two-layer adapter and a projection. */
export const museGlimmer: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const merge = vision.integer('merge_size', { fallback: 2, maximum: 64 });
  const places =
    vision.integer('pos_emb_height', { fallback: 32 }) * vision.integer('pos_emb_width', { fallback: 32 });
  const joined = root.integer('out_hidden_size', { fallback: hiddenSize * merge * merge });
  const middle = root.integer('projector_hidden_size', { fallback: 4096 });
  const frames = vision.integer('patch_temporal', { fallback: 2, maximum: 64 });
  const tensors = [
    ...patches('vision.patch_embedder.patch_embedding', {
      hiddenSize,
      patch: patch(14),
      frames,
      bias: false,
    }),
    parameter('vision.patch_embedder.position_embedding_table.weight', places, hiddenSize),
    ...scale('vision.ln_pre', hiddenSize, true),
    ...blocks('vision.layers', layers, {
      ...layerNormBlock,
      norms: ['norm1', 'norm2'],
      hiddenSize,
      intermediateSize: intermediateSize(8960),
    }),
    ...scale('vision.ln_post', hiddenSize, true),
    ...matrix('vision_adapter.fc1', { out: middle, in: joined, bias: false }, 'projector'),
    ...matrix('vision_adapter.fc2', { out: middle, in: middle, bias: false }, 'projector'),
    ...matrix('vision_projection', { out: textHiddenSize, in: middle, bias: false }, 'projector'),
  ];
  return spec(vision, tensors, { side: patch(14) * merge, max: null });
};

/** InternViT with the pixel shuffle of InternVL. */
export const internvl: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const side = Math.max(1, Math.floor(vision.integer('image_size', { fallback: 448 }) / patch(14)));
  const ratio = root.number('downsample_ratio', 0.5);
  const factor = Math.min(64, Math.max(1, Math.round(1 / Math.max(ratio, 0.01))));
  const joined = hiddenSize * factor * factor;
  const extra = [
    ['ls1', hiddenSize],
    ['ls2', hiddenSize],
  ] as const;
  const traits = { ...layerNormBlock, norms: ['norm1', 'norm2'], fusedQkv: true, extra };
  const tensors = [
    ...patches('vision.embeddings.patch_embedding', { hiddenSize, patch: patch(14), bias: true }),
    parameter('vision.embeddings.class_embedding', hiddenSize),
    parameter('vision.embeddings.position_embedding', side * side + 1, hiddenSize),
    ...blocks('vision.encoder.layers', layers, {
      ...traits,
      hiddenSize,
      intermediateSize: intermediateSize(4096),
    }),
    ...scale('mlp1.norm', joined, true, 'projector'),
    ...projector('mlp1', { in: joined, middle: textHiddenSize, out: textHiddenSize, bias: true }),
  ];
  return spec(vision, tensors, {
    side: patch(14) * factor,
    max: Math.max(1, Math.floor(side / factor) ** 2),
  });
};

/** Gemma 4: gated blocks with four norms and norms per head; a table of positions per axis. */
export const gemma4: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const headDim = vision.integer('head_dim', { fallback: 64 });
  vision.ignore(
    'global_head_dim',
    'pooling_kernel_size',
    'num_key_value_heads',
    'use_clipped_linears',
    'standardize',
  );
  root.ignore('vision_soft_tokens_per_image');
  const attentionWidth = vision.integer('num_attention_heads', { fallback: 12 }) * headDim;
  const positions = vision.integer('position_embedding_size', { fallback: 10240 });
  const traits: BlockTraits = {
    hiddenSize,
    attentionWidth,
    intermediateSize: intermediateSize(3072),
    fusedQkv: false,
    attentionBias: false,
    mlpBias: false,
    gated: true,
    normBias: false,
    norms: [
      'input_layernorm',
      'post_attention_layernorm',
      'pre_feedforward_layernorm',
      'post_feedforward_layernorm',
    ],
    extra: [
      ['self_attn.q_norm.weight', headDim],
      ['self_attn.k_norm.weight', headDim],
    ],
  };
  const tensors = [
    ...matrix('vision.patch_embedder.input_proj', { out: hiddenSize, in: 3 * patch(16) ** 2, bias: false }),
    parameter('vision.patch_embedder.position_embedding_table', 2, positions, hiddenSize),
    ...blocks('vision.encoder.layers', layers, traits),
    ...matrix(
      'embed_vision.embedding_projection',
      { out: textHiddenSize, in: hiddenSize, bias: false },
      'projector',
    ),
  ];
  const pooled = vision.integer('pooling_kernel_size', { fallback: 3, maximum: 64 });
  const max = vision.integer('default_output_length', { fallback: 280 });
  return spec(vision, tensors, { side: patch(16) * pooled, max });
};
