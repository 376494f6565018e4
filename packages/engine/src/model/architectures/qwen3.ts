/** Qwen 3, dense and with experts: every head of q and k is normed before it rotates. */
import {
  type Architecture,
  attentionOf,
  denseOf,
  expertsOf,
  graphOf,
  plainLayer,
  rotationOf,
} from '../architecture.ts';

export const qwen3: Architecture = {
  name: 'qwen3',
  ggufNames: ['qwen3', 'qwen3moe'],
  hubTypes: ['qwen3', 'qwen3_moe'],
  describe(facts) {
    // transformers normalises only when the config says so; files of llama.cpp do not record it and always mean it.
    const normalised = facts.parameters.expertWeightsNormalised ?? facts.parameters.source === 'gguf';
    const { overrides } = facts.parameters;
    const asked = overrides?.architecture === 'qwen3moe' ? overrides.expertsPerToken : undefined;
    const experts = { normalised, ...(asked !== undefined && { expertsPerToken: asked }) };
    return graphOf('qwen3', facts, {
      rotations: [rotationOf(facts)],
      layer: (layer, index) =>
        plainLayer(
          attentionOf(layer, index, {
            headNorms: { offset: 0 },
            biases: { projections: true, output: true },
          }),
          layer.mlp.kind === 'moe' ? expertsOf(layer, index, experts) : denseOf(layer, index),
        ),
    });
  },
};
