/** The shape that each weight of a layer must have, row-major: what the forward pass reads, to the last element. */
import type { AttentionGraph, DenseGraph, ExpertsGraph, LayerGraph, LayerWeightName } from './graph.ts';

type Shape = readonly number[];
type Shapes = Partial<Record<LayerWeightName, Shape>>;

export function shapesOfLayer({ attention, feedForward }: LayerGraph, hiddenSize: number): Shapes {
  return {
    ...shapesOfAttention(attention, hiddenSize),
    ...(feedForward.kind === 'experts'
      ? shapesOfExperts(feedForward, hiddenSize)
      : shapesOfDense(feedForward, hiddenSize)),
  };
}

function shapesOfAttention(attention: AttentionGraph, hiddenSize: number): Shapes {
  const { heads, kvHeads, headDim, norm, postNorm } = attention;
  const queryRows = heads * headDim;
  const keyRows = kvHeads * headDim;
  return {
    [norm.weight]: [hiddenSize],
    ...(postNorm !== null && { [postNorm.weight]: [hiddenSize] }),
    'attn_q.weight': [queryRows, hiddenSize],
    'attn_k.weight': [keyRows, hiddenSize],
    'attn_v.weight': [keyRows, hiddenSize],
    'attn_qkv.weight': [queryRows + 2 * keyRows, hiddenSize],
    'attn_q.bias': [queryRows],
    'attn_k.bias': [keyRows],
    'attn_v.bias': [keyRows],
    'attn_q_norm.weight': [headDim],
    'attn_k_norm.weight': [headDim],
    'attn_output.weight': [hiddenSize, queryRows],
    'attn_output.bias': [hiddenSize],
  };
}

function shapesOfDense({ norm, postNorm, width }: DenseGraph, hiddenSize: number): Shapes {
  return {
    [norm.weight]: [hiddenSize],
    ...(postNorm !== null && { [postNorm.weight]: [hiddenSize] }),
    'ffn_gate.weight': [width, hiddenSize],
    'ffn_up.weight': [width, hiddenSize],
    'ffn_gate_up.weight': [2 * width, hiddenSize],
    'ffn_down.weight': [hiddenSize, width],
  };
}

function shapesOfExperts({ norm, experts, width }: ExpertsGraph, hiddenSize: number): Shapes {
  return {
    [norm.weight]: [hiddenSize],
    'ffn_gate_inp.weight': [experts, hiddenSize],
    'ffn_gate_exps.weight': [experts, width, hiddenSize],
    'ffn_up_exps.weight': [experts, width, hiddenSize],
    'ffn_down_exps.weight': [experts, hiddenSize, width],
  };
}
