/** The towers of Qwen-VL, which split images and pairs of frames into patches and merge four patches into one token. */
import type { TensorSpec } from '../../model-spec.ts';
import { type BlockTraits, blocks, matrix, parameter, patches, scale } from './tower.ts';
import { readSize, spec, type Tower, type TowerInput } from './towers.ts';

const gatedBlock = {
  fusedQkv: true,
  attentionBias: true,
  mlpBias: true,
  gated: true,
  normBias: false,
  norms: ['norm1', 'norm2'],
} as const;
const plainBlock = { ...gatedBlock, gated: false, normBias: true } as const;

function readPatches(
  { vision }: TowerInput,
  size: { readonly patch: number; readonly bias: boolean },
): TensorSpec[] {
  const { hiddenSize, patch } = readSize(vision);
  vision.ignore('in_channels', 'in_chans', 'num_channels', 'mlp_ratio');
  const frames = vision.integer('temporal_patch_size', { fallback: 2, maximum: 64 });
  return patches('visual.patch_embed.proj', {
    hiddenSize,
    patch: patch(size.patch),
    frames,
    bias: size.bias,
  });
}

/**
 * Tokens of the largest image, from preprocessor_config.json: 12,845,056 pixels with 28 x 28 per token, 16,777,216 with
 * 32 x 32.
 */
const imageTokensMax = 16384;

function readMerge({ vision }: TowerInput): number {
  return vision.integer('spatial_merge_size', { fallback: 2, maximum: 64 });
}

interface MergerSize {
  readonly width: number;
  readonly joined: number;
  readonly out: number;
  readonly normBias: boolean;
}

/** Lists a norm and two linear layers on the merged patches. */
function merger(name: string, { width, joined, out, normBias }: MergerSize): TensorSpec[] {
  return [
    ...scale(`${name}.norm`, width, normBias, 'projector'),
    ...matrix(`${name}.linear_fc1`, { out: joined, in: joined, bias: true }, 'projector'),
    ...matrix(`${name}.linear_fc2`, { out, in: joined, bias: true }, 'projector'),
  ];
}

export const qwen2Vl: Tower = (input) => {
  const { vision, textHiddenSize } = input;
  // In this config `hidden_size` is the language model's width, and `embed_dim` is the tower's width.
  const hiddenSize = vision.integer('embed_dim', { fallback: 1280 });
  const { layers } = readSize(vision);
  vision.ignore('hidden_size');
  const ratio = vision.number('mlp_ratio', 4);
  const frames = vision.integer('temporal_patch_size', { fallback: 2, maximum: 64 });
  const merge = readMerge(input);
  const patch = vision.integer('patch_size', { fallback: 14, maximum: 1024 });
  vision.ignore('in_channels', 'in_chans', 'spatial_patch_size');
  const intermediateSize = Math.max(1, Math.round(hiddenSize * Math.min(Math.max(ratio, 0), 100)));
  const tensors = [
    ...patches('visual.patch_embed.proj', { hiddenSize, patch, frames, bias: false }),
    ...blocks('visual.blocks', layers, { ...plainBlock, hiddenSize, intermediateSize }),
    ...merger('visual.merger', {
      width: hiddenSize,
      joined: hiddenSize * merge ** 2,
      out: textHiddenSize,
      normBias: true,
    }),
  ];
  return { layers, hiddenSize, tensors, imageTokensMax, pixelsPerToken: (patch * merge) ** 2 };
};

export const qwen25Vl: Tower = (input) => {
  const { vision, textHiddenSize } = input;
  const { hiddenSize, layers, intermediateSize } = readSize(vision);
  const out = vision.integer('out_hidden_size', { fallback: textHiddenSize });
  const merge = readMerge(input);
  // The two larger models have a wider feed-forward, which their files state; 3420 is the default of the code.
  const traits: BlockTraits = {
    ...gatedBlock,
    hiddenSize,
    intermediateSize: intermediateSize(out > 5000 ? 3456 : 3420),
  };
  const tensors = [
    ...readPatches(input, { patch: 14, bias: false }),
    ...blocks('visual.blocks', layers, traits),
    ...merger('visual.merger', {
      width: hiddenSize,
      joined: hiddenSize * merge ** 2,
      out,
      normBias: false,
    }),
  ];
  return spec(vision, tensors, { side: readSize(vision).patch(14) * merge, max: imageTokensMax });
};

/** Qwen3-VL and Qwen3.5. Qwen3-VL also feeds three inner layers to the language model, each through a merger. */
export const qwen3Vl: Tower = (input) => {
  const { vision, textHiddenSize } = input;
  const { hiddenSize, layers, intermediateSize } = readSize(vision);
  const out = vision.integer('out_hidden_size', { fallback: textHiddenSize });
  const merge = readMerge(input);
  const joined = hiddenSize * merge ** 2;
  const positions = vision.integer('num_position_embeddings', { fallback: 2304 });
  const inner = vision.integers('deepstack_visual_indexes') ?? [];
  const traits: BlockTraits = { ...plainBlock, hiddenSize, intermediateSize: intermediateSize(4304) };
  const size = { joined, out, normBias: true };
  const tensors = [
    ...readPatches(input, { patch: 16, bias: true }),
    parameter('visual.pos_embed.weight', positions, hiddenSize),
    ...blocks('visual.blocks', layers, traits),
    ...merger('visual.merger', { ...size, width: hiddenSize }),
    ...inner
      .slice(0, layers)
      .flatMap((_, index) => merger(`visual.deepstack_merger_list.${index}`, { ...size, width: joined })),
  ];
  return spec(vision, tensors, { side: readSize(vision).patch(16) * merge, max: imageTokensMax });
};
