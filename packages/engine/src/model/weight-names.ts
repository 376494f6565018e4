/**
 * Maps the weights of a graph to the tensors of a file. GGUF files use the graph's names, except for one fused matrix.
 * Hub checkpoints use Llama's names unless the architecture states others.
 */
import type { Architecture } from './architecture.ts';
import type {
  AttentionGraph,
  DenseGraph,
  ExpertsGraph,
  LayerGraph,
  LayerWeightName,
  OuterWeightName,
} from './graph.ts';

const hubLayerNames: Readonly<Record<LayerWeightName, string>> = {
  'attn_norm.weight': 'input_layernorm.weight',
  'attn_q.weight': 'self_attn.q_proj.weight',
  'attn_k.weight': 'self_attn.k_proj.weight',
  'attn_v.weight': 'self_attn.v_proj.weight',
  'attn_qkv.weight': 'self_attn.qkv_proj.weight',
  'attn_q.bias': 'self_attn.q_proj.bias',
  'attn_k.bias': 'self_attn.k_proj.bias',
  'attn_v.bias': 'self_attn.v_proj.bias',
  'attn_q_norm.weight': 'self_attn.q_norm.weight',
  'attn_k_norm.weight': 'self_attn.k_norm.weight',
  'attn_output.weight': 'self_attn.o_proj.weight',
  'attn_output.bias': 'self_attn.o_proj.bias',
  'post_attention_norm.weight': '',
  'ffn_norm.weight': 'post_attention_layernorm.weight',
  'ffn_gate.weight': 'mlp.gate_proj.weight',
  'ffn_up.weight': 'mlp.up_proj.weight',
  'ffn_gate_up.weight': 'mlp.gate_up_proj.weight',
  'ffn_down.weight': 'mlp.down_proj.weight',
  'ffn_gate_inp.weight': 'mlp.gate.weight',
  'ffn_gate_exps.weight': 'mlp.experts.gate_proj.weight',
  'ffn_up_exps.weight': 'mlp.experts.up_proj.weight',
  'ffn_down_exps.weight': 'mlp.experts.down_proj.weight',
  'post_ffw_norm.weight': '',
  'ffn_gate_inp.scale': 'router.scale',
  'ffn_gate_up_exps.weight': 'experts.gate_up_proj',
  'ffn_down_exps.scale': 'router.per_expert_scale',
  'pre_ffw_norm_2.weight': 'pre_feedforward_layernorm_2.weight',
  'post_ffw_norm_1.weight': 'post_feedforward_layernorm_1.weight',
  'post_ffw_norm_2.weight': 'post_feedforward_layernorm_2.weight',
  'inp_gate.weight': 'per_layer_input_gate.weight',
  'proj.weight': 'per_layer_projection.weight',
  'post_norm.weight': 'post_per_layer_input_norm.weight',
  'layer_output_scale.weight': 'layer_scalar',
  'hidden_norm.weight': 'hidden_norm.weight',
};

const hubOuterNames: Readonly<Record<OuterWeightName, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
  'per_layer_token_embd.weight': 'model.embed_tokens_per_layer.weight',
  'per_layer_model_proj.weight': 'model.per_layer_model_projection.weight',
  'per_layer_proj_norm.weight': 'model.per_layer_projection_norm.weight',
  'fc.weight': 'fc.weight',
  'input_norm.weight': 'input_norm.weight',
};

/** Names of weights in the ModelSpec of a file, inside and outside layers. */
export interface WeightNames {
  layer(weight: LayerWeightName): string;
  outer(weight: OuterWeightName): string;
}

/** llama.cpp stores Phi's fused gate and up matrix under the name of the up projection. */
const ggufNames: WeightNames = {
  layer: (weight) => (weight === 'ffn_gate_up.weight' ? 'ffn_up.weight' : weight),
  outer: (weight) => weight,
};

export function weightNames(
  architecture: Architecture,
  source: 'gguf' | 'hub',
  modelType: string,
): WeightNames {
  if (source === 'gguf') return ggufNames;
  const own = architecture.hubNames?.(modelType) ?? {};
  return {
    layer: (weight) => own[weight] ?? hubLayerNames[weight],
    outer: (weight) => hubOuterNames[weight],
  };
}

interface NeededWeights {
  readonly required: readonly LayerWeightName[];
  readonly optional: readonly LayerWeightName[];
}

/** The weights that a layer requires, and the weights that it uses if the file has them. */
export function weightsOfLayer({
  attention,
  feedForward,
  layerInput,
  outputScale,
}: LayerGraph): NeededWeights {
  const { required, optional } = weightsOfAttention(attention);
  return {
    required: [
      ...required,
      ...weightsOfFeedForward(feedForward),
      ...(layerInput === null
        ? []
        : (['inp_gate.weight', 'proj.weight', layerInput.postNorm.weight] as const)),
    ],
    optional: outputScale ? [...optional, 'layer_output_scale.weight'] : optional,
  };
}

function weightsOfAttention(attention: AttentionGraph): NeededWeights {
  const required: LayerWeightName[] = [attention.norm.weight];
  const optional: LayerWeightName[] = [];
  if (attention.joined !== null) required.push(attention.joined.hiddenNorm.weight);
  const hasOwnKeys = attention.sharesKvWithLayer === null;
  if (attention.fused) required.push('attn_qkv.weight');
  else required.push('attn_q.weight');
  if (!attention.fused && hasOwnKeys) required.push('attn_k.weight');
  if (!attention.fused && hasOwnKeys && attention.values !== 'keys') required.push('attn_v.weight');
  if (attention.biases.projections) optional.push('attn_q.bias');
  if (attention.biases.projections && hasOwnKeys) optional.push('attn_k.bias', 'attn_v.bias');
  if (attention.headNorms !== null) required.push('attn_q_norm.weight');
  if (attention.headNorms !== null && hasOwnKeys) required.push('attn_k_norm.weight');
  required.push('attn_output.weight');
  if (attention.biases.output) optional.push('attn_output.bias');
  if (attention.postNorm !== null) required.push(attention.postNorm.weight);
  return { required, optional };
}

function weightsOfFeedForward(graph: LayerGraph['feedForward']): readonly LayerWeightName[] {
  switch (graph.kind) {
    case 'dense':
      return weightsOfDense(graph);
    case 'experts':
      return weightsOfExperts(graph);
    case 'mixed':
      return [
        ...weightsOfDense(graph.dense),
        ...weightsOfExperts(graph.experts),
        graph.expertsPostNorm.weight,
        graph.postNorm.weight,
      ];
  }
}

function weightsOfDense({ norm, postNorm, fused }: DenseGraph): readonly LayerWeightName[] {
  const inward = fused ? (['ffn_gate_up.weight'] as const) : (['ffn_gate.weight', 'ffn_up.weight'] as const);
  const outward = postNorm === null ? [] : [postNorm.weight];
  return [norm.weight, ...inward, 'ffn_down.weight', ...outward];
}

function weightsOfExperts({ norm, routerNorm, scaled, fused }: ExpertsGraph): readonly LayerWeightName[] {
  return [
    norm.weight,
    'ffn_gate_inp.weight',
    ...(routerNorm === null ? [] : [routerNorm.weight]),
    ...expertStacks(fused),
    ...(scaled ? (['ffn_down_exps.scale'] as const) : []),
  ];
}

/** The stacks of expert matrices. */
function expertStacks(fused: boolean): readonly LayerWeightName[] {
  return fused
    ? ['ffn_gate_up_exps.weight', 'ffn_down_exps.weight']
    : ['ffn_gate_exps.weight', 'ffn_up_exps.weight', 'ffn_down_exps.weight'];
}
