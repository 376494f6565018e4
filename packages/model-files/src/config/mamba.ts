/** State-space layers: Mamba (arXiv:2312.00752), Mamba 2 (arXiv:2405.21060) and the short convolution of LFM2. */
import type { AttentionPart } from './layers.ts';
import { linear, norm, tensor } from './tensors.ts';

export interface Mamba2Size {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly headDim: number;
  readonly stateSize: number;
  readonly groups: number;
  readonly convTaps: number;
}

export interface MambaTraits {
  readonly module: string;
  readonly projectionBias?: boolean;
  readonly convBias?: boolean;
  /** False if the config switches off the gated norm before the output (Falcon H1). */
  readonly gatedNorm?: boolean;
}

export function mamba2(size: Mamba2Size, traits: MambaTraits): AttentionPart {
  const { hiddenSize, heads, headDim, stateSize, groups, convTaps } = size;
  const { module, projectionBias = false, convBias = true, gatedNorm = true } = traits;
  const inner = heads * headDim;
  // The convolution covers x, B and C; the projection also computes the gate z and one step per head.
  const convChannels = inner + 2 * groups * stateSize;
  const inwardRows = inner + convChannels + heads;
  return {
    attention: { kind: 'ssm', variant: 'mamba2', heads, headDim, stateSize, groups, convTaps, convChannels },
    tensors: [
      ...linear(`${module}.in_proj`, 'ssm-in', { out: inwardRows, in: hiddenSize }, projectionBias),
      tensor(`${module}.conv1d.weight`, 'ssm-conv', convChannels, 1, convTaps),
      ...(convBias ? [tensor(`${module}.conv1d.bias`, 'ssm-conv', convChannels)] : []),
      tensor(`${module}.dt_bias`, 'ssm-state', heads),
      tensor(`${module}.A_log`, 'ssm-state', heads),
      tensor(`${module}.D`, 'ssm-state', heads),
      ...(gatedNorm ? norm(`${module}.norm`, inner) : []),
      ...linear(`${module}.out_proj`, 'ssm-output', { out: hiddenSize, in: inner }, projectionBias),
    ],
  };
}

export interface Mamba1Size {
  readonly hiddenSize: number;
  readonly inner: number;
  readonly stateSize: number;
  readonly timeStepRank: number;
  readonly convTaps: number;
}

export interface Mamba1Traits extends MambaTraits {
  /** Norms on the step and on B and C (Jamba). */
  readonly innerNorms?: boolean;
}

/** Mamba 1. The state has one row per inner channel, so each channel is a head of one dimension. */
export function mamba1(size: Mamba1Size, traits: Mamba1Traits): AttentionPart {
  const { hiddenSize, inner, stateSize, timeStepRank, convTaps } = size;
  const { module, projectionBias = false, convBias = true, innerNorms = false } = traits;
  return {
    attention: {
      kind: 'ssm',
      variant: 'mamba1',
      heads: inner,
      headDim: 1,
      stateSize,
      groups: 1,
      convTaps,
      convChannels: inner,
    },
    tensors: [
      ...linear(`${module}.in_proj`, 'ssm-in', { out: 2 * inner, in: hiddenSize }, projectionBias),
      tensor(`${module}.conv1d.weight`, 'ssm-conv', inner, 1, convTaps),
      ...(convBias ? [tensor(`${module}.conv1d.bias`, 'ssm-conv', inner)] : []),
      ...linear(`${module}.x_proj`, 'ssm-in', { out: timeStepRank + 2 * stateSize, in: inner }),
      ...linear(`${module}.dt_proj`, 'ssm-in', { out: inner, in: timeStepRank }, true),
      tensor(`${module}.A_log`, 'ssm-state', inner, stateSize),
      tensor(`${module}.D`, 'ssm-state', inner),
      ...(innerNorms
        ? [
            ...norm(`${module}.dt_layernorm`, timeStepRank),
            ...norm(`${module}.b_layernorm`, stateSize),
            ...norm(`${module}.c_layernorm`, stateSize),
          ]
        : []),
      ...linear(`${module}.out_proj`, 'ssm-output', { out: hiddenSize, in: inner }, projectionBias),
    ],
  };
}

/** A gated convolution over a few tokens (LFM2). It has no recurrent state, only the tail of the convolution. */
export function shortConvolution(
  hiddenSize: number,
  options: { readonly taps: number; readonly bias: boolean },
): AttentionPart {
  const { taps, bias } = options;
  const empty = { heads: 0, headDim: 0, stateSize: 0, groups: 0 };
  return {
    attention: { kind: 'ssm', variant: 'mamba1', ...empty, convTaps: taps, convChannels: hiddenSize },
    tensors: [
      ...linear('conv.in_proj', 'ssm-in', { out: 3 * hiddenSize, in: hiddenSize }, bias),
      tensor('conv.conv.weight', 'ssm-conv', hiddenSize, 1, taps),
      ...(bias ? [tensor('conv.conv.bias', 'ssm-conv', hiddenSize)] : []),
      ...linear('conv.out_proj', 'ssm-output', { out: hiddenSize, in: hiddenSize }, bias),
    ],
  };
}
