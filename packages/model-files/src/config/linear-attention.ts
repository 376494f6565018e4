/** Linear attention: layers whose state is a matrix per head, independent of the number of tokens. */
import type { TensorSpec } from '../model-spec.ts';
import type { ConfigReader } from './config-reader.ts';
import type { AttentionPart } from './layers.ts';
import { linear, norm, tensor } from './tensors.ts';

/** Reads gated delta net (arXiv:2412.06464) of Qwen3-Next and Qwen3.5, which pack the input projections differently. */
export function readGatedDeltaNet(
  config: ConfigReader,
  hiddenSize: number,
  packing: 'two' | 'four',
): AttentionPart {
  const keyHeads = config.integer('linear_num_key_heads');
  const valueHeads = config.integer('linear_num_value_heads');
  const keyHeadDim = config.integer('linear_key_head_dim');
  const valueHeadDim = config.integer('linear_value_head_dim');
  const convTaps = config.integer('linear_conv_kernel_dim');
  const valueWidth = valueHeads * valueHeadDim;
  const convChannels = 2 * keyHeads * keyHeadDim + valueWidth;
  const into = (name: string, out: number) =>
    linear(`linear_attn.${name}`, 'linear-in', { out, in: hiddenSize });
  return {
    attention: {
      kind: 'linear',
      variant: 'gated-delta-net',
      keyHeads,
      valueHeads,
      keyHeadDim,
      valueHeadDim,
      convTaps,
      convChannels,
    },
    tensors: [
      ...(packing === 'two'
        ? [...into('in_proj_qkvz', convChannels + valueWidth), ...into('in_proj_ba', 2 * valueHeads)]
        : [
            ...into('in_proj_qkv', convChannels),
            ...into('in_proj_z', valueWidth),
            ...into('in_proj_b', valueHeads),
            ...into('in_proj_a', valueHeads),
          ]),
      tensor('linear_attn.conv1d.weight', 'linear-conv', convChannels, 1, convTaps),
      tensor('linear_attn.dt_bias', 'linear-state', valueHeads),
      tensor('linear_attn.A_log', 'linear-state', valueHeads),
      ...norm('linear_attn.norm', valueHeadDim),
      ...linear('linear_attn.out_proj', 'linear-output', { out: hiddenSize, in: valueWidth }),
    ],
  };
}

/** Reads Kimi delta attention (arXiv:2510.26692): low-rank projections compute a decay per channel. */
export function readKimiDelta(config: ConfigReader, hiddenSize: number): AttentionPart {
  const heads = config.integer('num_heads');
  const headDim = config.integer('head_dim');
  const convTaps = config.integer('short_conv_kernel_size', { fallback: 4 });
  const width = heads * headDim;
  const wide = { out: width, in: hiddenSize };
  const isFullRankGate = config.boolean('use_full_rank_gate', false);
  const lowRank = (name: string): TensorSpec[] => [
    ...linear(`self_attn.${name}_a_proj`, 'linear-in', { out: headDim, in: hiddenSize }),
    ...linear(`self_attn.${name}_b_proj`, 'linear-in', { out: width, in: headDim }),
  ];
  return {
    attention: {
      kind: 'linear',
      variant: 'kimi-delta',
      keyHeads: heads,
      valueHeads: heads,
      keyHeadDim: headDim,
      valueHeadDim: headDim,
      convTaps,
      convChannels: 3 * width,
    },
    tensors: [
      ...['q_proj', 'k_proj', 'v_proj'].flatMap((name) => linear(`self_attn.${name}`, 'linear-in', wide)),
      ...['q_conv1d', 'k_conv1d', 'v_conv1d'].map((name) =>
        tensor(`self_attn.${name}.weight`, 'linear-conv', width, 1, convTaps),
      ),
      tensor('self_attn.A_log', 'linear-state', heads),
      tensor('self_attn.dt_bias', 'linear-state', width),
      ...lowRank('f'),
      ...linear('self_attn.b_proj', 'linear-in', { out: heads, in: hiddenSize }),
      ...(isFullRankGate ? linear('self_attn.g_proj', 'linear-in', wide) : lowRank('g')),
      ...norm('self_attn.o_norm', headDim),
      ...linear('self_attn.o_proj', 'linear-output', { out: hiddenSize, in: width }),
    ],
  };
}

export interface LightningSize {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
}

/** Lightning attention (arXiv:2401.04658) of MiniMax-Text-01: one decay per head, no convolution. */
export function lightningAttention({ hiddenSize, heads, headDim }: LightningSize): AttentionPart {
  const width = heads * headDim;
  return {
    attention: {
      kind: 'linear',
      variant: 'lightning',
      keyHeads: heads,
      valueHeads: heads,
      keyHeadDim: headDim,
      valueHeadDim: headDim,
      convTaps: 0,
      convChannels: 0,
    },
    tensors: [
      ...linear('self_attn.qkv_proj', 'linear-in', { out: 3 * width, in: hiddenSize }),
      ...linear('self_attn.output_gate', 'linear-in', { out: width, in: hiddenSize }),
      ...norm('self_attn.norm', width),
      ...linear('self_attn.out_proj', 'linear-output', { out: hiddenSize, in: width }),
    ],
  };
}
