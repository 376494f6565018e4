/**
 * Llama 2 and 3.x, SmolLM, TinyLlama, Mistral and Mixtral. Their GGUF files permute the rows of q and k, so that the
 * two elements of a rotated pair are adjacent; in Hub checkpoints the elements are half a head apart.
 */
import {
  type Architecture,
  attentionOf,
  denseOf,
  expertsOf,
  graphOf,
  plainLayer,
  rotationOf,
} from '../architecture.ts';

export const llama: Architecture = {
  name: 'llama',
  ggufNames: ['llama'],
  hubTypes: ['llama', 'mistral', 'mixtral'],
  hubNames: (modelType) =>
    modelType === 'mixtral'
      ? {
          'ffn_gate_inp.weight': 'block_sparse_moe.gate.weight',
          'ffn_gate_exps.weight': 'block_sparse_moe.experts.w1.weight',
          'ffn_up_exps.weight': 'block_sparse_moe.experts.w3.weight',
          'ffn_down_exps.weight': 'block_sparse_moe.experts.w2.weight',
        }
      : {},
  describe(facts) {
    const { source, overrides } = facts.parameters;
    const stated = overrides?.architecture === 'llama' ? overrides.window : undefined;
    const asked = overrides?.architecture === 'mixtral' ? overrides.expertsPerToken : undefined;
    const experts = asked === undefined ? {} : { expertsPerToken: asked };
    const window = stated === undefined ? {} : { window: stated };
    return graphOf('llama', facts, {
      rotations: [rotationOf(facts, { pairs: source === 'gguf' ? 'interleaved' : 'half' })],
      layer: (layer, index) =>
        plainLayer(
          attentionOf(layer, index, { biases: { projections: true, output: true }, ...window }),
          layer.mlp.kind === 'moe' ? expertsOf(layer, index, experts) : denseOf(layer, index),
        ),
    });
  },
};
