/**
 * A model as data: what each layer computes, in the order in which it does, without tensors and without code. An
 * architecture describes one in terms of a ModelSpec and its parameters; `forward/` turns a description into kernel
 * operations. Every supported decoder is this sequence, with parts that may be absent:
 *
 *   hidden = embedding[token] x embeddingScale
 *   inputs = (tables[token] x tableScale + norm(projection(hidden) x projectionScale)) x scale
 *   per layer:   hidden += postNorm(output(attend(rotate(headNorm(q, k, v of norm(hidden))))))
 *                hidden += postNorm(down(activation(gate) x up of norm(hidden)))
 *                hidden += postNorm(projection(activation(gate of hidden) x inputs[layer]))
 *                hidden = hidden x outputScale
 *   logits = softCap(head(norm(hidden)))
 */
import type { ProductPath, RopeScaling } from '@plimsoll/kernels';

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
  'ffn_gate_inp.scale',
  'ffn_gate_up_exps.weight',
  'ffn_down_exps.scale',
  'pre_ffw_norm_2.weight',
  'post_ffw_norm_1.weight',
  'post_ffw_norm_2.weight',
  'inp_gate.weight',
  'proj.weight',
  'post_norm.weight',
  'layer_output_scale.weight',
] as const;
export type LayerWeightName = (typeof layerWeightNames)[number];

export const outerWeightNames = [
  'token_embd.weight',
  'output_norm.weight',
  'output.weight',
  'per_layer_token_embd.weight',
  'per_layer_model_proj.weight',
  'per_layer_proj_norm.weight',
] as const;
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
  /** `normed`: RMSNorm without a weight over each head of v. `keys`: so are the keys, as they were before their norm. */
  readonly values: 'plain' | 'normed' | 'keys';
  /** The earlier layer whose keys and values are read; null = its own. */
  readonly sharesKvWithLayer: number | null;
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
  /** Of what the router reads, which is then divided by the root of the hidden size; null = what the experts read. */
  readonly routerNorm: NormGraph | null;
  /** Gate and up rows of an expert in one matrix, `ffn_gate_up_exps`. */
  readonly fused: boolean;
  /** What an expert says is multiplied by a number of its own, `ffn_down_exps.scale`. */
  readonly scaled: boolean;
  readonly activation: 'silu' | 'gelu';
  /** Of one expert. */
  readonly width: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** True: the weights of the chosen experts add up to 1. False: they are shares among all experts. */
  readonly normalised: boolean;
}

/** A dense part and experts that read the same rows. Each is normed by itself, their sum once more. */
export interface MixedGraph {
  readonly kind: 'mixed';
  readonly dense: DenseGraph & { readonly postNorm: NormGraph };
  readonly experts: ExpertsGraph;
  readonly expertsPostNorm: NormGraph;
  readonly postNorm: NormGraph;
}

/** What a layer adds of the embedding per layer. */
export interface LayerInputGraph {
  readonly activation: 'silu' | 'gelu';
  readonly postNorm: NormGraph;
}

export interface LayerGraph {
  readonly attention: AttentionGraph;
  readonly feedForward: DenseGraph | ExpertsGraph | MixedGraph;
  readonly layerInput: LayerInputGraph | null;
  /** The residual stream is multiplied by a number at the end of the layer, where the file has one. */
  readonly outputScale: boolean;
}

/** An embedding of which every layer reads columns of its own. */
export interface LayerInputsGraph {
  /** Columns of one layer. */
  readonly width: number;
  readonly tableScale: number;
  readonly projectionScale: number;
  /** Of the sum. */
  readonly scale: number;
}

/** One way to rotate queries and keys. */
export interface Rotation {
  readonly base: number;
  readonly rotaryDim: number;
  readonly pairs: 'interleaved' | 'half';
  readonly scaling: RotationScaling;
}

/**
 * As the kernels know it; or a share of the pairs rotated, at the pace that they have in a whole head; or LongRoPE (Ding et al. 2024, arXiv:2402.13753): one list of divisors up to the original
 * context and another beyond. The engine chooses by the context it is started with, so that keys in the cache never
 * change their meaning while a sequence grows.
 */
export type RotationScaling =
  | RopeScaling
  | { readonly kind: 'proportional'; readonly rotatedShare: number; readonly factor: number }
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
  readonly layerInputs: LayerInputsGraph | null;
  readonly layers: readonly LayerGraph[];
  readonly finalNormOffset: NormOffset;
  /** True: the head is the embedding table. */
  readonly tiedHead: boolean;
  readonly logitSoftCap: number | null;
  /** Of every matrix product. */
  readonly productPath: ProductPath;
}
