/** Reads layers with a state of fixed size instead of a cache: Mamba, linear attention, short convolutions. */
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

/** LFM2: a gated convolution over the last few tokens, equal to Mamba without its state. */
function shortConvolution(metadata: MetadataReader, hiddenSize: number): AttentionSpec {
  const empty = { heads: 0, headDim: 0, stateSize: 0, groups: 0 };
  const convTaps = metadata.number('shortconv.l_cache');
  return { kind: 'ssm', variant: 'mamba1', ...empty, convTaps, convChannels: hiddenSize };
}

/** Kimi Delta Attention: each of q, k and v of all heads has a convolution. */
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

/**
 * Gated DeltaNet. llama.cpp stores its sizes under Mamba's names: `group_count` is key heads, `time_step_rank` is value
 * heads.
 */
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

/** Mamba 2 convolves x, B and C; `time_step_rank` is its number of heads. */
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

/** Divides `ssm.inner_size` by a number of heads. Throws `gguf-bad-value` if the quotient is not an integer. */
function shareOf(metadata: MetadataReader, heads: number): number {
  const inner = metadata.number('ssm.inner_size');
  if (heads > 0 && inner % heads === 0) return inner / heads;
  throw new PlimsollError({
    code: 'gguf-bad-value',
    message: `GGUF: metadata "${metadata.architecture}.ssm.inner_size" ${inner} is not a multiple of ${heads} heads`,
    value: inner,
    limit: `a multiple of ${heads}`,
    hint: 'the metadata is damaged; convert the model again',
  });
}
