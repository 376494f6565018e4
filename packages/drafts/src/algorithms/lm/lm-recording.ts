/** Plain next-token training of a small decoder, without a target: the simplest algorithm on the tape. */
import {
  type LabelLossSums,
  labelHeadLoss,
  type ParameterSet,
  type Recording,
  Tape,
  type Tensor,
} from '@plimsoll/training';
import {
  attention,
  causalRanges,
  gatherRows,
  linear,
  rmsNorm,
  rope,
  ropeAngles,
} from '@plimsoll/training/operations';
import { recordFeedForward } from '../feed-forward.ts';

export interface LmConfig {
  readonly vocabulary: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly epsilon: number;
  readonly ropeBase: number;
}

type LmWeights = ReturnType<typeof defineLm>;
type LayerWeights = LmWeights['layers'][number];

/** Names are those of Llama checkpoints; the embedding is also the head. */
export function defineLm(parameters: ParameterSet, config: LmConfig) {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = config;
  const weight = (name: string, rows: number, columns: number): Tensor =>
    parameters.trained(`model.${name}.weight`, rows, columns);
  return {
    embedding: weight('embed_tokens', config.vocabulary, hiddenSize),
    layers: Array.from({ length: config.layers }, (_, layer) => ({
      inputNorm: weight(`layers.${layer}.input_layernorm`, 1, hiddenSize),
      query: weight(`layers.${layer}.self_attn.q_proj`, heads * headDim, hiddenSize),
      key: weight(`layers.${layer}.self_attn.k_proj`, kvHeads * headDim, hiddenSize),
      value: weight(`layers.${layer}.self_attn.v_proj`, kvHeads * headDim, hiddenSize),
      output: weight(`layers.${layer}.self_attn.o_proj`, hiddenSize, heads * headDim),
      postNorm: weight(`layers.${layer}.post_attention_layernorm`, 1, hiddenSize),
      gate: weight(`layers.${layer}.mlp.gate_proj`, intermediateSize, hiddenSize),
      up: weight(`layers.${layer}.mlp.up_proj`, intermediateSize, hiddenSize),
      down: weight(`layers.${layer}.mlp.down_proj`, hiddenSize, intermediateSize),
    })),
    norm: weight('norm', 1, hiddenSize),
  };
}

export interface LmShape {
  readonly sequences: number;
  readonly length: number;
  readonly trains: boolean;
}

export interface LmRecording {
  readonly recording: Recording;
  /** Filled before a run: a token, the token after it, and the factor of its loss for every position. */
  readonly tokenIds: Uint32Array;
  readonly labels: Uint32Array;
  readonly weights: Float64Array;
  readonly sums: LabelLossSums;
}

export function recordLm(
  parameters: ParameterSet,
  weights: LmWeights,
  config: LmConfig,
  shape: LmShape,
): LmRecording {
  const positions = shape.sequences * shape.length;
  const { epsilon } = config;
  const tape = new Tape({ trains: shape.trains, parameterGradients: parameters.gradients });
  const tokenIds = new Uint32Array(positions);
  let hidden = gatherRows(tape, 'embedding', weights.embedding, tokenIds);
  for (const layer of weights.layers) hidden = recordLayer(tape, config, layer, { hidden, shape });
  const normed = rmsNorm(tape, 'norm', { input: hidden, weight: weights.norm }, { epsilon });
  const targets = { labels: new Uint32Array(positions), weights: new Float64Array(positions) };
  const sums = labelHeadLoss(tape, 'loss', { hidden: normed, head: weights.embedding, ...targets });
  return { recording: tape.finish(), tokenIds, ...targets, sums };
}

function recordLayer(
  tape: Tape,
  config: LmConfig,
  weights: LayerWeights,
  { hidden, shape }: { readonly hidden: Tensor; readonly shape: LmShape },
): Tensor {
  const { heads, kvHeads, headDim, epsilon } = config;
  const { sequences, length } = shape;
  const input = rmsNorm(tape, 'input norm', { input: hidden, weight: weights.inputNorm }, { epsilon });
  const project = (name: string, weight: Tensor): Tensor => linear(tape, name, [{ input, weight }]);
  const angles = { base: config.ropeBase, rotaryDim: headDim, scaling: { kind: 'none' } } as const;
  const positions = Array.from({ length: hidden.rows }, (_, row) => row % length);
  const turn = { headDim, rotaryDim: headDim, table: ropeAngles(angles, positions) };
  const queries = rope(tape, 'turned q', project('q', weights.query), { ...turn, heads });
  const keys = rope(tape, 'turned k', project('k', weights.key), { ...turn, heads: kvHeads });
  const values = project('v', weights.value);
  const sizes = { sequences, heads, kvHeads, headDim, scale: headDim ** -0.5 };
  const visible = causalRanges(sequences, length);
  const attended = attention(tape, 'attention', { queries, keys, values }, { ...sizes, visible });
  return recordFeedForward(tape, (part) => part, weights, { hidden, attended, epsilon });
}
