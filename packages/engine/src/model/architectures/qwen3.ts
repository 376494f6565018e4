/** Qwen 3, dense and with experts: the graph normalises every head of q and k before rotation. */
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
    // transformers normalises only if the config states it; llama.cpp's files do not record it and always normalise.
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
