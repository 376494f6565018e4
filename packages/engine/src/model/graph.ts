/**
 * A model as data: the computation of each layer, in order, without tensors and without code. An architecture makes a
 * graph from a ModelSpec and its parameters; `forward/` turns the graph into kernel operations. Every supported decoder
 * is this sequence, in which parts may be absent:
 *
 *   hidden = embedding[token] x embeddingScale
 *   inputs = (tables[token] x tableScale + norm(projection(hidden) x projectionScale)) x scale
 *   per layer:   hidden += postNorm(output(attend(rotate(headNorm(q, k, v of norm(hidden))))))
 *                hidden += postNorm(down(activation(gate) x up of norm(hidden)))
 *                hidden += postNorm(projection(activation(gate of hidden) x inputs[layer]))
 *                hidden = hidden x outputScale
 *   logits = softCap(head(norm(hidden)))
 *
 * An EAGLE3 draft begins with hidden = fc(norm(states of its target)), and its layer reads norm(embedding) beside it.
 */
import type { ProductPath } from '@plimsoll/kernels';
import type { RopeScaling } from '@plimsoll/kernels/rope';

/** Offset added to the stored weight: Gemma's Hub checkpoints store the weight minus 1. */
export type NormOffset = 0 | 1;

export interface NormGraph {
  readonly weight: LayerWeightName;
  readonly offset: NormOffset;
}

/**
 * Names of a layer's weights: GGUF's names, the shortest in use. `weight-names.ts` maps the names of Hub checkpoints to
 * them. `ffn_gate_up` holds gate rows, then up rows. Weights named `_exps` are stacks with one matrix per expert.
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
  'hidden_norm.weight',
] as const;
export type LayerWeightName = (typeof layerWeightNames)[number];

export const outerWeightNames = [
  'token_embd.weight',
  'output_norm.weight',
  'output.weight',
  'per_layer_token_embd.weight',
  'per_layer_model_proj.weight',
  'per_layer_proj_norm.weight',
  'fc.weight',
  'input_norm.weight',
] as const;
export type OuterWeightName = (typeof outerWeightNames)[number];

export interface AttentionGraph {
  readonly norm: NormGraph;
  /** Applied to the output before it joins the residual stream. */
  readonly postNorm: NormGraph | null;
  /** How the layer reads the token's embedding beside the residual stream; null = it reads the stream alone. */
  readonly joined: JoinedInputGraph | null;
  /** True: q, k and v rows are in one matrix, `attn_qkv`. */
  readonly fused: boolean;
  /** True: the layer uses the biases that the file has, for q, k and v (`projections`) and for the output. */
  readonly biases: { readonly projections: boolean; readonly output: boolean };
  /** RMSNorm of each head of q and k. */
  readonly headNorms: { readonly offset: NormOffset } | null;
  /** `normed`: RMSNorm without a weight of each head of v. `keys`: the same norm of the keys before their own norm. */
  readonly values: 'plain' | 'normed' | 'keys';
  /** The earlier layer whose keys and values this layer reads; null = this layer has its own. */
  readonly sharesKvWithLayer: number | null;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Index into `rotations` of the model. */
  readonly rotation: number;
  /** Factor on the scores. */
  readonly scale: number;
  /** Tokens that a position attends to, including itself; null = all tokens before it. */
  readonly window: number | null;
  /** Scores become softCap x tanh(score / softCap); null = no cap. */
  readonly softCap: number | null;
}

/** The input of an EAGLE3 layer: `norm` of the embedding, then this norm of the hidden state. */
export interface JoinedInputGraph {
  readonly hiddenNorm: NormGraph;
  /** True: the normed hidden state is the residual stream. */
  readonly normsResidual: boolean;
}

export interface DenseGraph {
  readonly kind: 'dense';
  readonly norm: NormGraph;
  readonly postNorm: NormGraph | null;
  /** True: gate and up rows are in one matrix, `ffn_gate_up`. */
  readonly fused: boolean;
  readonly activation: 'silu' | 'gelu';
  readonly width: number;
}

export interface ExpertsGraph {
  readonly kind: 'experts';
  readonly norm: NormGraph;
  /**
   * Norm of the router's input, which is then divided by sqrt(hidden size); null = router and experts share an input.
   */
  readonly routerNorm: NormGraph | null;
  /** True: gate and up rows of an expert are in one matrix, `ffn_gate_up_exps`. */
  readonly fused: boolean;
  /** True: the output of an expert is multiplied by its number in `ffn_down_exps.scale`. */
  readonly scaled: boolean;
  readonly activation: 'silu' | 'gelu';
  /** Gate rows of one expert. */
  readonly width: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** True: the weights of the chosen experts sum to 1. False: the weights of all experts sum to 1. */
  readonly normalised: boolean;
}

/** A dense part and experts that read the same rows. Each output is normalised, and then their sum. */
export interface MixedGraph {
  readonly kind: 'mixed';
  readonly dense: DenseGraph & { readonly postNorm: NormGraph };
  readonly experts: ExpertsGraph;
  readonly expertsPostNorm: NormGraph;
  readonly postNorm: NormGraph;
}

/** The part of a layer that adds the embedding per layer. */
export interface LayerInputGraph {
  readonly activation: 'silu' | 'gelu';
  readonly postNorm: NormGraph;
}

export interface LayerGraph {
  readonly attention: AttentionGraph;
  readonly feedForward: DenseGraph | ExpertsGraph | MixedGraph;
  readonly layerInput: LayerInputGraph | null;
  /** True: the layer multiplies the residual stream by `layer_output_scale`, if the file has it. */
  readonly outputScale: boolean;
}

/** An embedding per layer: one table, in which every layer has its own columns. */
export interface LayerInputsGraph {
  /** Columns of one layer. */
  readonly width: number;
  readonly tableScale: number;
  readonly projectionScale: number;
  /** Factor on the sum of table and projection. */
  readonly scale: number;
}

/** What joins an EAGLE3 draft to its target. */
export interface DraftInputGraph {
  /** Captured layers of the target, and the size of their states. */
  readonly layers: number;
  readonly targetHiddenSize: number;
  /** Norms of the captured states before `fc`: none, one for each layer, or one for all side by side. */
  readonly norms: 'none' | 'each' | 'whole';
  /** True: the state that a pass hands to the next is normalised. */
  readonly normsOutput: boolean;
}

/** A rotation of queries and keys. */
export interface Rotation {
  readonly base: number;
  readonly rotaryDim: number;
  readonly pairs: 'interleaved' | 'half';
  readonly scaling: RotationScaling;
}

/**
 * The kernels' scaling rules, and two more. `proportional` rotates a share of the pairs, with the frequencies of a
 * whole head. `longrope` (Ding et al. 2024, arXiv:2402.13753) has one list of divisors up to the original context and
 * another beyond it. The engine chooses the list by the context that it is started with, so that cached keys stay valid
 * while a sequence grows.
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
  /** Columns of the logits: less than the vocabulary if a draft predicts a part of it. */
  readonly logitsSize: number;
  readonly normEpsilon: number;
  readonly embeddingScale: number | null;
  readonly rotations: readonly Rotation[];
  readonly layerInputs: LayerInputsGraph | null;
  /** Null for a model that computes by itself. */
  readonly draftInput: DraftInputGraph | null;
  readonly layers: readonly LayerGraph[];
  readonly finalNormOffset: NormOffset;
  /** True: the head uses the embedding table. */
  readonly tiedHead: boolean;
  readonly logitSoftCap: number | null;
  /** Kernel path of every matrix product. */
  readonly productPath: ProductPath;
}
