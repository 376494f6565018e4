/**
 * Gemma 2 and 3: norms before and after each part, embeddings scaled by sqrt(hidden size), GeGLU, sliding windows in
 * most layers. Gemma 2 caps scores and logits. Gemma 3 normalises the heads of q and k, and has a separate rotary base
 * for layers with windows. Hub checkpoints store norm weights minus 1; GGUF files store the weights themselves.
 */
import type { LayerSpec } from '@plimsoll/model-files';
import {
  type Architecture,
  attentionOf,
  denseOf,
  graphOf,
  headsOf,
  norm,
  plainLayer,
  rotationOf,
} from '../architecture.ts';
import type { LayerGraph, LayerWeightName, NormOffset } from '../graph.ts';
import type { GraphFacts } from '../parameters.ts';

export const fourNorms: Partial<Readonly<Record<LayerWeightName, string>>> = {
  'post_attention_norm.weight': 'post_attention_layernorm.weight',
  'ffn_norm.weight': 'pre_feedforward_layernorm.weight',
  'post_ffw_norm.weight': 'post_feedforward_layernorm.weight',
};

function offsetOf({ parameters }: GraphFacts): NormOffset {
  return parameters.source === 'gguf' ? 0 : 1;
}

/**
 * Scores are divided by the square root of this scalar. GGUF files do not record it. It is the head dimension, except
 * in the largest models, which llama.cpp recognises by their number of layers (src/models/gemma2.cpp and gemma3.cpp):
 * there it is hidden size / heads.
 */
function queryScalarOf({ spec, parameters }: GraphFacts, largestLayers: number): number {
  const first = spec.layers[0];
  const heads = first === undefined ? null : headsOf(first, 0);
  const { overrides, queryScalar, source } = parameters;
  const stated = overrides?.architecture === 'gemma2' ? overrides.queryScalar : undefined;
  if (stated !== undefined) return stated;
  if (queryScalar !== null || heads === null) return queryScalar ?? 1;
  const isLargest = source === 'gguf' && spec.layers.length === largestLayers;
  return isLargest ? spec.hiddenSize / heads.queryHeads : heads.keyHeadDim;
}

/** The layer of both models; `traits` change its attention. */
function layerOf(
  facts: GraphFacts,
  place: { readonly layer: LayerSpec; readonly index: number; readonly queryScalar: number },
  traits: Partial<LayerGraph['attention']>,
): LayerGraph {
  const { layer, index, queryScalar } = place;
  const offset = offsetOf(facts);
  return plainLayer(
    attentionOf(layer, index, {
      norm: norm('attn_norm.weight', offset),
      postNorm: norm('post_attention_norm.weight', offset),
      scale: 1 / Math.sqrt(queryScalar),
      ...traits,
    }),
    denseOf(layer, index, {
      norm: norm('ffn_norm.weight', offset),
      postNorm: norm('post_ffw_norm.weight', offset),
      activation: 'gelu',
    }),
  );
}

export const gemma2: Architecture = {
  name: 'gemma2',
  ggufNames: ['gemma2'],
  hubTypes: ['gemma2'],
  hubNames: () => fourNorms,
  describe(facts) {
    const { source, attentionSoftCap, logitSoftCap } = facts.parameters;
    const queryScalar = queryScalarOf(facts, 46);
    // GGUF files older than these keys use Gemma 2's published caps.
    const softCap = attentionSoftCap ?? (source === 'gguf' ? 50 : null);
    return graphOf('gemma2', facts, {
      rotations: [rotationOf(facts)],
      embeddingScale: Math.sqrt(facts.spec.hiddenSize),
      finalNormOffset: offsetOf(facts),
      logitSoftCap: logitSoftCap ?? (source === 'gguf' ? 30 : null),
      layer: (layer, index) => layerOf(facts, { layer, index, queryScalar }, { softCap }),
    });
  },
};

/** Rotary base of layers with a window if the file does not state it. */
const slidingBase = 10_000;

export const gemma3: Architecture = {
  name: 'gemma3',
  ggufNames: ['gemma3'],
  hubTypes: ['gemma3_text'],
  hubNames: () => fourNorms,
  describe(facts) {
    const { ropeBaseSliding, logitSoftCap, attentionSoftCap } = facts.parameters;
    const queryScalar = queryScalarOf(facts, 62);
    const windows = facts.spec.layers.map((layer, index) => headsOf(layer, index).window);
    const far = rotationOf(facts, { defaultBase: 1_000_000 });
    // Only full layers need rotary scaling; layers with a window never attend beyond it.
    const near = { ...far, base: ropeBaseSliding ?? slidingBase, scaling: { kind: 'none' } } as const;
    // A rotation that no layer uses would need a table, for which the plan reserves no memory.
    const rotations = [far, near].filter((rotation) =>
      windows.some((window) => rotation === (window === null ? far : near)),
    );
    return graphOf('gemma3', facts, {
      rotations,
      embeddingScale: Math.sqrt(facts.spec.hiddenSize),
      finalNormOffset: offsetOf(facts),
      logitSoftCap,
      layer: (layer, index) =>
        layerOf(
          facts,
          { layer, index, queryScalar },
          {
            headNorms: { offset: offsetOf(facts) },
            softCap: attentionSoftCap,
            rotation: rotations.indexOf(windows[index] === null ? far : near),
          },
        ),
    });
  },
};
