/**
 * The text model of Gemma 4. Differences from Gemma 3: files store norm weights themselves; scores are not scaled;
 * values are normalised without a weight. Full layers have another head size, rotate a share of their pairs, and may
 * use their keys as values. Late layers read the cache of an earlier layer. Small models add an embedding to every
 * layer; one model has experts in addition to its dense part. Source: transformers, models/gemma4/modeling_gemma4.py.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { badGeometry, type LayerSpec, type ModelSpec } from '@plimsoll/model-files';
import {
  type Architecture,
  anyHeadsOf,
  attentionOf,
  denseOf,
  expertsOf,
  graphOf,
  norm,
} from '../architecture.ts';
import type {
  AttentionGraph,
  LayerGraph,
  LayerInputsGraph,
  MixedGraph,
  Rotation,
  RotationScaling,
} from '../graph.ts';
import type { GraphFacts } from '../parameters.ts';
import { fourNorms } from './gemma.ts';

/** Defaults of transformers for a config without `rope_parameters`. */
const usual = {
  farBase: 1_000_000,
  nearBase: 10_000,
  farScaling: { kind: 'proportional', rotatedShare: 0.25, factor: 1 },
} as const;

export const gemma4: Architecture = {
  name: 'gemma4',
  ggufNames: ['gemma4'],
  hubTypes: ['gemma4', 'gemma4_text', 'gemma4_unified', 'gemma4_unified_text'],
  hubNames: () => ({
    ...fourNorms,
    'ffn_gate_inp.weight': 'router.proj.weight',
    'ffn_down_exps.weight': 'experts.down_proj',
  }),
  describe(facts) {
    const { spec, parameters } = facts;
    refuseOther(facts);
    const stated = parameters.overrides?.architecture === 'gemma4' ? parameters.overrides : null;
    const { rotations, far, near } = rotationsOf(facts);
    const valuesOfFull = spec.layers.some((layer) => isOwnFull(layer) && hasValues(layer))
      ? 'normed'
      : 'keys';
    return graphOf('gemma4', facts, {
      rotations,
      embeddingScale: stated?.embeddingScale ?? Math.sqrt(spec.hiddenSize),
      layerInputs: layerInputsOf(spec),
      logitSoftCap: parameters.logitSoftCap,
      layer: (layer, index) => {
        const isFull = anyHeadsOf(layer, index).window === null;
        const traits = { rotation: isFull ? far : near, values: isFull ? valuesOfFull : 'normed' } as const;
        return layerOf(layer, index, { ...traits, expertsPerToken: stated?.expertsPerToken });
      },
    });
  },
};

interface LayerTraits extends Pick<AttentionGraph, 'rotation' | 'values'> {
  readonly expertsPerToken: number | undefined;
}

function layerOf(layer: LayerSpec, index: number, traits: LayerTraits): LayerGraph {
  const { rotation, values, expertsPerToken } = traits;
  const hasInput = layer.tensors.some(({ role }) => role === 'layer-input');
  return {
    attention: attentionOf(layer, index, {
      postNorm: norm('post_attention_norm.weight'),
      headNorms: { offset: 0 },
      biases: { projections: true, output: true },
      sharesKvWithLayer: anyHeadsOf(layer, index).sharesKvWithLayer ?? null,
      scale: 1,
      rotation,
      values,
    }),
    feedForward:
      layer.mlp.kind === 'moe' ? mixedOf(layer, index, expertsPerToken) : denseOf(layer, index, denseTraits),
    layerInput: hasInput ? { activation: 'gelu', postNorm: norm('post_norm.weight') } : null,
    outputScale: true,
  };
}

const denseTraits = { postNorm: norm('post_ffw_norm.weight'), activation: 'gelu' } as const;

/** The dense part is the shared expert of the spec. */
function mixedOf(layer: LayerSpec, index: number, asked: number | undefined): MixedGraph {
  const { mlp } = layer;
  const width = mlp.kind === 'moe' ? mlp.sharedIntermediateSize : 0;
  const dense: LayerSpec = { ...layer, mlp: { kind: 'dense', intermediateSize: width, gated: true } };
  const alone: LayerSpec =
    mlp.kind === 'moe' ? { ...layer, mlp: { ...mlp, sharedIntermediateSize: 0 } } : layer;
  return {
    kind: 'mixed',
    dense: {
      ...denseOf(dense, index, { activation: 'gelu' }),
      postNorm: norm('post_ffw_norm_1.weight'),
    },
    experts: expertsOf(alone, index, {
      norm: norm('pre_ffw_norm_2.weight'),
      routerNorm: norm('ffn_gate_inp.scale'),
      activation: 'gelu',
      fused: layer.tensors.some(({ role }) => role === 'expert-gate-up'),
      scaled: true,
      ...(asked !== undefined && { expertsPerToken: asked }),
    }),
    expertsPostNorm: norm('post_ffw_norm_2.weight'),
    postNorm: norm('post_ffw_norm.weight'),
  };
}

function isOwnFull({ attention }: LayerSpec): boolean {
  return attention.kind === 'full' && attention.sharesKvWithLayer === undefined;
}

function hasValues({ tensors }: LayerSpec): boolean {
  return tensors.some(({ role }) => role === 'attention-v');
}

/** The rotations of full and sliding layers, and their indices. */
function rotationsOf({ spec, parameters }: GraphFacts): {
  readonly rotations: readonly Rotation[];
  readonly far: number;
  readonly near: number;
} {
  const { ropeBase, ropeBaseSliding, ropeScalingSliding, source } = parameters;
  const dimOf = (kind: 'full' | 'sliding'): number | null => {
    const index = spec.layers.findIndex(({ attention }) => attention.kind === kind);
    const layer = spec.layers[index];
    return layer === undefined ? null : anyHeadsOf(layer, index).keyHeadDim;
  };
  const [farDim, nearDim] = [dimOf('full'), dimOf('sliding')];
  const rotations: Rotation[] = [];
  const add = (rotaryDim: number | null, base: number, scaling: RotationScaling): void => {
    if (rotaryDim !== null) rotations.push({ base, rotaryDim, pairs: 'half', scaling });
  };
  const isStated = source === 'gguf' || ropeBase !== null;
  add(farDim, ropeBase ?? usual.farBase, isStated ? farScalingOf(parameters, farDim) : usual.farScaling);
  add(nearDim, ropeBaseSliding ?? usual.nearBase, ropeScalingSliding);
  refusePart('rope.dimension_count', parameters.rotaryDim, farDim);
  refusePart('rope.dimension_count_swa', parameters.rotaryDimSliding, nearDim);
  return { rotations, far: 0, near: farDim === null ? 0 : 1 };
}

/** In GGUF files, divisors state which pairs of full layers rotate. */
function farScalingOf(
  { source, ropeScaling }: GraphFacts['parameters'],
  dim: number | null,
): RotationScaling {
  if (source === 'hub' || dim === null || ropeScaling.kind === 'factors') return ropeScaling;
  throw new PlimsollError({
    code: 'missing-tensor',
    message: 'the file has no tensor rope_freqs.weight, which says how full layers of Gemma 4 rotate',
    value: 'rope_freqs.weight',
    hint: 'convert the model again with a current llama.cpp',
  });
}

function refusePart(key: string, stated: number | null, headDim: number | null): void {
  if (stated === null || headDim === null || stated === headDim) return;
  throw badGeometry({ key: `gemma4.${key}`, value: stated, needed: `${headDim}, the size of a head` });
}

function layerInputsOf({ tensors, layers, hiddenSize }: ModelSpec): LayerInputsGraph | null {
  const projection = tensors.find(({ role }) => role === 'layer-input');
  if (projection === undefined) return null;
  const width = (projection.shape[0] ?? 0) / layers.length;
  return {
    width,
    tableScale: Math.sqrt(width),
    projectionScale: 1 / Math.sqrt(hiddenSize),
    scale: Math.SQRT1_2,
  };
}

/** Refuses config values that no released text model has. */
function refuseOther({ parameters: { isCausal, activation } }: GraphFacts): void {
  if (!isCausal) throw refusal('attention', 'bidirectional', 'causal');
  if (activation !== null && activation !== 'gelu_pytorch_tanh') {
    throw refusal('hidden_activation', activation, 'gelu_pytorch_tanh');
  }
}

function refusal(what: string, value: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'unsupported-layer',
    message: `${what} of this Gemma 4 model is ${value}; the engine supports only ${limit}`,
    value,
    limit,
    hint: 'plan this model with another engine profile',
  });
}
