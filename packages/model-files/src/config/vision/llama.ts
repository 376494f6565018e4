/** The towers of Llama 3.2 Vision, Llama 4, and the similar tower of MiniMax M3. */
import { type BlockTraits, blocks, matrix, parameter, patches, projector, scale } from './tower.ts';
import { layerNormBlock, readSize, spec, type Tower } from './towers.ts';

/** Llama 4: a shuffle merges the output of four patches, and an adapter precedes the projector. */
export const llama4: Tower = ({ vision, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const side = Math.max(1, Math.floor(vision.integer('image_size', { fallback: 336 }) / patch(14)));
  const ratio = Math.min(1, Math.max(0.1, vision.number('pixel_shuffle_ratio', 0.5)));
  const inner = vision.integer('projector_input_dim', { fallback: 4096 });
  const out = vision.integer('projector_output_dim', { fallback: 4096 });
  vision.ignore('multi_modal_projector_bias', 'projector_dropout', 'rope_theta', 'vision_output_dim');
  const width = intermediateSize(4 * hiddenSize);
  const traits: BlockTraits = { ...layerNormBlock, hiddenSize, intermediateSize: width };
  const joined = Math.round(hiddenSize / ratio ** 2);
  const tensors = [
    ...matrix('vision.patch_embedding.linear', { out: hiddenSize, in: 3 * patch(14) ** 2, bias: false }),
    parameter('vision.class_embedding', hiddenSize),
    parameter('vision.positional_embedding_vlm', side * side + 1, hiddenSize),
    ...scale('vision.layernorm_pre', hiddenSize, true),
    ...scale('vision.layernorm_post', hiddenSize, true),
    ...blocks('vision.model.layers', layers, traits),
    ...matrix('vision.vision_adapter.mlp.fc1', { out: inner, in: joined, bias: false }),
    ...matrix('vision.vision_adapter.mlp.fc2', { out, in: inner, bias: false }),
    ...matrix('multi_modal_projector.linear_1', { out: textHiddenSize, in: out, bias: false }, 'projector'),
  ];
  return spec(vision, tensors, {
    side: Math.round(patch(14) / ratio),
    max: Math.max(1, Math.round(side * side * ratio ** 2)),
  });
};

/**
 * Llama 3.2 Vision: local and gated global blocks, positions per tile and aspect ratio; the language model reads the
 * tower by cross-attention.
 */
export const mllama: Tower = ({ vision, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const globalLayers = vision.integer('num_global_layers', { fallback: 8, maximum: 1000 });
  const side = Math.max(1, Math.floor(vision.integer('image_size', { fallback: 448 }) / patch(14)));
  const tiles = vision.integer('max_num_tiles', { fallback: 4, maximum: 1024 });
  const out = vision.integer('vision_output_dim', { fallback: 7680 });
  // One row per arrangement of up to `tiles` tiles, and one row for no arrangement.
  const ratios = (vision.sections('supported_aspect_ratios_objects')?.length ?? 8) + 1;
  vision.ignore('supported_aspect_ratios', 'intermediate_layers_indices', 'attention_heads');
  const positions = side * side + 1;
  const traits: BlockTraits = {
    ...layerNormBlock,
    attentionBias: false,
    hiddenSize,
    intermediateSize: intermediateSize(5120),
  };
  const gated: BlockTraits = {
    ...traits,
    extra: [
      ['gate_attn', 1],
      ['gate_ffn', 1],
    ],
  };
  const tensors = [
    ...patches('vision.patch_embedding', { hiddenSize, patch: patch(14), bias: false }),
    parameter('vision.class_embedding', hiddenSize),
    parameter('vision.gated_positional_embedding.embedding', positions, hiddenSize),
    parameter(
      'vision.gated_positional_embedding.tile_embedding.weight',
      ratios,
      tiles * positions * hiddenSize,
    ),
    parameter('vision.gated_positional_embedding.gate', 1),
    ...['pre_tile', 'post_tile'].flatMap((name) => [
      parameter(`vision.${name}_positional_embedding.embedding.weight`, ratios, tiles * hiddenSize),
      parameter(`vision.${name}_positional_embedding.gate`, 1),
    ]),
    ...scale('vision.layernorm_pre', hiddenSize, true),
    ...scale('vision.layernorm_post', hiddenSize, true),
    ...blocks('vision.transformer.layers', layers, traits),
    ...blocks('vision.global_transformer.layers', globalLayers, gated),
    ...matrix('multi_modal_projector', { out: textHiddenSize, in: out, bias: true }, 'projector'),
  ];
  return spec(vision, tensors, { side: patch(14), max: tiles * positions });
};

/** MiniMax M3: CLIP blocks on pairs of frames, a projector, and a second projector over merged patches. */
export const minimaxM3: Tower = ({ vision, root, textHiddenSize }) => {
  const { hiddenSize, layers, intermediateSize, patch } = readSize(vision);
  const width = root.integer('projector_hidden_size', { fallback: textHiddenSize });
  vision.ignore('image_size', 'projection_dim', 'rope_mode', 'rope_theta');
  root.ignore('vision_feature_layer', 'process_image_mode', 'projector_hidden_act', 'num_reward_heads');
  const tensors = [
    ...patches('vision.patch_embedding', { hiddenSize, patch: patch(14), frames: 2, bias: false }),
    ...scale('vision.pre_layrnorm', hiddenSize, true),
    ...blocks('vision.encoder.layers', layers, {
      ...layerNormBlock,
      hiddenSize,
      intermediateSize: intermediateSize(5120),
    }),
    ...projector('multi_modal_projector', { in: hiddenSize, middle: width, out: textHiddenSize, bias: true }),
    ...projector('patch_merge_mlp', {
      in: 4 * textHiddenSize,
      middle: textHiddenSize,
      out: textHiddenSize,
      bias: true,
    }),
  ];
  return spec(vision, tensors, {
    side: 2 * patch(14),
    max: root.integer('image_seq_length', { fallback: 576 }),
  });
};
