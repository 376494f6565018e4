/** Phi 3 and 3.5 mini: Llama with a fused q, k, v matrix, a fused gate and up matrix, partial rotation, LongRoPE. */
import { type Architecture, attentionOf, denseOf, graphOf, plainLayer, rotationOf } from '../architecture.ts';

export const phi3: Architecture = {
  name: 'phi3',
  ggufNames: ['phi3'],
  hubTypes: ['phi3'],
  describe: (facts) =>
    graphOf('phi3', facts, {
      rotations: [rotationOf(facts)],
      layer: (layer, index) =>
        plainLayer(attentionOf(layer, index, { fused: true }), denseOf(layer, index, { fused: true })),
    }),
};
