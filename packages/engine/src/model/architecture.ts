/** The contract of files under `architectures/`. A new architecture is one file there and a line in `known.ts`. */
import { PlimsollError } from '@plimsoll/foundation';
import type { LayerSpec } from '@plimsoll/model-files';
import type { HeadLayout } from '@plimsoll/model-files/spec';
import type {
  AttentionGraph,
  DenseGraph,
  ExpertsGraph,
  LayerGraph,
  LayerWeightName,
  ModelGraph,
  NormGraph,
  NormOffset,
  Rotation,
} from './graph.ts';
import type { GraphFacts } from './parameters.ts';

export interface Architecture {
  readonly name: string;
  /** `general.architecture` of GGUF files. */
  readonly ggufNames: readonly string[];
  /** `model_type` of config.json. */
  readonly hubTypes: readonly string[];
  /** Hub names of layer weights that differ from Llama's names. They may depend on `model_type`. */
  hubNames?(modelType: string): Partial<Readonly<Record<LayerWeightName, string>>>;
  describe(facts: GraphFacts): ModelGraph;
}

export function norm(weight: LayerWeightName, offset: NormOffset = 0): NormGraph {
  return { weight, offset };
}

type Heads = HeadLayout & { readonly window: number | null };

/** The heads and the window of a layer that has its own cache. */
export function headsOf(layer: LayerSpec, index: number): Heads {
  const heads = anyHeadsOf(layer, index);
  if (heads.sharesKvWithLayer === undefined) return heads;
  throw new PlimsollError({
    code: 'unsupported-layer',
    message: `layer ${index} reads the cache of layer ${heads.sharesKvWithLayer}, which the engine does not support for this architecture`,
    value: heads.sharesKvWithLayer,
    limit: 'a cache of its own',
    hint: 'plan this model with another engine profile',
  });
}

/** The heads and the window of a layer that may read an earlier layer's cache. Refuses other kinds of attention. */
export function anyHeadsOf({ attention }: LayerSpec, index: number): Heads {
  if (attention.kind === 'full' || attention.kind === 'sliding') {
    return { ...attention, window: attention.kind === 'sliding' ? attention.window : null };
  }
  throw new PlimsollError({
    code: 'unsupported-layer',
    message: `layer ${index} has ${attention.kind} attention, which the engine does not support`,
    value: attention.kind,
    limit: 'full, sliding',
    hint: 'plan this model with another engine profile',
  });
}

/** Llama's attention, with the changes in `traits`. */
export function attentionOf(
  layer: LayerSpec,
  index: number,
  traits: Partial<AttentionGraph> = {},
): AttentionGraph {
  const isShared = (traits.sharesKvWithLayer ?? null) !== null;
  const { queryHeads, kvHeads, keyHeadDim, window } = (isShared ? anyHeadsOf : headsOf)(layer, index);
  return {
    norm: norm('attn_norm.weight'),
    postNorm: null,
    joined: null,
    fused: false,
    biases: { projections: false, output: false },
    headNorms: null,
    values: 'plain',
    sharesKvWithLayer: null,
    heads: queryHeads,
    kvHeads,
    headDim: keyHeadDim,
    rotation: 0,
    scale: 1 / Math.sqrt(keyHeadDim),
    window,
    softCap: null,
    ...traits,
  };
}

/** Llama's SwiGLU, with the changes in `traits`. */
export function denseOf(layer: LayerSpec, index: number, traits: Partial<DenseGraph> = {}): DenseGraph {
  const { mlp } = layer;
  if (mlp.kind === 'dense' && mlp.gated) {
    const width = mlp.intermediateSize;
    const plain = { postNorm: null, fused: false, activation: 'silu' } as const;
    return { kind: 'dense', norm: norm('ffn_norm.weight'), ...plain, width, ...traits };
  }
  throw new PlimsollError({
    code: 'unsupported-layer',
    message: `layer ${index} has a ${mlp.kind} feed-forward part, which the engine does not support for this architecture`,
    value: mlp.kind,
    limit: 'dense with a gate',
    hint: 'check that the architecture is what the file says',
  });
}

/** A mixture of experts without a shared expert. */
export function expertsOf(layer: LayerSpec, index: number, traits: Partial<ExpertsGraph> = {}): ExpertsGraph {
  const { mlp } = layer;
  if (mlp.kind === 'moe' && mlp.gated && mlp.sharedIntermediateSize === 0) {
    const { experts, expertsPerToken, expertIntermediateSize: width } = mlp;
    const plain = { norm: norm('ffn_norm.weight'), activation: 'silu', normalised: true } as const;
    const router = { routerNorm: null, fused: false, scaled: false };
    return { kind: 'experts', ...plain, ...router, width, experts, expertsPerToken, ...traits };
  }
  throw new PlimsollError({
    code: 'unsupported-layer',
    message: `layer ${index} has a kind of experts that the engine does not support`,
    value: mlp.kind === 'moe' ? `shared width ${mlp.sharedIntermediateSize}` : mlp.kind,
    limit: 'gated experts without a shared expert',
    hint: 'plan this model with another engine profile',
  });
}

/** Llama's layer: attention, then one kind of feed-forward. */
export function plainLayer(attention: AttentionGraph, feedForward: LayerGraph['feedForward']): LayerGraph {
  return { attention, feedForward, layerInput: null, outputScale: false };
}

/** The single rotation of most models. */
export function rotationOf(
  { spec, parameters }: GraphFacts,
  traits: Partial<Rotation> & { readonly defaultBase?: number } = {},
): Rotation {
  const { defaultBase = 10_000, ...changes } = traits;
  const first = spec.layers[0];
  const headDim = first === undefined ? 0 : headsOf(first, 0).keyHeadDim;
  return {
    base: parameters.ropeBase ?? defaultBase,
    rotaryDim: parameters.rotaryDim ?? headDim,
    pairs: 'half',
    scaling: parameters.ropeScaling,
    ...changes,
  };
}

/** Llama's parts outside layers, with the changes in `parts`. */
export function graphOf(
  architecture: string,
  { spec, parameters }: GraphFacts,
  parts: Pick<ModelGraph, 'rotations'> &
    Partial<ModelGraph> & {
      readonly layer: (layer: LayerSpec, index: number) => LayerGraph;
    },
): ModelGraph {
  const { layer, ...changes } = parts;
  return {
    architecture,
    hiddenSize: spec.hiddenSize,
    vocabSize: spec.vocabSize,
    logitsSize: spec.vocabSize,
    normEpsilon: parameters.normEpsilon,
    embeddingScale: null,
    layerInputs: null,
    draftInput: null,
    layers: spec.layers.map(layer),
    finalNormOffset: 0,
    tiedHead: spec.tiedEmbeddings,
    logitSoftCap: null,
    productPath: parameters.overrides?.forceMatVec === true ? 'mat-vec' : 'auto',
    ...changes,
  };
}
