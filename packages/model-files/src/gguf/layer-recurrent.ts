/** Layers that keep a state of fixed size instead of a cache: Mamba, linear attention, short convolutions. */
import { PlimsollError } from '@plimsoll/foundation';
import type { AttentionSpec } from '../model-spec.ts';
import type { LayerView } from './layer-view.ts';
import type { MetadataReader } from './metadata-reader.ts';

export function recurrentAttention(
  layer: LayerView,
  metadata: MetadataReader,
  hiddenSize: number,
  queryHeads: (layer: number) => number,
): AttentionSpec {
  if (layer.has('shortconv.conv')) return shortConvolution(metadata, hiddenSize);
  if (layer.has('ssm_conv1d_q')) return kimiDelta(metadata, queryHeads(layer.index));
  if (layer.mixer === 'linear') return gatedDelta(metadata);
  return layer.has('ssm_x') ? mamba1(metadata) : mamba2(metadata);
}

/** LFM2: a gated convolution over the last few tokens, which is Mamba without its state. */
function shortConvolution(metadata: MetadataReader, hiddenSize: number): AttentionSpec {
  const empty = { heads: 0, headDim: 0, stateSize: 0, groups: 0 };
  const convTaps = metadata.number('shortconv.l_cache');
  return { kind: 'ssm', variant: 'mamba1', ...empty, convTaps, convChannels: hiddenSize };
}

/** Kimi Delta Attention: q, k and v of all heads pass a convolution each. */
function kimiDelta(metadata: MetadataReader, heads: number): AttentionSpec {
  const headDim = metadata.number('kda.head_dim');
  return {
    kind: 'linear',
    variant: 'kimi-delta',
    keyHeads: heads,
    valueHeads: heads,
    keyHeadDim: headDim,
    valueHeadDim: headDim,
    convTaps: metadata.number('ssm.conv_kernel'),
    convChannels: 3 * heads * headDim,
  };
}

/** Gated DeltaNet, whose sizes llama.cpp keeps under Mamba's names: groups are key heads, the rank is value heads. */
function gatedDelta(metadata: MetadataReader): AttentionSpec {
  const keyHeads = metadata.number('ssm.group_count');
  const valueHeads = metadata.number('ssm.time_step_rank');
  const keyHeadDim = metadata.number('ssm.state_size');
  const valueHeadDim = shareOf(metadata, valueHeads);
  return {
    kind: 'linear',
    variant: 'gated-delta-net',
    keyHeads,
    valueHeads,
    keyHeadDim,
    valueHeadDim,
    convTaps: metadata.number('ssm.conv_kernel'),
    convChannels: 2 * keyHeads * keyHeadDim + valueHeads * valueHeadDim,
  };
}

/** Mamba 1 has no heads: each channel has its own state. */
function mamba1(metadata: MetadataReader): AttentionSpec {
  const channels = metadata.number('ssm.inner_size');
  return {
    kind: 'ssm',
    variant: 'mamba1',
    heads: channels,
    headDim: 1,
    stateSize: metadata.number('ssm.state_size'),
    groups: 1,
    convTaps: metadata.number('ssm.conv_kernel'),
    convChannels: channels,
  };
}

/** Mamba 2 sends x, B and C through the convolution; `time_step_rank` is its number of heads. */
function mamba2(metadata: MetadataReader): AttentionSpec {
  const heads = metadata.number('ssm.time_step_rank');
  const groups = metadata.optionalNumber('ssm.group_count') ?? 1;
  const stateSize = metadata.number('ssm.state_size');
  return {
    kind: 'ssm',
    variant: 'mamba2',
    heads,
    headDim: shareOf(metadata, heads),
    stateSize,
    groups,
    convTaps: metadata.number('ssm.conv_kernel'),
    convChannels: metadata.number('ssm.inner_size') + 2 * groups * stateSize,
  };
}

/** `ssm.inner_size` divided by a number of heads. */
function shareOf(metadata: MetadataReader, heads: number): number {
  const inner = metadata.number('ssm.inner_size');
  if (heads > 0 && inner % heads === 0) return inner / heads;
  throw new PlimsollError({
    code: 'gguf-bad-value',
    message: `GGUF: metadata "${metadata.architecture}.ssm.inner_size" ${inner} is not divided by ${heads} heads`,
    value: inner,
    limit: `a multiple of ${heads}`,
    hint: 'the metadata is damaged; convert the model again',
  });
}
