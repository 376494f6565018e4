/**
 * Attention with cached keys and values per token: multi-head, grouped-query and multi-query, with a full, sliding or
 * chunked span. The traits describe how the stored tensors of families differ.
 */
import type { AttentionSpec, HeadLayout, TensorSpec } from '../model-spec.ts';
import type { AttentionPart } from './layers.ts';
import { linear, norm, tensor } from './tensors.ts';

/** The tokens that a layer attends to. */
export type Span =
  | { readonly span: 'full' }
  | { readonly span: 'sliding'; readonly reach: number }
  | { readonly span: 'chunked'; readonly reach: number };

export const fullSpan: Span = { span: 'full' };

export interface AttentionNames {
  readonly module: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  /** Name of the matrix that holds q, k and v, in families that fuse them. */
  readonly fused: string;
  readonly output: string;
  readonly queryNorm: string;
  readonly keyNorm: string;
}

const llamaNames: AttentionNames = {
  module: 'self_attn',
  query: 'q_proj',
  key: 'k_proj',
  value: 'v_proj',
  fused: 'qkv_proj',
  output: 'o_proj',
  queryNorm: 'q_norm',
  keyNorm: 'k_norm',
};

export interface AttentionTraits {
  readonly names?: Partial<AttentionNames>;
  readonly qkvBias?: boolean;
  readonly outputBias?: boolean;
  /** True if one matrix holds q, k and v. */
  readonly fusedQkv?: boolean;
  /**
   * Normalisation of q and k: one weight of the head dimension for all heads, one weight of the whole projection, or
   * one weight of the head dimension per head.
   */
  readonly qkNorm?: 'none' | 'head' | 'projection' | 'each-head';
  readonly qkNormBias?: boolean;
  /** True if extra rows of q_proj compute a sigmoid gate on the output. */
  readonly gatedQuery?: boolean;
  /** True if each query head has a learned logit. */
  readonly sinks?: boolean;
  /** True if the values are the keys before their norm, so that v_proj is absent (Gemma 4, full layers). */
  readonly valueIsKey?: boolean;
  /** Index of the layer whose cache this layer reads. Files still hold the projections of this layer. */
  readonly sharesKvWithLayer?: number | null;
  /** Block-sparse attention with an indexer. */
  readonly indexer?: { readonly heads: number; readonly headDim: number; readonly topK: number };
}

export interface AttentionSize {
  readonly hiddenSize: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
}

export function groupedQuery(size: AttentionSize, span: Span, traits: AttentionTraits = {}): AttentionPart {
  const names = { ...llamaNames, ...traits.names };
  return {
    attention: attentionOf(size, span, traits),
    tensors: [
      ...projections(size, traits, names),
      ...linear(
        `${names.module}.${names.output}`,
        'attention-output',
        { out: size.hiddenSize, in: size.queryHeads * size.valueHeadDim },
        traits.outputBias,
      ),
      ...headNorms(size, traits, names),
      ...(traits.sinks ? [tensor(`${names.module}.sinks`, 'attention-sink', size.queryHeads)] : []),
    ],
  };
}

function attentionOf(size: AttentionSize, span: Span, traits: AttentionTraits): AttentionSpec {
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = size;
  const shared = traits.sharesKvWithLayer ?? null;
  const heads: HeadLayout = {
    queryHeads,
    kvHeads,
    keyHeadDim,
    valueHeadDim,
    ...(shared !== null && { sharesKvWithLayer: shared }),
    ...(traits.indexer && { indexer: traits.indexer }),
  };
  if (span.span === 'sliding') return { kind: 'sliding', window: span.reach, ...heads };
  if (span.span === 'chunked') return { kind: 'chunked', chunk: span.reach, ...heads };
  return { kind: 'full', ...heads };
}

function projections(size: AttentionSize, traits: AttentionTraits, names: AttentionNames): TensorSpec[] {
  const { hiddenSize, queryHeads, kvHeads, keyHeadDim, valueHeadDim } = size;
  const bias = traits.qkvBias ?? false;
  const queryRows = queryHeads * keyHeadDim * (traits.gatedQuery ? 2 : 1);
  const keyRows = kvHeads * keyHeadDim;
  const valueRows = kvHeads * valueHeadDim;
  const part = (name: string, role: 'attention-q' | 'attention-k' | 'attention-v', out: number) =>
    linear(`${names.module}.${name}`, role, { out, in: hiddenSize }, bias);
  if (traits.fusedQkv) {
    const out = queryRows + keyRows + valueRows;
    return linear(`${names.module}.${names.fused}`, 'attention-qkv', { out, in: hiddenSize }, bias);
  }
  return [
    ...part(names.query, 'attention-q', queryRows),
    ...part(names.key, 'attention-k', keyRows),
    ...(traits.valueIsKey ? [] : part(names.value, 'attention-v', valueRows)),
  ];
}

function headNorms(size: AttentionSize, traits: AttentionTraits, names: AttentionNames): TensorSpec[] {
  const { queryHeads, kvHeads, keyHeadDim } = size;
  const queryNorm = `${names.module}.${names.queryNorm}`;
  const keyNorm = `${names.module}.${names.keyNorm}`;
  const bias = traits.qkNormBias ?? false;
  switch (traits.qkNorm ?? 'none') {
    case 'none':
      return [];
    case 'head':
      return [...norm(queryNorm, keyHeadDim, bias), ...norm(keyNorm, keyHeadDim, bias)];
    case 'projection':
      return [
        ...norm(queryNorm, queryHeads * keyHeadDim, bias),
        ...norm(keyNorm, kvHeads * keyHeadDim, bias),
      ];
    case 'each-head':
      return [
        tensor(`${queryNorm}.weight`, 'norm', queryHeads, keyHeadDim),
        tensor(`${keyNorm}.weight`, 'norm', kvHeads, keyHeadDim),
      ];
  }
}
