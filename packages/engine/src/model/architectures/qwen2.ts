/** Qwen 2 and 2.5: Llama with biases on q, k and v. */
import { type Architecture, attentionOf, denseOf, graphOf, plainLayer, rotationOf } from '../architecture.ts';

export const qwen2: Architecture = {
  name: 'qwen2',
  ggufNames: ['qwen2'],
  hubTypes: ['qwen2'],
  describe: (facts) =>
    graphOf('qwen2', facts, {
      rotations: [rotationOf(facts)],
      layer: (layer, index) =>
        plainLayer(
          attentionOf(layer, index, { biases: { projections: true, output: false } }),
          denseOf(layer, index),
        ),
    }),
};
