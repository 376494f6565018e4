/**
 * EAGLE3 drafts (Li et al., 2025, arXiv:2503.01840) with a layer of Llama, and the flags of EAGLE3.1. A draft is no
 * architecture of `known.ts`: it computes nothing without its target.
 */
import { attentionOf, denseOf, graphOf, norm, plainLayer, rotationOf } from '../architecture.ts';
import type { DraftInputGraph, ModelGraph } from '../graph.ts';
import type { GraphFacts } from '../parameters.ts';

export interface Eagle3Facts extends GraphFacts {
  readonly draftInput: DraftInputGraph;
  /** True: the residual stream of the layer is the normed state. */
  readonly normsResidual: boolean;
  /** Tokens that the head predicts. */
  readonly draftVocabulary: number;
}

export function eagle3Graph(facts: Eagle3Facts): ModelGraph {
  const { draftInput, normsResidual, draftVocabulary } = facts;
  const joined = { hiddenNorm: norm('hidden_norm.weight'), normsResidual };
  return graphOf('eagle3', facts, {
    draftInput,
    logitsSize: draftVocabulary,
    rotations: [rotationOf(facts)],
    layer: (layer, index) =>
      plainLayer(
        attentionOf(layer, index, { joined, biases: { projections: true, output: true } }),
        denseOf(layer, index),
      ),
  });
}
