/** The shape that each weight must have, row-major. The forward pass reads exactly these elements. */
import type {
  AttentionGraph,
  DenseGraph,
  ExpertsGraph,
  LayerGraph,
  LayerWeightName,
  ModelGraph,
  OuterWeightName,
} from './graph.ts';

type Shape = readonly number[];
type Shapes = Partial<Record<LayerWeightName, Shape>>;

/** Shapes of weights outside layers. */
export function outerShapes(graph: ModelGraph): Partial<Record<OuterWeightName, Shape>> {
  const { hiddenSize, vocabSize, logitsSize, layerInputs, draftInput, layers } = graph;
  const captured = draftInput === null ? 0 : draftInput.layers * draftInput.targetHiddenSize;
  const width = layerInputs?.width ?? 0;
  return {
    'token_embd.weight': [vocabSize, hiddenSize],
    'output_norm.weight': [hiddenSize],
    'output.weight': [logitsSize, hiddenSize],
    'per_layer_token_embd.weight': [vocabSize, layers.length * width],
    'per_layer_model_proj.weight': [layers.length * width, hiddenSize],
    'per_layer_proj_norm.weight': [width],
    'fc.weight': [hiddenSize, captured],
    'input_norm.weight': [captured],
  };
}

export function shapesOfLayer(layer: LayerGraph, { hiddenSize, layerInputs }: ModelGraph): Shapes {
  const { attention, feedForward, layerInput } = layer;
  return {
    ...shapesOfAttention(attention, hiddenSize),
    ...shapesOfFeedForward(feedForward, hiddenSize),
    ...(layerInput !== null && {
      'inp_gate.weight': [layerInputs?.width ?? 0, hiddenSize],
      'proj.weight': [hiddenSize, layerInputs?.width ?? 0],
      [layerInput.postNorm.weight]: [hiddenSize],
    }),
    'layer_output_scale.weight': [1],
  };
}

function shapesOfFeedForward(graph: LayerGraph['feedForward'], hiddenSize: number): Shapes {
  switch (graph.kind) {
    case 'dense':
      return shapesOfDense(graph, hiddenSize);
    case 'experts':
      return shapesOfExperts(graph, hiddenSize);
    case 'mixed':
      return {
        ...shapesOfDense(graph.dense, hiddenSize),
        ...shapesOfExperts(graph.experts, hiddenSize),
        [graph.expertsPostNorm.weight]: [hiddenSize],
        [graph.postNorm.weight]: [hiddenSize],
      };
  }
}

function shapesOfAttention(attention: AttentionGraph, hiddenSize: number): Shapes {
  const { heads, kvHeads, headDim, norm, postNorm, joined } = attention;
  const inputSize = joined === null ? hiddenSize : 2 * hiddenSize;
  const queryRows = heads * headDim;
  const keyRows = kvHeads * headDim;
  return {
    [norm.weight]: [hiddenSize],
    ...(postNorm !== null && { [postNorm.weight]: [hiddenSize] }),
    'hidden_norm.weight': [hiddenSize],
    'attn_q.weight': [queryRows, inputSize],
    'attn_k.weight': [keyRows, inputSize],
    'attn_v.weight': [keyRows, inputSize],
    'attn_qkv.weight': [queryRows + 2 * keyRows, inputSize],
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

function shapesOfExperts(graph: ExpertsGraph, hiddenSize: number): Shapes {
  const { norm, routerNorm, experts, width } = graph;
  return {
    [norm.weight]: [hiddenSize],
    ...(routerNorm !== null && { [routerNorm.weight]: [hiddenSize] }),
    'ffn_gate_inp.weight': [experts, hiddenSize],
    'ffn_gate_exps.weight': [experts, width, hiddenSize],
    'ffn_up_exps.weight': [experts, width, hiddenSize],
    'ffn_gate_up_exps.weight': [experts, 2 * width, hiddenSize],
    'ffn_down_exps.scale': [experts],
    'ffn_down_exps.weight': [experts, hiddenSize, width],
  };
}
