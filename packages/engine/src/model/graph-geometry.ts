/**
 * The check between a file and the kernels. It refuses numbers that no graph can compute with, and tensors whose shape
 * differs from the graph, and names them as the file does. Kernels trust every size. After this check no kernel divides
 * by zero or reads outside a tensor. The reader of the spec has checked the sizes in the spec.
 */
import type { LayerSpec, ModelSpec } from '@plimsoll/model-files';
import { badGeometry } from '@plimsoll/model-files';
import type { TensorSpec } from '@plimsoll/model-files/spec';
import {
  type AttentionGraph,
  type ExpertsGraph,
  type LayerGraph,
  type ModelGraph,
  outerWeightNames,
} from './graph.ts';
import type { ModelParameters } from './parameters.ts';
import { checkRotation } from './rotation-geometry.ts';
import type { WeightNames } from './weight-names.ts';
import { weightsOfLayer } from './weight-names.ts';
import { outerShapes, shapesOfLayer } from './weight-shapes.ts';

/**
 * Maximum number of expert matrices in all layers. The plan takes about 0.5 KB for each. Kimi K2 has the most: 70,272.
 */
const expertMatricesMax = 262_144;

export interface CheckedModel {
  readonly spec: ModelSpec;
  readonly graph: ModelGraph;
  readonly parameters: ModelParameters;
  readonly names: WeightNames;
}

export function checkGraph({ spec, graph, parameters, names }: CheckedModel): void {
  const isGguf = parameters.source === 'gguf';
  const key = (gguf: string, hub: string): string => (isGguf ? `${spec.family}.${gguf}` : hub);
  const epsilon = graph.normEpsilon;
  // The kernels add epsilon in f32. An epsilon that rounds to 0 in f32 makes a row of zeros divide by zero.
  if (!(Math.fround(epsilon) > 0 && epsilon < 1)) {
    const name = key('attention.layer_norm_rms_epsilon', 'rms_norm_eps');
    throw badGeometry({ key: name, value: epsilon, needed: 'a number above 0 and below 1' });
  }
  needPositive(key('final_logit_softcapping', 'final_logit_softcapping'), graph.logitSoftCap);
  graph.rotations.forEach((rotation, index) => {
    const layers = graph.layers.filter(({ attention }) => attention.rotation === index);
    const headDim = layers.reduce((least, { attention }) => Math.min(least, attention.headDim), Infinity);
    checkRotation(rotation, { headDim, contextLength: spec.contextLength, key });
  });
  graph.layers.forEach((layer, index) => {
    const place = `layer ${index}`;
    checkAttention(layer.attention, { place, key, queryScalar: parameters.queryScalar });
    const held = spec.layers[index];
    if (held === undefined) return;
    checkValueDim(held, { place, key });
    const experts = expertsOfLayer(layer);
    if (experts !== null) checkExperts(experts, held, { place, key });
    checkSharing(layer.attention, graph, { place, key });
  });
  checkExpertMatrices(graph, key('expert_count', 'num_experts'));
  checkShapes(spec, graph, names);
}

function checkExpertMatrices({ layers }: ModelGraph, key: string): void {
  const matrices = layers.reduce((sum, layer) => sum + 3 * (expertsOfLayer(layer)?.experts ?? 0), 0);
  if (matrices <= expertMatricesMax) return;
  const named = `${key}, as matrices of ${layers.length} layers,`;
  throw badGeometry({ key: named, value: matrices, needed: `at most ${expertMatricesMax}` });
}

type Key = (gguf: string, hub: string) => string;

interface Place {
  readonly place: string;
  readonly key: Key;
}

function needPositive(key: string, value: number | null, place?: string): void {
  if (value === null || (Number.isFinite(value) && Math.fround(value) > 0)) return;
  throw badGeometry({ key, value, needed: 'a number above 0', place });
}

function checkAttention(
  attention: AttentionGraph,
  { place, key, queryScalar }: Place & { readonly queryScalar: number | null },
): void {
  const { scale, softCap, window, heads, kvHeads } = attention;
  needPositive(key('attn_logit_softcapping', 'attn_logit_softcapping'), softCap, place);
  // Scores are divided by the square root of this number.
  needPositive(key('attention.key_length', 'query_pre_attn_scalar'), queryScalar ?? 1 / scale ** 2, place);
  if (window !== null && !(Number.isSafeInteger(window) && window >= 1)) {
    const name = key('attention.sliding_window', 'sliding_window');
    throw badGeometry({ key: name, value: window, needed: 'a whole number above 0', place });
  }
  if (heads % kvHeads !== 0) {
    const name = key('attention.head_count_kv', 'num_key_value_heads');
    throw badGeometry({ key: name, value: kvHeads, needed: `a divisor of the ${heads} heads`, place });
  }
}

/** Graph and cache have one size for the keys and values of a head. */
function checkValueDim({ attention }: LayerSpec, { place, key }: Place): void {
  if (!('kvHeads' in attention) || attention.keyHeadDim === attention.valueHeadDim) return;
  const name = key('attention.value_length', 'v_head_dim');
  const needed = `${attention.keyHeadDim}, as large as a key`;
  throw badGeometry({ key: name, value: attention.valueHeadDim, needed, place });
}

/** A layer can read an earlier layer's cache only if both have the same heads and window. */
function checkSharing(attention: AttentionGraph, { layers }: ModelGraph, { place, key }: Place): void {
  const { sharesKvWithLayer, kvHeads, headDim, window } = attention;
  if (sharesKvWithLayer === null) return;
  const owner = layers[sharesKvWithLayer]?.attention;
  const isAlike = owner?.kvHeads === kvHeads && owner.headDim === headDim && owner.window === window;
  if (isAlike && owner.sharesKvWithLayer === null) return;
  const name = key('attention.shared_kv_layers', 'num_kv_shared_layers');
  const needed = `such that layer ${sharesKvWithLayer} has its own cache, with the heads and the window of this layer`;
  throw badGeometry({ key: name, value: sharesKvWithLayer, needed, place });
}

function expertsOfLayer({ feedForward }: LayerGraph): ExpertsGraph | null {
  if (feedForward.kind === 'dense') return null;
  return feedForward.kind === 'mixed' ? feedForward.experts : feedForward;
}

/** The plan reserves room for the number of experts per token in the file; an override may ask for fewer. */
function checkExperts(
  { experts, expertsPerToken }: ExpertsGraph,
  { mlp }: LayerSpec,
  { place, key }: Place,
): void {
  const most = mlp.kind === 'moe' ? Math.min(mlp.expertsPerToken, experts) : 0;
  if (Number.isSafeInteger(expertsPerToken) && expertsPerToken >= 1 && expertsPerToken <= most) return;
  const name = key('expert_used_count', 'num_experts_per_tok');
  const needed = `a whole number from 1 to ${most}`;
  throw badGeometry({ key: name, value: expertsPerToken, needed, place });
}

/** Checks the shapes of existing tensors. placeModel finds missing tensors. */
function checkShapes(spec: ModelSpec, graph: ModelGraph, names: WeightNames): void {
  const outer = new Map(spec.tensors.map((tensor) => [tensor.name, tensor]));
  const need = (tensor: TensorSpec | undefined, shape: readonly number[], place?: string): void => {
    if (tensor === undefined || sameShape(tensor.shape, shape)) return;
    throw badGeometry({
      key: `the shape of ${tensor.name}`,
      value: `[${tensor.shape.join(', ')}]`,
      needed: `[${shape.join(', ')}]`,
      place,
    });
  };
  const outside = outerShapes(graph);
  for (const name of outerWeightNames) {
    const shape = outside[name];
    if (shape !== undefined) need(outer.get(names.outer(name)), shape);
  }
  graph.layers.forEach((layer, index) => {
    const held = new Map((spec.layers[index]?.tensors ?? []).map((tensor) => [tensor.name, tensor]));
    for (const [name, shape] of neededShapes(layer, graph)) {
      need(held.get(names.layer(name)), shape, `layer ${index}`);
    }
  });
}

/**
 * Shapes of the weights that this layer uses. Other names are left out, because two graph names can mean one tensor.
 */
function neededShapes(layer: LayerGraph, graph: ModelGraph) {
  const shapes = shapesOfLayer(layer, graph);
  const { required, optional } = weightsOfLayer(layer);
  return [...required, ...optional].flatMap((name) => {
    const shape = shapes[name];
    return shape === undefined ? [] : [[name, shape] as const];
  });
}

function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((size, axis) => size === right[axis]);
}
