/**
 * A model as data: what each layer computes, in the order in which it does, without tensors and without code. An
 * architecture describes one in terms of a ModelSpec and its parameters; `forward/` turns a description into kernel
 * operations. Every supported decoder is this sequence, with parts that may be absent:
 *
 *   hidden = embedding[token] x embeddingScale
 *   per layer:   hidden += postNorm(output(attend(rotate(headNorm(q, k, v of norm(hidden))))))
 *                hidden += postNorm(down(activation(gate) x up of norm(hidden)))
 *   logits = softCap(head(norm(hidden)))
 */
import type { RopeScaling } from '@plimsoll/kernels';

/** Added to the stored weight: Gemma's checkpoints store the difference from 1. */
export type NormOffset = 0 | 1;

export interface NormGraph {
  readonly weight: LayerWeightName;
  readonly offset: NormOffset;
}

/**
 * Weights of a layer by the names of GGUF, the shortest in use. Checkpoints of the Hub are mapped onto them
 * (`weight-names.ts`). `ffn_gate_up` holds gate rows, then up rows; the `_exps` are stacks, one matrix per expert.
 */
export const layerWeightNames = [
  'attn_norm.weight',
  'attn_q.weight',
  'attn_k.weight',
  'attn_v.weight',
  'attn_qkv.weight',
  'attn_q.bias',
  'attn_k.bias',
  'attn_v.bias',
  'attn_q_norm.weight',
  'attn_k_norm.weight',
  'attn_output.weight',
  'attn_output.bias',
  'post_attention_norm.weight',
  'ffn_norm.weight',
  'ffn_gate.weight',
  'ffn_up.weight',
  'ffn_gate_up.weight',
  'ffn_down.weight',
  'ffn_gate_inp.weight',
  'ffn_gate_exps.weight',
  'ffn_up_exps.weight',
  'ffn_down_exps.weight',
  'post_ffw_norm.weight',
] as const;
export type LayerWeightName = (typeof layerWeightNames)[number];

export const outerWeightNames = ['token_embd.weight', 'output_norm.weight', 'output.weight'] as const;
export type OuterWeightName = (typeof outerWeightNames)[number];

export interface AttentionGraph {
  readonly norm: NormGraph;
  /** Applied to the output before it joins the residual stream. */
  readonly postNorm: NormGraph | null;
  /** q, k and v rows in one matrix, `attn_qkv`. */
  readonly fused: boolean;
  /** Biases are used where the file has them: q, k, v, and the output. */
  readonly biases: { readonly projections: boolean; readonly output: boolean };
  /** RMSNorm over each head of q and k. */
  readonly headNorms: { readonly offset: NormOffset } | null;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Index into `rotations` of the model. */
  readonly rotation: number;
  readonly scale: number;
  readonly window: number | null;
  readonly softCap: number | null;
}

export interface DenseGraph {
  readonly kind: 'dense';
  readonly norm: NormGraph;
  readonly postNorm: NormGraph | null;
  /** Gate and up rows in one matrix, `ffn_gate_up`. */
  readonly fused: boolean;
  readonly activation: 'silu' | 'gelu';
  readonly width: number;
}

export interface ExpertsGraph {
  readonly kind: 'experts';
  readonly norm: NormGraph;
  readonly activation: 'silu' | 'gelu';
  /** Of one expert. */
  readonly width: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** True: the weights of the chosen experts add up to 1. False: they are shares among all experts. */
  readonly normalised: boolean;
}

export interface LayerGraph {
  readonly attention: AttentionGraph;
  readonly feedForward: DenseGraph | ExpertsGraph;
}

/** One way to rotate queries and keys. */
export interface Rotation {
  readonly base: number;
  readonly rotaryDim: number;
  readonly pairs: 'interleaved' | 'half';
  readonly scaling: RotationScaling;
}

/**
 * As the kernels know it, or LongRoPE (Ding et al. 2024, arXiv:2402.13753): one list of divisors up to the original
 * context and another beyond. The engine chooses by the context it is started with, so that keys in the cache never
 * change their meaning while a sequence grows.
 */
export type RotationScaling =
  | RopeScaling
  | {
      readonly kind: 'longrope';
      readonly longFactors: readonly number[];
      readonly shortFactors: readonly number[];
      readonly originalContext: number;
      readonly attentionFactor: number;
    };

export interface ModelGraph {
  readonly architecture: string;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly normEpsilon: number;
  readonly embeddingScale: number | null;
  readonly rotations: readonly Rotation[];
  readonly layers: readonly LayerGraph[];
  readonly finalNormOffset: NormOffset;
  /** True: the head is the embedding table. */
  readonly tiedHead: boolean;
  readonly logitSoftCap: number | null;
}
